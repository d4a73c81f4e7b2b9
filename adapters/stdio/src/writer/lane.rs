//! A handler's way to the writer of its output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mixer_adapter_sdk::Dropped;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::queue::{MAX_BYTES, Queue, Refused, Work};

/// The word for the counter of instances whose lines could not be written.
const WRITE_FAILED: &str = "write_failed";

/// Lines of one handler that were queued and could not be written. The next report tells of them, since the one that
/// brought them was answered before.
#[derive(Debug, Default)]
pub(super) struct Losses {
    lines: AtomicU64,
    detail: Mutex<String>,
}

impl Losses {
    pub(super) fn add(&self, lines: u64, detail: impl FnOnce() -> String) {
        *self.detail.lock() = detail();
        self.lines.fetch_add(lines, Ordering::Release);
    }

    fn take(&self) -> Option<Dropped> {
        // This is asked for with every report, and the answer is nearly always no.
        if self.lines.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let count = self.lines.swap(0, Ordering::Acquire);
        let detail = self.detail.lock().clone();
        (count > 0).then_some(Dropped { reason: WRITE_FAILED, count, detail })
    }
}

/// Sends lines to a writer, which lives as long as it has a lane.
#[derive(Debug)]
pub(crate) struct Lane {
    queue: Arc<Queue>,
    losses: Arc<Losses>,
    closed: AtomicBool,
}

impl Lane {
    /// The lane that was counted when the queue was made or attached to.
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self { queue, losses: Arc::default(), closed: AtomicBool::new(false) }
    }

    /// The writer.
    #[cfg(test)]
    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Queues whole lines.
    ///
    /// # Errors
    ///
    /// Why they were not taken.
    pub(crate) fn send(&self, bytes: Vec<u8>) -> Result<(), Refused> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        self.queue.lines(bytes, &self.losses)
    }

    /// What a refusal means, for the log.
    pub(crate) fn describe(&self, refused: Refused) -> String {
        let name = self.queue.name();
        match refused {
            Refused::QueueFull => format!(
                "{} MiB wait for {name} already; look at why it is not read or written faster",
                MAX_BYTES >> 20
            ),
            Refused::Closed => format!("the handler has let go of {name}"),
        }
    }

    /// Lines that could not be written since this was asked last.
    pub(crate) fn take_losses(&self) -> Option<Dropped> {
        self.losses.take()
    }

    /// Waits until everything that was sent is written, then lets go of the writer.
    pub(crate) async fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let detach = DetachOnDrop(&self.queue);
        let (done, written) = oneshot::channel();
        self.queue.work(Work::Flush(done));
        // The sender is dropped only after the answer.
        let _ = written.await;
        drop(detach);
        if let Some(Dropped { count, detail, .. }) = self.losses.take() {
            tracing::warn!(
                lines = count,
                detail,
                "the last lines of a handler could not be written and are lost"
            );
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            self.queue.detach();
        }
    }
}

/// Lets go of the writer even when nobody waits for the end of it.
struct DetachOnDrop<'a>(&'a Queue);

impl Drop for DetachOnDrop<'_> {
    fn drop(&mut self) {
        self.0.detach();
    }
}
