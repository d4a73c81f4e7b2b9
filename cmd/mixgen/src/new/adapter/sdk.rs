//! Where the new package gets the SDK from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::record;

/// A source of the SDK and of the packages beside it.
#[derive(Debug)]
pub(super) enum Sdk {
    /// A clone of the repository.
    Clone(PathBuf),
    Git {
        url: String,
        revision: Option<String>,
    },
    Version(String),
}

/// Folders of a clone whose packages belong to its workspace.
const MEMBERS: &[&str] = &["adapters", "cmd", "crates"];

impl Sdk {
    /// The source that a flag names, else the clone that the current folder is in.
    pub(super) fn read(flag: Option<&str>) -> anyhow::Result<Self> {
        let Some(flag) = flag else {
            let current = std::env::current_dir().context("the current folder is gone")?;
            let clone = current.ancestors().find(|folder| is_clone(folder));
            return clone.map(|clone| Self::Clone(clone.to_path_buf())).context(
                "the current folder is not in a clone of mixer-rs, so the SDK has to be named: \
                 --sdk path:DIR (a clone), git:URL, git:URL#REVISION or version:VERSION",
            );
        };
        match flag.split_once(':') {
            Some(("path", folder)) if !is_clone(Path::new(folder)) => bail!(
                "--sdk {flag}: {folder} is no clone of mixer-rs: it has no crates/adapter-sdk/Cargo.toml"
            ),
            Some(("path", folder)) => Ok(Self::Clone(PathBuf::from(folder))),
            Some(("git", rest)) if !rest.is_empty() && is_plain(rest) => {
                let (url, revision) = rest.split_once('#').unwrap_or((rest, ""));
                let revision = (!revision.is_empty()).then(|| revision.to_owned());
                Ok(Self::Git { url: url.to_owned(), revision })
            }
            Some(("version", version)) if !version.is_empty() && is_plain(version) => {
                Ok(Self::Version(version.to_owned()))
            }
            _ => bail!("--sdk {flag}: write path:DIR, git:URL, git:URL#REVISION or version:VERSION"),
        }
    }

    /// Refuses a place where cargo would take the new package for a member of the clone's workspace.
    pub(super) fn check_place(&self, parent: &Path) -> anyhow::Result<()> {
        let Self::Clone(clone) = self else { return Ok(()) };
        let (Ok(clone), Ok(parent)) = (clone.canonicalize(), parent.canonicalize()) else { return Ok(()) };
        if let Some(folder) = MEMBERS.iter().find(|folder| clone.join(folder) == parent) {
            bail!(
                "packages in {folder}/ are members of mixer-rs itself; name a folder elsewhere with -o, such as \
                 one beside the clone"
            );
        }
        Ok(())
    }

    /// A package of the source as a dependency of the package at `place`; `folder` is its name in a clone.
    pub(super) fn dependency(&self, package: &str, folder: &str, place: &Path) -> anyhow::Result<String> {
        Ok(match self {
            Self::Clone(clone) => {
                let path = record::seen_from(place, &clone.join("crates").join(folder))?;
                if path.contains(['"', '\\']) {
                    bail!("{package}: the path {path} cannot stand in Cargo.toml");
                }
                format!("{{ path = \"{path}\" }}")
            }
            Self::Git { url, revision: Some(revision) } => {
                format!("{{ git = \"{url}\", rev = \"{revision}\" }}")
            }
            Self::Git { url, revision: None } => format!("{{ git = \"{url}\" }}"),
            Self::Version(version) => format!("\"{version}\""),
        })
    }

    /// The versions with which the SDK was tested.
    pub(super) fn lock_file(&self) -> Option<PathBuf> {
        let Self::Clone(clone) = self else { return None };
        Some(clone.join("Cargo.lock")).filter(|lock| lock.is_file())
    }
}

/// Whether text can stand between the quotes of a TOML string.
fn is_plain(text: &str) -> bool {
    !text.contains(['"', '\\']) && !text.chars().any(char::is_control)
}

fn is_clone(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("crates/adapter-sdk/Cargo.toml"));
    manifest.is_ok_and(|manifest| manifest.contains("name = \"mixer-adapter-sdk\""))
}
