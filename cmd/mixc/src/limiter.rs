//! The rate limit that all workers share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Lets calls pass one after the other, evenly spaced. Who comes late (a timer that is not exact, a slow answer) makes
/// up for at most [`CATCH_UP`].
#[derive(Debug)]
pub(crate) struct Limiter {
    start: Instant,
    interval: u64,
    /// When the next call may pass, in nanoseconds since the start.
    next: AtomicU64,
}

const CATCH_UP: Duration = Duration::from_secs(1);

impl Limiter {
    /// So many calls per second, at least one; the first at once.
    pub(crate) fn new(rate: u64) -> Self {
        let interval = 1_000_000_000 / rate.max(1);
        Self { start: Instant::now(), interval, next: AtomicU64::new(0) }
    }

    /// Waits for the next turn.
    pub(crate) async fn turn(&self) {
        let since = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let earliest = since(self.start.elapsed()).saturating_sub(since(CATCH_UP));
        let take = |next: u64| Some(next.max(earliest).saturating_add(self.interval));
        let turn = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or_default();
        let turn = self.start + Duration::from_nanos(turn.max(earliest));
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
    }
}

#[cfg(test)]
mod tests;
