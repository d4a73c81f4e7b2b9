//! Leaves a backend alone that fails again and again, or that asked for it. One for each destination, shared by all that
//! send there.

mod shared;

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open. Then one attempt passes, and its end decides.
    pub open_for: Duration,
}

impl Default for BreakerPolicy {
    /// Ten failures; ten seconds.
    fn default() -> Self {
        Self { failures: 10, open_for: Duration::from_secs(10) }
    }
}

/// The breaker of one destination.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nobody sends before this moment.
    closed_until: Option<Instant>,
    /// The one attempt that decides is under way.
    probing: bool,
}

enum Answer {
    Go { probe: bool },
    After(Instant),
    AfterProbe,
}

impl Breaker {
    /// A breaker that lets everything pass.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until an attempt may be made.
    pub async fn enter(&self) -> Pass<'_> {
        loop {
            // Made before the look, so that no change is missed.
            let changed = self.changed.notified();
            match self.ask() {
                Answer::Go { probe } => return Pass { breaker: self, probe },
                Answer::After(moment) => sleep_until(moment).await,
                Answer::AfterProbe => changed.await,
            }
        }
    }

    fn ask(&self) -> Answer {
        let mut state = self.state.lock();
        if let Some(until) = state.closed_until.filter(|until| *until > Instant::now()) {
            return Answer::After(until);
        }
        if state.failures < self.policy.failures {
            return Answer::Go { probe: false };
        }
        if state.probing {
            return Answer::AfterProbe;
        }
        state.probing = true;
        Answer::Go { probe: true }
    }

    /// Whether attempts pass now.
    pub fn is_closed(&self) -> bool {
        let state = self.state.lock();
        state.failures < self.policy.failures
            && state.closed_until.is_none_or(|until| until <= Instant::now())
    }

    fn settle(&self, probe: bool, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        if probe {
            state.probing = false;
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

/// Leave to make one attempt. Dropped without a word it says nothing about the backend.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Pass<'_> {
    /// The backend answered.
    pub fn succeeded(mut self) {
        let probe = std::mem::take(&mut self.probe);
        self.breaker.settle(probe, |state| {
            state.failures = 0;
        });
    }

    /// The backend cannot be used.
    pub fn failed(mut self) {
        let policy = self.breaker.policy;
        let probe = std::mem::take(&mut self.probe);
        self.breaker.settle(probe, |state| {
            state.failures = state.failures.saturating_add(1);
            if state.failures >= policy.failures {
                extend(state, policy.open_for);
            }
        });
    }

    /// The backend wants to be left alone for a while, by everyone.
    pub fn paused(mut self, pause: Duration) {
        let probe = std::mem::take(&mut self.probe);
        self.breaker.settle(probe, |state| {
            state.failures = 0;
            extend(state, pause);
        });
    }
}

fn extend(state: &mut State, pause: Duration) {
    let until = Instant::now() + pause;
    state.closed_until = Some(state.closed_until.map_or(until, |known| known.max(until)));
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state.lock().probing = false;
            self.breaker.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
