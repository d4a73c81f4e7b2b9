//! Podman with a store of its own, so that images and containers of the user stay as they are. Dropping it ends and removes
//! everything that it has started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use mixer_harness::real_program;
use serde_json::Value;
use tempfile::TempDir;

use crate::image::Image;

/// The variable that names the program.
pub const PODMAN: &str = "MIXER_PODMAN";

/// How a container is restricted: a root that cannot be written, no capability, no way to get one, little memory, few
/// processes.
pub const HARDENED: &[&str] = &[
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=128m",
    "--pids-limit=64",
];

/// Podman, if the tests were given one.
#[derive(Debug)]
pub struct Podman {
    program: PathBuf,
    store: TempDir,
}

impl Podman {
    /// A new store in the folder; none when the tests were given no Podman.
    ///
    /// # Errors
    /// Podman is required, or the folder cannot be written.
    pub fn new(folder: &Path) -> anyhow::Result<Option<Self>> {
        let Some(program) = real_program(PODMAN)? else { return Ok(None) };
        std::fs::create_dir_all(folder)?;
        let store = tempfile::Builder::new().prefix("podman-").tempdir_in(folder)?;
        Ok(Some(Self { program, store }))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let folder = |name: &str| self.store.path().join(name);
        command.arg("--root").arg(folder("root")).arg("--runroot").arg(folder("run"));
        command.arg("--tmpdir").arg(folder("tmp")).arg("--network-config-dir").arg(folder("networks"));
        command.args(["--storage-driver", "vfs"]);
        command
    }

    /// Runs a command of Podman; what it prints.
    ///
    /// # Errors
    /// It fails; the error has what it said.
    pub fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.command().args(args).output();
        let output = output.with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "podman {}: {}\n{said}", args.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Takes an image from its archive; its name.
    ///
    /// # Errors
    /// Podman refuses.
    pub fn load(&self, image: &Image) -> anyhow::Result<String> {
        let archive = image.archive.display().to_string();
        let said = self.run(&["load", "--quiet", "--input", &archive])?;
        let name = said.rsplit(' ').next().context("podman names no image")?;
        Ok(name.to_owned())
    }

    /// What Podman knows about a container.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn inspect(&self, container: &str) -> anyhow::Result<Value> {
        let mut found: Value = serde_json::from_str(&self.run(&["container", "inspect", container])?)?;
        Ok(found[0].take())
    }

    /// What a container has printed, on both outputs.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn logs(&self, container: &str) -> anyhow::Result<String> {
        let output = self.command().args(["logs", container]).output()?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Best effort: a test that ends early still ends what it has started, and says why it ended.
        let _ = self.run(&["pod", "rm", "--all", "--force", "--time", "0"]);
        let _ = self.run(&["rm", "--all", "--force", "--time", "0"]);
    }
}
