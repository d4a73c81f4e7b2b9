//! Looks into images as `cargo xtask image` writes them: OCI archives, with the list of their contents beside them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use mixer_harness::real_folder;
use serde_json::Value;

/// The variable that names the folder of the images.
pub const IMAGES: &str = "MIXER_IMAGES";

/// An image in an archive.
#[derive(Clone, Debug)]
pub struct Image {
    /// The archive.
    pub archive: PathBuf,
    /// Digest of its manifest.
    pub digest: String,
    /// Its manifest (OCI image manifest).
    pub manifest: Value,
    /// Its configuration (OCI image configuration).
    pub config: Value,
}

/// A file, a folder (`path` ends with a slash) or a link in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As `ls` shows it: `-rwxr-xr-x`.
    pub mode: String,
    /// User and group: `0/0`.
    pub owner: String,
    /// Bytes.
    pub size: u64,
    /// Without a slash in front; a link as `path -> target`.
    pub path: String,
}

/// The image of a program that the tests were given; none when they were given no images.
///
/// # Errors
/// Images are required, or this one cannot be read.
pub fn given(program: &str) -> anyhow::Result<Option<Image>> {
    match real_folder(IMAGES)? {
        Some(folder) => Image::open(&folder.join(format!("{program}-amd64.tar"))).map(Some),
        None => Ok(None),
    }
}

impl Image {
    /// Reads index, manifest and configuration.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn open(archive: &Path) -> anyhow::Result<Self> {
        let json = |name: &str| anyhow::Ok(serde_json::from_slice::<Value>(&member(archive, name)?)?);
        let index = json("index.json")?;
        let digest = text(&index["manifests"][0]["digest"])?;
        let manifest = json(&blob(&digest)?)?;
        let config = json(&blob(&text(&manifest["config"]["digest"])?)?)?;
        Ok(Self { archive: archive.to_owned(), digest, manifest, config })
    }

    /// The list of contents beside it (CycloneDX).
    ///
    /// # Errors
    /// It is not there, or no JSON.
    pub fn contents(&self) -> anyhow::Result<(PathBuf, Value)> {
        let file = self.archive.with_extension("cdx.json");
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        Ok((file, serde_json::from_slice(&text)?))
    }

    /// Everything in its layers, in order.
    ///
    /// # Errors
    /// A layer cannot be read.
    pub fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for layer in self.layers()? {
            let listed = filter(tar(&["--numeric-owner", "-tvzf", "-"]), &layer)?;
            for line in String::from_utf8(listed)?.lines() {
                entries.push(entry(line).with_context(|| format!("tar says {line:?}"))?);
            }
        }
        Ok(entries)
    }

    /// The content of a file.
    ///
    /// # Errors
    /// No layer has it.
    pub fn file(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        for layer in self.layers()? {
            if let Ok(content) = filter(tar(&["-xOzf", "-", path]), &layer) {
                return Ok(content);
            }
        }
        anyhow::bail!("{} holds no {path}", self.archive.display())
    }

    fn layers(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let layers = self.manifest["layers"].as_array().context("the manifest has no layers")?;
        layers.iter().map(|layer| member(&self.archive, &blob(&text(&layer["digest"])?)?)).collect()
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    let mode = words.next()?.to_owned();
    let owner = words.next()?.to_owned();
    let size = words.next()?.parse().ok()?;
    let path = words.skip(2).collect::<Vec<_>>().join(" ");
    Some(Entry { mode, owner, size, path })
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(value.as_str().context("the archive is no OCI image layout")?.to_owned())
}

/// Where an OCI image layout keeps what has this digest.
fn blob(digest: &str) -> anyhow::Result<String> {
    let (algorithm, hash) = digest.split_once(':').context("a digest without its algorithm")?;
    Ok(format!("blobs/{algorithm}/{hash}"))
}

fn member(archive: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let output = tar(&["-xOf"]).arg(archive).arg(name).output().context("cannot start tar")?;
    ensure!(output.status.success(), "{} holds no {name}", archive.display());
    Ok(output.stdout)
}

fn tar(args: &[&str]) -> Command {
    let mut command = Command::new("tar");
    command.args(args);
    command
}

/// What a command makes of its input.
fn filter(mut command: Command, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start tar")?;
    let mut stdin = child.stdin.take().context("tar has no input")?;
    let output = std::thread::scope(|scope| {
        // It stops to read when it has found what it looks for.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    ensure!(output.status.success(), "tar: {}", output.status);
    Ok(output.stdout)
}
