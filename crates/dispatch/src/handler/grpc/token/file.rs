//! A token in a file, as Kubernetes projects it: read again from time to time.

use std::path::PathBuf;
use std::time::Duration;

use super::Fresh;

/// A token's file.
pub(super) struct FileSource {
    path: PathBuf,
    every: Duration,
}

impl FileSource {
    /// The file, looked at after `every`.
    pub(super) fn new(path: impl Into<PathBuf>, every: Duration) -> Self {
        Self { path: path.into(), every }
    }

    /// What the file holds, without the line's end.
    pub(super) async fn fetch(&self) -> Result<Fresh, String> {
        let path = self.path.display();
        let text = tokio::fs::read_to_string(&self.path).await;
        let text = text.map_err(|error| format!("tokenPath {path}: {error}"))?;
        let token = text.trim().to_owned();
        if token.is_empty() {
            return Err(format!("tokenPath {path}: the file is empty"));
        }
        Ok(Fresh { token, kind: "Bearer".to_owned(), lifetime: None, refresh: self.every })
    }
}
