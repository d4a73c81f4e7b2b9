//! The programs that build images; any of them makes the same files from the same folder.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::Facts;
use super::program::{Arch, Program};
use super::stage::Stage;
use crate::tools::{on_path, run};

/// What builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// Buildah.
    Buildah,
    /// Podman.
    Podman,
    /// Docker with buildx.
    Docker,
}

/// What is to be built.
pub(super) struct Image<'a> {
    /// The program in it.
    pub(super) program: &'a Program,
    /// About its sources.
    pub(super) facts: &'a Facts,
    /// Its processor.
    pub(super) arch: Arch,
    /// Its name and tag.
    pub(super) reference: &'a str,
    /// Where it goes.
    pub(super) archive: &'a Path,
}

/// The engine that is asked for, or else the first that is there.
pub(super) fn find(wanted: Option<Engine>) -> anyhow::Result<Engine> {
    let all = [Engine::Buildah, Engine::Podman, Engine::Docker];
    let is_there = |engine: &Engine| on_path(engine.program()).is_some();
    match wanted {
        Some(engine) if is_there(&engine) => Ok(engine),
        Some(engine) => anyhow::bail!("{} is not on PATH", engine.program()),
        None => all.into_iter().find(is_there).context("images need buildah, podman or docker on PATH"),
    }
}

impl Engine {
    fn program(self) -> &'static str {
        match self {
            Self::Buildah => "buildah",
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// Builds the last stage with the folder in place of the first one.
    pub(super) fn build(self, root: &Path, stage: &Stage, image: &Image<'_>) -> anyhow::Result<()> {
        if image.archive.exists() {
            // Engines add to an archive that is there.
            std::fs::remove_file(image.archive)?;
        }
        match self {
            Self::Buildah | Self::Podman => self.build_and_push(root, stage, image),
            Self::Docker => {
                let mut command = Command::new("docker");
                command.args(["buildx", "build", "--provenance=false", "--sbom=false"]);
                describe(&mut command, root, stage, image)?;
                command.arg("--output").arg(format!(
                    "type=oci,dest={},name={},rewrite-timestamp=true",
                    image.archive.display(),
                    image.reference
                ));
                command.env("SOURCE_DATE_EPOCH", image.facts.changed.to_string());
                run(command.arg(stage.context()))
            }
        }
    }

    /// The images of the user stay as they are: these go into a store of their own, which is deleted.
    fn build_and_push(self, root: &Path, stage: &Stage, image: &Image<'_>) -> anyhow::Result<()> {
        let store = tempfile::Builder::new().prefix("mixer-store-").tempdir()?;
        let command = || {
            let mut command = Command::new(self.program());
            command.arg("--root").arg(store.path().join("root"));
            command.arg("--runroot").arg(store.path().join("run")).args(["--storage-driver", "vfs"]);
            command
        };
        let mut build = command();
        // With a layer for each line the two would tell different histories.
        build.args(["build", "--quiet", "--layers=false", "--isolation", "chroot", "--format", "oci"]);
        build.arg("--identity-label=false").arg("--timestamp").arg(image.facts.changed.to_string());
        describe(&mut build, root, stage, image)?;
        build.args(["--tag", image.reference]).arg(stage.context());
        quietly(&mut build)?;
        let mut push = command();
        push.args(["push", "--quiet", "--format", "oci", image.reference]);
        quietly(push.arg(format!("oci-archive:{}:{}", image.archive.display(), image.reference)))
    }
}

/// What all engines are told in the same words.
fn describe(command: &mut Command, root: &Path, stage: &Stage, image: &Image<'_>) -> anyhow::Result<()> {
    let facts = image.facts;
    let created = super::sbom::rfc3339(facts.changed)?;
    command.arg("--platform").arg(format!("linux/{}", image.arch));
    command.arg("--build-context").arg(format!("build={}", stage.context().display()));
    let said = [
        ("PROGRAM", &image.program.name),
        ("VERSION", &facts.version),
        ("REVISION", &facts.revision),
        ("CREATED", &created),
    ];
    for (name, value) in said {
        command.arg("--build-arg").arg(format!("{name}={value}"));
    }
    command.arg("--file").arg(root.join("deploy/images/Dockerfile"));
    Ok(())
}

/// What an engine says matters when it fails.
fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot start {shown}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{shown}: {}\n{said}", output.status);
    Ok(())
}
