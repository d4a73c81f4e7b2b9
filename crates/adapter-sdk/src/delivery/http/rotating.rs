//! Clients that are made anew when a file of certificates or keys changes: they are renewed while the process runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ring::digest::{SHA256, digest};
use tokio_util::task::AbortOnDropHandle;

use super::HttpOptionsError;
use crate::delivery::DeliveryMetrics;

/// A client, and the task that watches the files that it was made of. Clones are the same.
pub(in crate::delivery) struct Rotating<T> {
    current: Arc<ArcSwap<T>>,
    _watching: Option<Arc<AbortOnDropHandle<()>>>,
}

impl<T: Send + Sync + 'static> Rotating<T> {
    /// Makes a client, and again when a file holds something else. What cannot be used leaves the last good client in
    /// place; that is logged and counted once for each change.
    ///
    /// # Errors
    ///
    /// The first client cannot be made.
    pub(in crate::delivery) fn new(
        files: Vec<PathBuf>,
        every: Duration,
        make: impl Fn() -> Result<T, HttpOptionsError> + Send + 'static,
    ) -> Result<Self, HttpOptionsError> {
        // Looked at before they are used: a change from now on is seen.
        let known = look(&files);
        let current = Arc::new(ArcSwap::from_pointee(make()?));
        // Without a runtime nothing could be sent either.
        let runtime = tokio::runtime::Handle::try_current().ok().filter(|_| !files.is_empty());
        let watching =
            runtime.map(|runtime| runtime.spawn(watch(files, known, every, make, current.clone())));
        Ok(Self { current, _watching: watching.map(|task| Arc::new(AbortOnDropHandle::new(task))) })
    }

    /// The client as it is now.
    pub(in crate::delivery) fn get(&self) -> Arc<T> {
        self.current.load_full()
    }
}

impl<T> Clone for Rotating<T> {
    fn clone(&self) -> Self {
        Self { current: self.current.clone(), _watching: self._watching.clone() }
    }
}

impl<T> fmt::Debug for Rotating<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotating").finish_non_exhaustive()
    }
}

/// What each file holds, without keeping it; none for one that cannot be read.
type Seen = Vec<Option<Vec<u8>>>;

fn look(files: &[PathBuf]) -> Seen {
    let digest_of = |content: Vec<u8>| digest(&SHA256, &content).as_ref().to_vec();
    files.iter().map(|file| std::fs::read(file).ok().map(digest_of)).collect()
}

async fn watch<T: Send + Sync + 'static>(
    files: Vec<PathBuf>,
    mut known: Seen,
    every: Duration,
    make: impl Fn() -> Result<T, HttpOptionsError> + Send + 'static,
    current: Arc<ArcSwap<T>>,
) {
    let files: Arc<[PathBuf]> = files.into();
    let mut interval = tokio::time::interval(every.max(Duration::from_millis(10)));
    loop {
        interval.tick().await;
        let looked = files.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || look(&looked)).await else { return };
        if found == known {
            continue;
        }
        known = found;
        let made = make();
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let files = names.join(", ");
        let result = match made {
            Ok(made) => {
                current.store(Arc::new(made));
                tracing::info!(files, "changed certificates towards a backend are used from now on");
                "ok"
            }
            Err(error) => {
                tracing::error!(files, %error, "changed certificates towards a backend cannot be used; the last good ones stay in use");
                "failed"
            }
        };
        if let Ok(metrics) = DeliveryMetrics::shared() {
            metrics.reloaded(result);
        }
    }
}
