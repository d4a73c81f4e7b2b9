//! Turns descriptors into Rust source: messages by prost, services by tonic, formatted as the rest of the
//! project is.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use prost_build::{Config, Module};
use prost_types::FileDescriptorSet;

/// Which half of a package to make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Messages and enums.
    Messages,
    /// Clients and servers.
    Services,
}

/// One Rust file to make.
pub(super) struct Unit<'a> {
    /// The protobuf package whose items go into the file.
    pub(super) package: &'a str,
    /// What of the package is made.
    pub(super) half: Half,
    /// First line of the file's documentation.
    pub(super) title: &'a str,
    /// Where the Rust items of other packages are: protobuf package, Rust path.
    pub(super) known: &'a [(String, String)],
}

/// Makes the Rust source of one package.
pub(super) fn source(root: &Path, set: &FileDescriptorSet, unit: &Unit<'_>) -> anyhow::Result<String> {
    let mut config = Config::new();
    config.btree_map(["."]).bytes(["."]).enable_type_names().type_name_domain(["."], "type.googleapis.com");
    for (package, path) in unit.known {
        // A package with a Rust path is not made, only referred to.
        if unit.half == Half::Services || package != unit.package {
            config.extern_path(format!(".{package}"), path);
        }
    }
    if unit.half == Half::Services {
        config.service_generator(tonic_prost_build::configure().service_generator());
    }
    let wanted = Module::from_protobuf_package_name(unit.package);
    // All files take part, as prost derives `Eq` and `Copy` from what a message contains.
    let requests = set
        .file
        .iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), strip_foreign(file, unit)))
        .collect();
    let mut modules = config.generate(requests)?;
    let code = modules.remove(&wanted).unwrap_or_default();
    let source = format!(
        "//! {}\n//!\n//! Made by `cargo xtask gen`; do not edit.\n#![allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]\n\n{code}",
        unit.title
    );
    format(root, &source)
}

/// Services of other packages, and all of them where only messages are wanted, are of no interest.
fn strip_foreign(
    file: &prost_types::FileDescriptorProto,
    unit: &Unit<'_>,
) -> prost_types::FileDescriptorProto {
    let mut file = file.clone();
    if unit.half == Half::Messages || file.package() != unit.package {
        file.service.clear();
    }
    file
}

/// Formats Rust source by the workspace's rules.
pub(super) fn format(root: &Path, source: &str) -> anyhow::Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start rustfmt; `rustup component add rustfmt` installs it")?;
    let mut stdin = child.stdin.take().context("rustfmt has no standard input")?;
    // rustfmt reads everything before it writes anything, so there is no other side to serve meanwhile.
    stdin.write_all(source.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("rustfmt failed on generated source: {}", output.status);
    }
    String::from_utf8(output.stdout).context("rustfmt wrote something other than text")
}
