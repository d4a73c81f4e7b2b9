//! The file source of configuration: a watched tree of YAML documents.
//!
//! [`FsSource`] names a directory or a file; [`FsSource::read`] reads it once, [`FsSource::watch`] keeps reading
//! when something changes and hands over whole contents, never parts.

mod location;
mod reader;
mod walk;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

pub use location::UrlError;
use mixer_config::ReadOptions;
pub use reader::{Content, Unavailable};
pub use watch::{Update, Watch};

/// A directory tree (files ending in `.yaml`, `.yml`, `.json`; names that start with a dot are left out) or one
/// file, whatever its name.
#[derive(Clone, Debug)]
pub struct FsSource {
    /// Where to look.
    pub path: PathBuf,
    /// How documents are read.
    pub read: ReadOptions,
    /// How changes are noticed.
    pub timing: Timing,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long it has to be quiet after a change before everything is read again.
    pub quiet: Duration,
    /// When it is never quiet: how long a change waits at most.
    pub longest: Duration,
    /// How often everything is read without being told of a change: file systems that tell nothing exist.
    pub poll: Duration,
    /// Whether the operating system is asked to tell of changes.
    pub notify: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(200),
            longest: Duration::from_secs(2),
            poll: Duration::from_secs(10),
            notify: true,
        }
    }
}

impl FsSource {
    /// The source of a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), read: ReadOptions::default(), timing: Timing::default() }
    }

    /// The source of an `fs:///absolute/path` URL.
    ///
    /// # Errors
    /// Another scheme, a host (`fs://dir` names one), or no path.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        location::path_of(url).map(Self::new)
    }

    /// Reads everything once; for tools. Blocks.
    ///
    /// # Errors
    /// The path cannot be read, or there is no file to read.
    pub fn read(&self) -> Result<Content, Unavailable> {
        reader::Reader::new(self.clone()).read()
    }

    /// Reads now and whenever something changes, in a task of the current runtime that ends with the [`Watch`].
    pub fn watch(self) -> Watch {
        Watch::start(self)
    }
}
