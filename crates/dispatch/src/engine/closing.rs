//! Ends handlers in the background: once no request uses them, or when that takes too long.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::handler::Running;
use crate::metrics::Metrics;

/// The handlers that are on their way out.
#[derive(Debug)]
pub(super) struct Closing {
    metrics: Arc<Metrics>,
    released: Arc<Notify>,
    timeout: Duration,
    tasks: Mutex<Vec<(Arc<str>, JoinHandle<bool>)>>,
}

impl Closing {
    /// `released` is notified whenever a runtime is gone.
    pub(super) fn new(metrics: Arc<Metrics>, released: Arc<Notify>, timeout: Duration) -> Self {
        Self { metrics, released, timeout, tasks: Mutex::default() }
    }

    /// Begins to end handlers, without waiting.
    pub(super) fn start(&self, unused: Vec<Arc<Running>>) {
        let mut tasks = self.tasks.lock();
        tasks.retain(|(_, task)| !task.is_finished());
        for running in unused {
            let name = running.name().clone();
            let work = close(running, self.released.clone(), self.timeout, self.metrics.clone());
            tasks.push((name, tokio::spawn(work)));
        }
    }

    /// Waits for the handlers that are on their way out; the names of those that are late.
    pub(super) async fn finish(&self, deadline: Instant) -> Vec<String> {
        let tasks = std::mem::take(&mut *self.tasks.lock());
        let mut late = Vec::new();
        for (name, task) in tasks {
            let abort = task.abort_handle();
            if !matches!(tokio::time::timeout_at(deadline, task).await, Ok(Ok(true))) {
                abort.abort();
                late.push(name.to_string());
            }
        }
        late
    }
}

/// True when the handler closed in time.
async fn close(
    running: Arc<Running>,
    released: Arc<Notify>,
    timeout: Duration,
    metrics: Arc<Metrics>,
) -> bool {
    let name = running.name().clone();
    if tokio::time::timeout(timeout, unused(&running, &released)).await.is_err() {
        tracing::warn!(handler = %name, "requests still use the handler after {timeout:?}; it is closed under them");
    }
    let closed = running.close(Instant::now() + timeout).await;
    if closed {
        metrics.handlers.closed.inc();
    } else {
        metrics.handlers.close_failures.inc();
        tracing::error!(handler = %name, "the handler did not close within {timeout:?}");
    }
    closed
}

/// Waits until only this task holds the handler.
async fn unused(running: &Arc<Running>, released: &Notify) {
    loop {
        let next = released.notified();
        let mut next = std::pin::pin!(next);
        // From here on no release is missed.
        next.as_mut().enable();
        if Arc::strong_count(running) == 1 {
            return;
        }
        next.await;
    }
}
