//! What an adapter's package in Rust says of itself: name, version and port.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

/// What is known of an adapter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// `tally` of `mixer-tally-adapter`.
    pub(super) name: String,
    pub(super) version: String,
    /// The port of gRPC when the program is given no other; none when the sources do not say it in a plain way.
    pub(super) port: Option<u16>,
}

impl Package {
    /// The package of a folder; none when the folder holds no package.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join("Cargo.toml");
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(package) = text_of(&text, "package", "name") else { return Ok(None) };
        let Some(name) = package.strip_prefix("mixer-").and_then(|name| name.strip_suffix("-adapter")) else {
            bail!(
                "{} is the package {package:?}; that of an adapter is called mixer-NAME-adapter. Write the adapter's \
                 NAME and --port to do without the package",
                path.display()
            );
        };
        let version = match text_of(&text, "package", "version") {
            Some(version) => version,
            None => workspace_version(folder)
                .with_context(|| format!("{} and the workspace around it have no version", path.display()))?,
        };
        let port = port(&sources(&folder.join("src"))?);
        Ok(Some(Self { name: name.to_owned(), version, port }))
    }
}

/// The text of a key in a section. It reads what cargo itself and people write, one key on each line.
fn text_of(toml: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    for line in toml.lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[') {
            inside = head.strip_suffix(']').is_some_and(|head| head.trim() == section);
        } else if inside
            && let Some((found, value)) = line.split_once('=')
            && found.trim() == key
        {
            return value.trim().strip_prefix('"')?.split('"').next().map(str::to_owned);
        }
    }
    None
}

/// The version that the packages of a workspace share.
fn workspace_version(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    folder.ancestors().skip(1).find_map(|above| {
        let text = fs::read_to_string(above.join("Cargo.toml")).ok()?;
        text_of(&text, "workspace.package", "version")
    })
}

/// All sources of a package; nothing when there are none.
fn sources(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(text) };
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.is_dir() {
            text += &sources(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        }
    }
    Ok(text)
}

/// The number that is given to `default_port`, or the constant.
fn port(sources: &str) -> Option<u16> {
    let number = |text: &str| -> Option<u16> {
        let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '_').collect();
        digits.replace('_', "").parse().ok()
    };
    sources.split(".default_port(").skip(1).find_map(|rest| {
        let argument = rest.split(')').next()?.trim();
        number(argument).or_else(|| {
            let constant = format!("const {argument}: u16 = ");
            number(sources.split(&constant).nth(1)?)
        })
    })
}

#[cfg(test)]
mod tests;
