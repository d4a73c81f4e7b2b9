//! Why a test could not be run, or failed.

use std::fmt;
use std::path::PathBuf;

/// A scenario that could not be run, or whose outcome is not the expected one. Its `Debug` form is the text too:
/// what `unwrap` shows in a test is meant to be read.
#[derive(thiserror::Error)]
pub enum TestError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The scenario's own document is not one.
    #[error("{place}: {message}")]
    Scenario {
        /// File, and line where it is known.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// The adapter under test cannot be started.
    #[error("the adapter under test cannot be started: {0}")]
    Start(String),
    /// What happened is not what the scenario says.
    #[error(
        "{place}: what happened is not what `want` says (- wanted, + happened); UPDATE_GOLDENS=1 rewrites it\n{diff}"
    )]
    Mismatch {
        /// The file.
        place: String,
        /// The difference, line by line.
        diff: String,
    },
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
