//! Reading a tree again and again: files that did not change are not parsed again, files that cannot be read
//! keep what they said last.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mixer_config::{Location, Problem, RawResource, Severity, parse_documents};

use crate::FsSource;
use crate::walk;

/// Bytes of one file.
const MAX_FILE: u64 = 32 << 20;
/// Bytes of all files together.
const MAX_TOTAL: u64 = 256 << 20;

/// Everything that the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// The resources, in the order of sorted paths.
    pub resources: Vec<RawResource>,
    /// What is wrong with files and documents.
    pub problems: Vec<Problem>,
    /// How many files were found.
    pub files: usize,
}

/// There is nothing to read: what was read last stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    /// Why, and what to look at.
    pub reason: String,
}

#[derive(Debug)]
struct Parsed {
    hash: u64,
    resources: Vec<RawResource>,
    problems: Vec<Problem>,
}

/// Reads a source and remembers what it read.
#[derive(Debug)]
pub(crate) struct Reader {
    source: FsSource,
    files: BTreeMap<PathBuf, Parsed>,
    fingerprint: Option<u64>,
}

impl Reader {
    pub(crate) fn new(source: FsSource) -> Self {
        Self { source, files: BTreeMap::new(), fingerprint: None }
    }

    pub(crate) fn source(&self) -> &FsSource {
        &self.source
    }

    /// Everything, changed or not.
    pub(crate) fn read(&mut self) -> Result<Content, Unavailable> {
        let failures = self.load()?;
        Ok(self.content(failures))
    }

    /// Everything when it differs from what was read before; `None` when nothing changed.
    pub(crate) fn read_changes(&mut self) -> Result<Option<Content>, Unavailable> {
        let failures = self.load()?;
        let mut hasher = DefaultHasher::new();
        for (path, parsed) in &self.files {
            (path, parsed.hash).hash(&mut hasher);
        }
        failures.hash(&mut hasher);
        let fingerprint = Some(hasher.finish());
        if self.fingerprint == fingerprint {
            return Ok(None);
        }
        self.fingerprint = fingerprint;
        Ok(Some(self.content(failures)))
    }

    fn content(&self, failures: Vec<(PathBuf, String)>) -> Content {
        let mut content = Content { files: self.files.len(), ..Content::default() };
        for parsed in self.files.values() {
            content.resources.extend_from_slice(&parsed.resources);
            content.problems.extend_from_slice(&parsed.problems);
        }
        for (path, failure) in failures {
            let location = Location { file: display(&path).into(), line: 0, column: 0 };
            content.problems.push(Problem::in_file(Severity::Error, location, failure));
        }
        content
    }

    /// Brings `files` up to date and returns what could not be read.
    fn load(&mut self) -> Result<Vec<(PathBuf, String)>, Unavailable> {
        let root = self.source.path.clone();
        let unavailable = |reason| Unavailable { reason };
        let metadata = fs::metadata(&root)
            .map_err(|error| unavailable(format!("{} cannot be read: {error}", root.display())))?;
        let mut found = if metadata.is_dir() {
            walk::files(&root)
                .map_err(|error| unavailable(format!("{} cannot be listed: {error}", root.display())))?
        } else {
            walk::Files { paths: vec![root.clone()], failures: Vec::new() }
        };
        if found.paths.is_empty() && found.failures.is_empty() {
            let reason = format!("{} has no file that ends in .yaml, .yml or .json", root.display());
            return Err(unavailable(reason));
        }
        let mut keep = self.under(&found.failures);
        let mut left = MAX_TOTAL;
        for path in found.paths {
            match read_text(&path, left) {
                Ok(text) => {
                    left = left.saturating_sub(text.len() as u64);
                    self.parse(&path, &text);
                    keep.push(path);
                }
                Err(Failure::Gone) => {}
                Err(Failure::Unreadable(failure)) => {
                    keep.push(path.clone());
                    found.failures.push((path, failure));
                }
            }
        }
        keep.sort();
        self.files.retain(|path, _| keep.binary_search(path).is_ok());
        if self.files.is_empty() {
            let reasons =
                found.failures.iter().map(|(path, failure)| format!("{} {failure}", path.display()));
            return Err(unavailable(reasons.collect::<Vec<_>>().join("; ")));
        }
        for (path, failure) in &mut found.failures {
            if self.files.keys().any(|file| file.starts_with(&*path)) {
                failure.push_str("; what it said before stays in force");
            }
        }
        Ok(found.failures)
    }

    /// The files read before that are, or lie below, something that can no longer be looked at.
    fn under(&self, failures: &[(PathBuf, String)]) -> Vec<PathBuf> {
        let below = |path: &Path| failures.iter().any(|(failed, _)| path.starts_with(failed));
        self.files.keys().filter(|path| below(path)).cloned().collect()
    }

    fn parse(&mut self, path: &Path, text: &str) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.files.get(path).is_some_and(|parsed| parsed.hash == hash) {
            return;
        }
        let (resources, problems) = parse_documents(&display(path), text, &self.source.read);
        self.files.insert(path.to_owned(), Parsed { hash, resources, problems });
    }
}

enum Failure {
    Gone,
    Unreadable(String),
}

fn read_text(path: &Path, left: u64) -> Result<String, Failure> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::Gone,
        _ => Failure::Unreadable(format!("cannot be read: {error}")),
    };
    let limit = MAX_FILE.min(left);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        let (file, total) = (MAX_FILE >> 20, MAX_TOTAL >> 20);
        let reason = format!("is too large: a file may have {file} MiB and all files together {total} MiB");
        return Err(Failure::Unreadable(reason));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::Unreadable(format!("is no UTF-8 text: the byte at offset {at} is not"))
    })
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
