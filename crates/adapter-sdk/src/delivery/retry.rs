//! How long to wait before a payload is sent again, and when to give up.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// When a payload is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Whether the first retry comes without a wait.
    pub at_once: bool,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// The longest wait that is our own choice.
    pub longest: Duration,
    /// How long a payload is tried. Waits that the backend asked for do not count.
    pub give_up_after: Duration,
    /// The longest wait that a backend may ask for.
    pub longest_asked: Duration,
}

impl Default for RetryPolicy {
    /// At once, then after 1, 2, 4, 8 and 16 seconds and so on, for ten minutes. A backend may ask for up to an hour.
    fn default() -> Self {
        Self {
            at_once: true,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(16),
            give_up_after: Duration::from_secs(600),
            longest_asked: Duration::from_secs(3600),
        }
    }
}

impl RetryPolicy {
    /// The wait before the retry with this number, from 1, without what chance takes off.
    pub fn wait(&self, retry: u32) -> Duration {
        let steps = match (self.at_once, retry) {
            (_, 0) | (true, 1) => return Duration::ZERO,
            (true, retry) => retry - 2,
            (false, retry) => retry - 1,
        };
        let factor = 1u32.checked_shl(steps).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// The waits of one payload.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    deadline: Instant,
    retries: u32,
}

impl Backoff {
    /// Begins now.
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, deadline: Instant::now() + policy.give_up_after, retries: 0 }
    }

    /// How long to wait before the next attempt, when the backend `asked` for a pause and when not. Chance takes off up
    /// to half of our own choice, so that adapters which failed together do not come back together. None when it is time to give
    /// up.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.retries = self.retries.saturating_add(1);
        let own = self.policy.wait(self.retries).mul_f64(1.0 - fastrand::f64() / 2.0);
        let asked = asked.unwrap_or_default().min(self.policy.longest_asked);
        let now = Instant::now();
        if asked.is_zero() {
            return (now + own <= self.deadline).then_some(own);
        }
        if now > self.deadline {
            return None;
        }
        self.deadline += asked;
        Some(own.max(asked))
    }
}

/// Reads a `Retry-After` header: seconds, or a date of HTTP (RFC 9110, section 10.2.3). A date that has passed is no
/// wait.
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
