//! Keeps a log line that a call can cause from flooding the log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lets one event in a period pass.
#[derive(Debug)]
pub(crate) struct Throttle {
    period: Duration,
    state: Mutex<(Option<Instant>, u64)>,
}

impl Throttle {
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, state: Mutex::new((None, 0)) }
    }

    /// When this event passes: how many were held back since the last one that did.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = Instant::now();
        let (last, held_back) = &mut *self.state.lock();
        if last.is_some_and(|last| now.saturating_duration_since(last) < self.period) {
            *held_back += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(held_back))
    }
}
