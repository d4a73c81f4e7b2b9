//! Clients that are made anew when a file of certificates or keys changes: they are renewed while the process runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mixer_identity::{Credentials, Files, Material, OnUpdate, Update};

use super::HttpOptionsError;
use crate::delivery::DeliveryMetrics;

/// Whose certificates these are, for the log.
const WHAT: &str = "TLS towards a backend";

/// A client, and the task that watches the files that it was made of. Clones are the same.
pub(in crate::delivery) struct Rotating<T> {
    current: Arc<ArcSwap<T>>,
    _following: Credentials,
}

impl<T: Send + Sync + 'static> Rotating<T> {
    /// Makes a client, and again when a file holds something else. What cannot be used leaves the last good client in
    /// place; that is logged and counted once for each change.
    ///
    /// # Errors
    ///
    /// The first client cannot be made.
    pub(in crate::delivery) fn new(
        files: Files,
        make: impl Fn(&Material) -> Result<T, HttpOptionsError> + Send + Sync + 'static,
    ) -> Result<Self, HttpOptionsError> {
        let (following, current) = Credentials::of_files(files, WHAT, |material| {
            let current = Arc::new(ArcSwap::from_pointee(make(material)?));
            let used = current.clone();
            let on_update: OnUpdate = Box::new(move |update| changed(&used, update, &make));
            Ok::<_, HttpOptionsError>((current, on_update))
        })?;
        Ok(Self { current, _following: following })
    }

    /// The client as it is now.
    pub(in crate::delivery) fn get(&self) -> Arc<T> {
        self.current.load_full()
    }
}

/// Uses what files hold now. What cannot be read of them was logged by whoever reads them.
fn changed<T>(
    current: &ArcSwap<T>,
    update: &Update,
    make: impl Fn(&Material) -> Result<T, HttpOptionsError>,
) {
    let result = match update {
        Update::Failed(_) => "failed",
        Update::Loaded(material) => match make(material) {
            Ok(made) => {
                current.store(Arc::new(made));
                "ok"
            }
            Err(error) => {
                tracing::error!(%error, "{WHAT}: the last good client stays in use");
                "failed"
            }
        },
    };
    if let Ok(metrics) = DeliveryMetrics::shared() {
        metrics.reloaded(result);
    }
}

impl<T> Clone for Rotating<T> {
    fn clone(&self) -> Self {
        Self { current: self.current.clone(), _following: self._following.clone() }
    }
}

impl<T> fmt::Debug for Rotating<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotating").finish_non_exhaustive()
    }
}
