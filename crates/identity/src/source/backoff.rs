//! Growing pauses between attempts to reach a socket, with jitter.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(10);

/// How often in a row it failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Waits after one more failure: doubling from a tenth of a second to ten seconds, less up to a quarter at random.
    pub(crate) async fn pause(&mut self) {
        let pause = FIRST.saturating_mul(1 << self.0.min(10)).min(LAST);
        self.0 = self.0.saturating_add(1);
        tokio::time::sleep(pause.mul_f64(1.0 - 0.25 * fastrand::f64())).await;
    }
}
