//! Which files a check looks at.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

const EXTENSIONS: &[&str] = &["yaml", "yml", "proto", "md"];
/// Directories of build output and of foreign packages.
const SKIPPED: &[&str] = &["target", "node_modules", "vendor"];

/// A file to look at.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether the caller named it, rather than a directory that it is in.
    pub(super) named: bool,
}

/// The files of a command line, each once, sorted.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Found>> {
    let mut found = BTreeMap::new();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| format!("cannot find {}", path.display()))?;
        if metadata.is_dir() {
            search(path, &mut found)?;
        } else {
            found.insert(path.clone(), true);
        }
    }
    Ok(found.into_iter().map(|(path, named)| Found { path, named }).collect())
}

fn search(root: &Path, found: &mut BTreeMap<PathBuf, bool>) -> anyhow::Result<()> {
    let mut pending = vec![root.to_path_buf()];
    while let Some(directory) = pending.pop() {
        let entries =
            fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            // Links are not followed: they could lead in circles.
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                pending.push(path);
            } else if kind.is_file() && has_extension(&path) {
                found.entry(path).or_insert(false);
            }
        }
    }
    Ok(())
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
}
