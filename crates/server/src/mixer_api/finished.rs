//! Work that is finished even when nobody waits for its outcome any more: what a caller has sent is still reported
//! when it goes away. While somebody waits, the work runs where they do, which costs no change of tasks.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A future that goes on as a task of its own when it is dropped before its end.
pub(super) struct Finished<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    work: Option<Pin<Box<F>>>,
    tracker: TaskTracker,
    // Whoever drains the server waits for the work wherever it runs.
    _tracked: TaskTrackerToken,
}

impl<F> Finished<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// Work that `tracker` waits for.
    pub(super) fn new(tracker: TaskTracker, work: F) -> Self {
        Self { work: Some(Box::pin(work)), _tracked: tracker.token(), tracker }
    }
}

impl<F> Future for Finished<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else {
            // Polled after its end, which the contract of futures leaves open.
            return Poll::Pending;
        };
        let outcome = std::task::ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(outcome)
    }
}

impl<F> Drop for Finished<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        if let Some(work) = self.work.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            self.tracker.spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests;
