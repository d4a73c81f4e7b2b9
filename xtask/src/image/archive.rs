//! What an OCI archive says about the image in it.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

/// The image of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// Digest of its manifest, by which registries and clusters name it.
    pub(super) digest: String,
    /// Bytes of its layers and configuration, compressed: what is downloaded.
    pub(super) pulled: u64,
}

/// Reads index and manifest (OCI image layout 1.0).
pub(super) fn read(archive: &Path) -> anyhow::Result<Image> {
    let index = json(archive, "index.json")?;
    let digest = index["manifests"][0]["digest"].as_str().context("index.json names no manifest")?.to_owned();
    let (algorithm, hash) = digest.split_once(':').context("a digest without its algorithm")?;
    let manifest = json(archive, &format!("blobs/{algorithm}/{hash}"))?;
    let layers = manifest["layers"].as_array().context("the manifest names no layers")?;
    let sizes = layers.iter().chain([&manifest["config"]]).map(|part| part["size"].as_u64());
    let pulled = sizes.sum::<Option<u64>>().context("the manifest names no sizes")?;
    Ok(Image { digest, pulled })
}

fn json(archive: &Path, name: &str) -> anyhow::Result<Value> {
    let output =
        Command::new("tar").arg("-xOf").arg(archive).arg(name).output().context("cannot start tar")?;
    anyhow::ensure!(output.status.success(), "{} holds no {name}", archive.display());
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} of {}", archive.display()))
}
