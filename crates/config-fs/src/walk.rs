//! Which files of a tree are configuration.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories inside each other; symbolic links could make more.
const MAX_DEPTH: usize = 32;
/// Files of one tree.
const MAX_FILES: usize = 100_000;

/// The files of a tree, sorted by path, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) failures: Vec<(PathBuf, String)>,
}

/// Lists the files below a directory.
///
/// Symbolic links are followed; what two of them lead to is listed once, under the first path. Names that start
/// with a dot are left out: `..data` and its siblings are how a mounted ConfigMap keeps its versions, others are
/// editors' and version control's.
///
/// # Errors
/// The directory itself cannot be listed.
pub(crate) fn files(root: &Path) -> io::Result<Files> {
    let mut walk = Walk::default();
    walk.seen.insert(fs::canonicalize(root)?);
    walk.directory(root, 0)?;
    walk.files.paths.sort();
    Ok(walk.files)
}

#[derive(Default)]
struct Walk {
    files: Files,
    seen: HashSet<PathBuf>,
}

impl Walk {
    fn directory(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry.path());
            }
        }
        paths.sort();
        for path in paths {
            if let Err(failure) = self.entry(&path, depth) {
                self.files.failures.push((path, failure));
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, depth: usize) -> Result<(), String> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // Gone since it was listed: no failure. A link to nothing is one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if fs::symlink_metadata(path).is_ok() && is_configuration(path) {
                    Err("is a symbolic link to a file that does not exist".to_owned())
                } else {
                    Ok(())
                };
            }
            Err(error) => return Err(format!("cannot be looked at: {error}")),
        };
        if !metadata.is_dir() && !is_configuration(path) {
            return Ok(());
        }
        if !metadata.is_dir() && !metadata.is_file() {
            // Reading a pipe would wait for somebody to write to it.
            return Err("is left out: it is neither a file nor a directory".to_owned());
        }
        let target = fs::canonicalize(path).map_err(|error| format!("cannot be looked at: {error}"))?;
        if !self.seen.insert(target) {
            return Ok(());
        }
        if !metadata.is_dir() {
            if self.files.paths.len() >= MAX_FILES {
                return Err(format!("is left out: a tree may have {MAX_FILES} files"));
            }
            self.files.paths.push(path.to_owned());
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            return Err(format!("is left out: directories may be {MAX_DEPTH} deep"));
        }
        self.directory(path, depth + 1).map_err(|error| format!("cannot be listed: {error}"))
    }
}

fn is_configuration(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}
