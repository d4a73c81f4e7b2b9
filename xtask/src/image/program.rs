//! Which program an image is of, and for which processor.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

/// A processor that images are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Arch {
    /// The target of Rust.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// `e_machine` of its programs (ELF-64 Object File Format, and the processors' supplements).
    pub(super) fn machine(self) -> u16 {
        match self {
            Self::Amd64 => 62,
            Self::Arm64 => 183,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// A program of the workspace; its package has the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// `mixs`, `mixer-newrelic-adapter`.
    pub(super) name: String,
    /// Version of its package.
    pub(super) version: String,
}

/// What cargo knows about the workspace, as it is built for this processor.
pub(super) fn metadata(root: &Path, arch: Arch) -> anyhow::Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root.join("Cargo.toml"));
    command.other_options(["--locked".to_owned(), format!("--filter-platform={}", arch.target())]);
    command.exec().context("cargo metadata")
}

/// The program that a name means: its own, or what stands between `mixer-` and `-adapter`.
pub(super) fn find(metadata: &Metadata, name: &str) -> anyhow::Result<Program> {
    let adapter = format!("mixer-{name}-adapter");
    let programs: Vec<&Package> =
        metadata.workspace_packages().into_iter().filter(|p| has_image(p)).collect();
    let found =
        programs.iter().find(|package| package.name.as_str() == name || package.name.as_str() == adapter);
    let package = found.with_context(|| {
        let names: Vec<&str> = programs.iter().map(|package| package.name.as_str()).collect();
        format!("no image is made of {name:?}; there are {}", names.join(", "))
    })?;
    Ok(Program { name: package.name.to_string(), version: package.version.to_string() })
}

/// Servers have images; tools do not.
fn has_image(package: &Package) -> bool {
    let name = package.name.as_str();
    let is_server = name == "mixs" || (name.starts_with("mixer-") && name.ends_with("-adapter"));
    is_server
        && package.targets.iter().any(|target| target.kind.contains(&TargetKind::Bin) && target.name == name)
}
