//! Growing pauses between attempts, with jitter so that many callers do not try in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// How often in a row it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after one more failure: doubling from a tenth of a second to five seconds, less up to a
    /// quarter at random.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(1.0 - 0.25 * fastrand::f64())
    }
}
