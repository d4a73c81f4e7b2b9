//! A token bucket that can run into debt, so that one request larger than the bucket passes when the bucket is full.

use std::time::Instant;

use parking_lot::Mutex;

#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: f64,
    size: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn new(per_second: f64, size: f64, now: Instant) -> Self {
        Self { per_second, size, state: Mutex::new(State { tokens: size, filled: now }) }
    }

    pub(super) fn size(&self) -> f64 {
        self.size
    }

    pub(super) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Takes tokens. A cost beyond the size of the bucket passes when the bucket is full and is paid off before
    /// anything else passes.
    pub(super) fn take(&self, cost: f64, now: Instant) -> bool {
        let mut state = self.state.lock();
        let elapsed = now.saturating_duration_since(state.filled).as_secs_f64();
        state.tokens = (state.tokens + elapsed * self.per_second).min(self.size);
        state.filled = state.filled.max(now);
        let enough = state.tokens >= cost.min(self.size);
        if enough {
            state.tokens -= cost;
        }
        enough
    }
}
