//! Probes through a file: the server touches it while it is well and removes it when it is not; `mixs probe` looks
//! how old it is. For platforms whose probes run a command instead of asking over HTTP.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::readiness::Waiting;

/// File systems and schedulers are not exact to the millisecond.
const SLACK: Duration = Duration::from_millis(10);

/// A file whose age says whether the server is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeFile {
    /// Where.
    pub path: PathBuf,
    /// A file that is older says "not well".
    pub interval: Duration,
}

/// Why a probe fails.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file is not there, or cannot be looked at.
    #[error("{}: {source}; the server removes the file while it is not available", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The server has not touched the file for too long.
    #[error("file {} is too old (last modified {age:?} ago, should be within {limit:?})", path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// How old it is.
        age: Duration,
        /// How old it may be.
        limit: Duration,
    },
}

impl ProbeFile {
    /// Whether the server that keeps the file is well.
    ///
    /// # Errors
    /// It is not, or nobody keeps the file.
    pub fn check(&self, now: SystemTime) -> Result<(), ProbeError> {
        let modified = fs::metadata(&self.path).and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|source| ProbeError::File { path: self.path.clone(), source })?;
        let age = now.duration_since(modified).unwrap_or_default();
        let limit = self.interval + SLACK;
        if age > limit {
            return Err(ProbeError::TooOld { path: self.path.clone(), age, limit });
        }
        Ok(())
    }

    /// Keeps the file while nothing is waited for, until the future is dropped. For liveness pass a receiver that
    /// never waits for anything.
    pub(crate) async fn keep(self, mut waiting: watch::Receiver<Waiting>) {
        let _removed_in_the_end = RemoveOnDrop(&self);
        let half = (self.interval / 2).max(Duration::from_millis(1));
        let mut ticks = interval(half);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closed = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = waiting.changed(), if !closed => closed = changed.is_err(),
            }
            let well = waiting.borrow_and_update().is_ready();
            let done = if well { self.touch() } else { self.remove() };
            if let Err(error) = done {
                let path = self.path.display();
                tracing::error!(%path, %error, "probe file cannot be kept; check that its directory is writable");
            }
        }
    }

    fn touch(&self) -> io::Result<()> {
        // Writing nothing to an existing file would not change its time.
        File::create(&self.path)?.set_modified(SystemTime::now())
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

struct RemoveOnDrop<'a>(&'a ProbeFile);

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        // Nothing is left to do about a file that stays: its age tells.
        let _ = self.0.remove();
    }
}

#[cfg(test)]
mod tests;
