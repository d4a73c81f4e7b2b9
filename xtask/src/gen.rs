//! `cargo xtask gen`: makes every checked-in file that is derived from another one, or with `--check`
//! says which of them are out of date. What is made, and from what, is in the sub-modules.

mod charts;
mod crds;
mod descriptors;
mod envoy;
mod protos;
mod rust;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Options of `gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail and name the files that differ from what would be written.
    #[arg(long)]
    check: bool,
}

/// The files that `gen` owns, with their paths from the workspace root.
#[derive(Default)]
struct Outputs {
    /// What each file has to hold.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Files that exist in places where only `gen` puts files.
    present: BTreeSet<PathBuf>,
}

impl Outputs {
    /// Adds a file that has to exist.
    fn put(&mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), content.into());
    }

    /// Notes a file that is there, so that it is removed when nothing asks for it any more.
    fn note_present(&mut self, root: &Path, path: PathBuf) {
        if root.join(&path).is_file() {
            self.present.insert(path);
        }
    }

    /// Notes every file below a directory that belongs to `gen` alone.
    fn note_present_below(&mut self, root: &Path, directory: &Path) -> anyhow::Result<()> {
        for name in entries(&root.join(directory))? {
            let path = directory.join(name);
            if root.join(&path).is_dir() {
                self.note_present_below(root, &path)?;
            } else {
                self.present.insert(path);
            }
        }
        Ok(())
    }

    /// Files whose content is missing or different, then files that should not be there.
    fn stale(&self, root: &Path) -> anyhow::Result<(Vec<&Path>, Vec<&Path>)> {
        let mut changed = Vec::new();
        for (path, content) in &self.files {
            match fs::read(root.join(path)) {
                Ok(found) if found == *content => {}
                Ok(_) => changed.push(path.as_path()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => changed.push(path),
                Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
            }
        }
        let left_over = self.present.iter().filter(|path| !self.files.contains_key(*path));
        Ok((changed, left_over.map(PathBuf::as_path).collect()))
    }
}

/// Runs `gen` in the workspace at `root`.
///
/// # Errors
///
/// A source that cannot be read or compiled, a file that cannot be written, and with `--check` any file
/// that is not what it should be.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    let mut outputs = Outputs::default();
    protos::generate(root, &mut outputs)?;
    envoy::generate(root, &mut outputs)?;
    crds::generate(root, &mut outputs)?;
    charts::generate(root, &mut outputs)?;
    let (changed, left_over) = outputs.stale(root)?;
    if args.check {
        return check(&changed, &left_over);
    }
    for path in &changed {
        let target = root.join(path);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&target, &outputs.files[*path])
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    for path in &left_over {
        fs::remove_file(root.join(path)).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let mut out = io::stdout().lock();
    for path in &changed {
        writeln!(out, "wrote {}", path.display())?;
    }
    for path in &left_over {
        writeln!(out, "removed {}", path.display())?;
    }
    writeln!(out, "{} generated files are up to date", outputs.files.len())?;
    Ok(())
}

/// Fails when a file is stale, naming each.
fn check(changed: &[&Path], left_over: &[&Path]) -> anyhow::Result<()> {
    if changed.is_empty() && left_over.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> =
        changed.iter().map(|path| format!("  {} is out of date", path.display())).collect();
    names.extend(left_over.iter().map(|path| format!("  {} is made from nothing any more", path.display())));
    bail!("generated files differ from their sources; run `cargo xtask gen`:\n{}", names.join("\n"))
}

/// Names in a directory, sorted; none when there is no such directory.
fn entries(directory: &Path) -> anyhow::Result<Vec<String>> {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context(format!("cannot list {}", directory.display())),
    };
    let mut names = Vec::new();
    for entry in listing {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
