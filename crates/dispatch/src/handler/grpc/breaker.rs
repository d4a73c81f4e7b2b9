//! The breaker of a gRPC handler: after repeated failures calls fail at once, and one call at a time tries
//! whether the adapter is back.

use std::time::Duration;

use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::remote::SLOW;

/// Failures in a row after which the breaker opens.
const THRESHOLD: u32 = 5;

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, backoff: Backoff },
    // One call is on its way to find out.
    Probing { backoff: Backoff },
}

/// Closed until calls fail in a row, then open for a while that grows to about five seconds.
#[derive(Debug)]
pub(crate) struct Breaker {
    who: String,
    openings: IntCounter,
    state: Mutex<State>,
    timeout: Duration,
}

/// A call that the breaker let through. Settled by what became of it; dropped unsettled, it was given up.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    breaker: &'a Breaker,
    started: Instant,
    settled: bool,
}

impl Breaker {
    /// A closed breaker of a handler whose calls have this much time. `openings` counts how often it opens.
    pub(crate) fn new(who: String, timeout: Duration, openings: IntCounter) -> Self {
        Self { who, openings, state: Mutex::new(State::Closed { failures: 0 }), timeout }
    }

    /// Lets a call through, or says how long none will be.
    pub(crate) fn admit(&self) -> Result<Attempt<'_>, Duration> {
        let now = Instant::now();
        let mut state = self.state.lock();
        match &*state {
            State::Closed { .. } => {}
            State::Open { until, .. } if *until > now => return Err(*until - now),
            State::Open { backoff, .. } => *state = State::Probing { backoff: *backoff },
            State::Probing { .. } => return Err(Duration::ZERO),
        }
        drop(state);
        Ok(Attempt { breaker: self, started: now, settled: false })
    }

    fn succeeded(&self) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Closed { failures: 0 });
        if !matches!(before, State::Closed { .. }) {
            tracing::info!("{} answers again", self.who);
        }
    }

    fn failed(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let mut backoff = match &mut *state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures < THRESHOLD {
                    return;
                }
                Backoff::default()
            }
            State::Probing { backoff } => *backoff,
            // A call that started before the breaker opened.
            State::Open { .. } => return,
        };
        if matches!(*state, State::Closed { .. }) {
            self.openings.inc();
            tracing::warn!(
                "{} failed {THRESHOLD} times in a row; calls fail at once until it answers",
                self.who
            );
        }
        *state = State::Open { until: now + backoff.next(), backoff };
    }

    /// The caller did not wait any longer.
    fn given_up(&self, after: Duration) {
        if after >= SLOW.min(self.timeout) {
            self.failed();
        } else {
            self.undecided();
        }
    }

    /// The probe ended without an answer about the adapter: the next call may try.
    fn undecided(&self) {
        let mut state = self.state.lock();
        if let State::Probing { backoff } = &*state {
            *state = State::Open { until: Instant::now(), backoff: *backoff };
        }
    }
}

impl Attempt<'_> {
    /// The adapter answered, if only with an error of its own.
    pub(crate) fn succeeded(mut self) {
        self.settled = true;
        self.breaker.succeeded();
    }

    /// The adapter could not be reached.
    pub(crate) fn failed(mut self) {
        self.settled = true;
        self.breaker.failed();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.given_up(self.started.elapsed());
        }
    }
}

#[cfg(test)]
mod tests;
