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

/// Files by their whole paths, so that each is looked at once.
type Files = BTreeMap<PathBuf, Found>;

/// The files of a command line, sorted.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Found>> {
    let mut files = Files::new();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| format!("cannot find {}", path.display()))?;
        if metadata.is_dir() {
            search(path, &mut files)?;
        } else {
            add(&mut files, path, true)?;
        }
    }
    Ok(files.into_values().collect())
}

fn add(files: &mut Files, path: &Path, named: bool) -> anyhow::Result<()> {
    let whole = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    let shown = path.strip_prefix(".").unwrap_or(path).to_path_buf();
    files.entry(whole).or_insert(Found { path: shown, named }).named |= named;
    Ok(())
}

fn search(root: &Path, files: &mut Files) -> anyhow::Result<()> {
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
                add(files, &path, false)?;
            }
        }
    }
    Ok(())
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
}
