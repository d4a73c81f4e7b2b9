//! Texts that are never shown: tokens and keys, given or read from files that change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::task::AbortOnDropHandle;

/// How often the file of a [`SecretFile`] is looked at when nothing else is said.
pub const DEFAULT_RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// A text that is never shown: its `Debug` form says only that there is one. Logs and error texts cannot give away
/// what they do not have; [`Secret::expose`] is the one way to the text, and easy to search for.
///
/// ```
/// let token = mixer_adapter_sdk::Secret::from("s3cr3t");
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "s3cr3t");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is this text. How long that takes does not tell how much of it is right.
    pub fn matches(&self, text: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differences = own.iter().zip(text).fold(0, |sum, (a, b)| sum | (a ^ b));
        own.len() == text.len() && std::hint::black_box(differences) == 0
    }

    /// The content of a file without the line end that editors leave.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> io::Result<Self> {
        std::fs::read_to_string(path).map(|text| Self(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// A secret in a file, read again when the file changes; how Kubernetes hands out a `Secret` that is mounted. A file
/// that is missing or empty for a while leaves the last good secret in place.
pub struct SecretFile {
    path: PathBuf,
    current: Arc<ArcSwap<Secret>>,
    _watching: AbortOnDropHandle<()>,
}

impl SecretFile {
    /// Reads the file, and looks at it from time to time on the current runtime.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is empty.
    pub async fn open(path: impl Into<PathBuf>, every: Duration) -> io::Result<Self> {
        let path = path.into();
        let current = Arc::new(ArcSwap::from_pointee(read(&path).await?));
        let watching = tokio::spawn(watch(path.clone(), every, current.clone()));
        Ok(Self { path, current, _watching: AbortOnDropHandle::new(watching) })
    }

    /// The secret as it is now.
    pub fn get(&self) -> Arc<Secret> {
        self.current.load_full()
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile").field("path", &self.path).finish_non_exhaustive()
    }
}

async fn read(path: &Path) -> io::Result<Secret> {
    let text = tokio::fs::read_to_string(path).await?;
    let secret = Secret(text.trim_end_matches(['\r', '\n']).to_owned());
    match secret.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")),
        false => Ok(secret),
    }
}

async fn watch(path: PathBuf, every: Duration, current: Arc<ArcSwap<Secret>>) {
    let mut was_readable = true;
    let mut interval = tokio::time::interval(every.max(Duration::from_millis(10)));
    loop {
        interval.tick().await;
        let read = read(&path).await;
        match &read {
            Ok(secret) if **current.load() != *secret => {
                current.store(Arc::new(secret.clone()));
                tracing::info!(path = %path.display(), "a secret was read again");
            }
            Err(error) if was_readable => {
                tracing::warn!(path = %path.display(), %error, "a secret cannot be read; the last one stays in use");
            }
            _ => {}
        }
        was_readable = read.is_ok();
    }
}
