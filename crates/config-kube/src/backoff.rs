//! How long to wait before asking again: longer after each failure, never all replicas at once.

use std::time::Duration;

use crate::request::Failure;

/// Waiting times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// After the first failure.
    shortest: Duration,
    /// After many.
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, failures: 0 }
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often in a row it did not.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// The time to wait now: doubled with each failure, half of it by chance, and never less than what the API
    /// server asked for.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let full = self.shortest.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let wait = full.mul_f64(0.5 + fastrand::f64() / 2.0);
        // Others were told the same number.
        asked.map_or(wait, |asked| wait.max(asked + asked.mul_f64(fastrand::f64() / 10.0)))
    }

    /// Waits after a failure.
    pub(crate) async fn wait(&mut self, failure: &Failure) {
        let wait = self.next(failure.retry_after);
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests;
