//! The descriptors of the Envoy services that the server offers, for reflection: pruned out of the set that the
//! `envoy-types` package ships, which is thirty times as large.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::MetadataCommand;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use super::Outputs;

/// Where the descriptors go.
const OUTPUT: &str = "crates/server/src/envoy/services.desc";
/// The files that define the services.
const SERVICES: &[&str] =
    &["envoy/service/auth/v3/external_auth.proto", "envoy/service/accesslog/v3/als.proto"];

pub(super) fn generate(root: &Path, outputs: &mut Outputs) -> anyhow::Result<()> {
    // As with every other output: a tree without the package that embeds the file gets none.
    if !root.join("crates/server/Cargo.toml").exists() {
        return Ok(());
    }
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec()?;
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "envoy-types");
    let package = package.context("envoy-types is not among the dependencies")?;
    let folder = package.manifest_path.parent().context("a package has a folder")?;
    let path = folder.join("src/generated/types.bin");
    let bytes = fs::read(&path).with_context(|| format!("envoy-types {} has no {path}", package.version))?;
    let set = FileDescriptorSet::decode(bytes.as_slice())?;
    outputs.put(OUTPUT, pruned(set)?.encode_to_vec());
    Ok(())
}

/// The wanted files and all that they import.
fn pruned(set: FileDescriptorSet) -> anyhow::Result<FileDescriptorSet> {
    let files: BTreeMap<String, FileDescriptorProto> =
        set.file.into_iter().map(|file| (file.name().to_owned(), file)).collect();
    let mut needed = BTreeSet::new();
    let mut open: Vec<&str> = SERVICES.to_vec();
    while let Some(name) = open.pop() {
        if needed.insert(name) {
            let file = files.get(name).with_context(|| format!("envoy-types has no {name}"))?;
            open.extend(file.dependency.iter().map(String::as_str));
        }
    }
    let file = needed.into_iter().filter_map(|name| files.get(name).cloned());
    let file = file.map(|mut file| {
        file.source_code_info = None;
        file
    });
    Ok(FileDescriptorSet { file: file.collect() })
}
