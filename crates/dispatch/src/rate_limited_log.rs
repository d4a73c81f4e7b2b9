//! Log lines at a bounded rate: whatever happens per request is logged at most once in an interval, and the
//! next line says how many were left out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Decides whether a line may be written. One per kind of event (and per rule or handler where the line names
/// one), so that a noisy one does not hide another.
#[derive(Debug)]
pub struct RateLimitedLog {
    start: Instant,
    interval: Duration,
    // Milliseconds after `start`, plus one; 0 means that no line was written yet.
    last: AtomicU64,
    suppressed: AtomicU64,
}

impl RateLimitedLog {
    /// At most one line in `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { start: Instant::now(), interval, last: AtomicU64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// When a line may be written now: how many were left out since the last one.
    pub fn permit(&self) -> Option<u64> {
        let now = self.start.elapsed().as_millis() as u64 + 1;
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now - last.min(now) >= self.interval.as_millis() as u64;
        let mine = due && self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Default for RateLimitedLog {
    /// One line in ten seconds.
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests;
