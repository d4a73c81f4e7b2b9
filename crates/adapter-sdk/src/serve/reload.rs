//! Files that are used again when they change: certificates and tokens, which are renewed while the process runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::metrics::Metrics;

/// Files, and what they held when they were first used.
#[derive(Debug, Default)]
pub(super) struct Watched {
    what: &'static str,
    files: Vec<PathBuf>,
    known: Vec<Option<Vec<u8>>>,
}

impl Watched {
    /// Looks at files that are about to be used: a change from now on is seen.
    pub(super) async fn new(what: &'static str, files: Vec<PathBuf>) -> Self {
        let known = read_all(&files).await;
        Self { what, files, known }
    }

    /// Looks at the files from time to time and calls `reload` when one of them holds something else. What cannot be
    /// used leaves the last good version in place; that is logged once for each change.
    pub(super) async fn watch<E: std::fmt::Display>(
        mut self,
        every: Duration,
        metrics: Arc<Metrics>,
        reload: impl Fn() -> Result<(), E>,
    ) {
        let what = self.what;
        let mut interval = tokio::time::interval(every.max(Duration::from_millis(10)));
        loop {
            interval.tick().await;
            let found = read_all(&self.files).await;
            if found == self.known {
                continue;
            }
            self.known = found;
            let result = match reload() {
                Ok(()) => {
                    tracing::info!(file = what, "changed files were read again");
                    "ok"
                }
                Err(error) => {
                    tracing::error!(file = what, %error, "changed files cannot be used; the last good ones stay in use");
                    "failed"
                }
            };
            metrics.reloads.with_label_values(&[what, result]).inc();
        }
    }
}

/// What each file holds; none for one that cannot be read.
async fn read_all(files: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        contents.push(read(file).await);
    }
    contents
}

async fn read(file: &Path) -> Option<Vec<u8>> {
    tokio::fs::read(file).await.ok()
}
