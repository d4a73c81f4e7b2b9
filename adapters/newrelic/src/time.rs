//! Moments as New Relic takes them: milliseconds since 1970, neither too far in the past nor in the future.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::Timestamp;

const HOUR: u64 = 3600 * 1000;

/// What a moment may be, seen from now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    back: u64,
    ahead: u64,
}

impl Window {
    /// Of metrics, spans and log entries.
    pub(crate) const USUAL: Self = Self { back: 48 * HOUR, ahead: 24 * HOUR };
    /// Of events.
    pub(crate) const EVENT: Self = Self { back: 24 * HOUR, ahead: 24 * HOUR };

    /// Whether New Relic keeps what happened then.
    pub(crate) fn check(self, moment: u64, now: u64) -> Result<(), OutOfWindow> {
        if moment.saturating_add(self.back) <= now {
            return Err(OutOfWindow::TooOld(self.back / HOUR));
        }
        if moment >= now.saturating_add(self.ahead) {
            return Err(OutOfWindow::TooNew(self.ahead / HOUR));
        }
        Ok(())
    }
}

/// New Relic would drop it without telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutOfWindow {
    #[error("its time is more than {0} hours ago, which New Relic drops")]
    TooOld(u64),
    #[error("its time is more than {0} hours ahead, which New Relic drops")]
    TooNew(u64),
}

impl OutOfWindow {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::TooOld(_) => "too_old",
            Self::TooNew(_) => "too_new",
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since: Duration = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970; 0 for what was before.
pub(crate) fn millis_of(time: Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds()).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(u64::from(time.subsec_nanos() / 1_000_000))
}

/// Milliseconds from one moment to another with their fraction; 0 when they are in the wrong order.
pub(crate) fn millis_between(start: Timestamp, end: Timestamp) -> f64 {
    let seconds = end.seconds().saturating_sub(start.seconds());
    let nanos = i64::from(end.subsec_nanos()) - i64::from(start.subsec_nanos());
    (seconds as f64 * 1e3 + nanos as f64 / 1e6).max(0.0)
}
