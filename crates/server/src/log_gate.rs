//! Keeps a log line that a request can cause from flooding the log: one in a period, with the number left out.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets one event in a period pass.
#[derive(Debug)]
pub(crate) struct LogGate {
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl LogGate {
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, state: Mutex::new(State::default()) }
    }

    /// How many events were held back since the last one that passed, when this one passes.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < self.period) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests;
