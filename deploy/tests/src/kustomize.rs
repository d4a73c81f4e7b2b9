//! Kustomize bases as what they become, by the kustomize of kubectl.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use mixer_harness::real_program;
use serde_json::Value;

use crate::render::{documents, root, run};

/// kubectl, of which nothing but `kubectl kustomize` is used: it needs no cluster.
#[derive(Debug)]
pub struct Kubectl {
    program: PathBuf,
}

impl Kubectl {
    /// None when it is not there and nobody asked for real counterparts: the test is skipped.
    ///
    /// # Errors
    /// It is missing although it is required.
    pub fn find() -> anyhow::Result<Option<Self>> {
        Ok(real_program("MIXER_KUBECTL")?.map(|program| Self { program }))
    }

    /// The objects of a folder with a kustomization, ordered by kind, namespace and name.
    ///
    /// # Errors
    /// Kustomize refuses; the text is its own.
    pub fn kustomize(&self, folder: &Path) -> anyhow::Result<Vec<Value>> {
        let output = run(Command::new(&self.program).arg("kustomize").arg(folder), "")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success() && said.is_empty(), "{}: {said}", folder.display());
        documents(&String::from_utf8(output.stdout)?)
    }

    /// The objects of a kustomization that is written for the occasion. In it `ROOT` stands for the top of the workspace.
    ///
    /// # Errors
    /// As [`Kubectl::kustomize`].
    pub fn overlay(&self, kustomization: &str) -> anyhow::Result<Vec<Value>> {
        let folder = tempfile::tempdir()?;
        let here = folder.path().canonicalize()?;
        // Kustomize takes no absolute paths.
        let up = "../".repeat(here.components().count() - 1);
        let root = root().canonicalize()?;
        let root = root.strip_prefix("/").context("the workspace has no absolute path")?;
        let text = kustomization.replace("ROOT", &format!("{up}{}", root.display()));
        std::fs::write(here.join("kustomization.yaml"), text)?;
        self.kustomize(&here)
    }
}
