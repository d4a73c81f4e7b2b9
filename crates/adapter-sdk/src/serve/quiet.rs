//! Says so when nothing arrives: an adapter that is never called looks healthy in every other way.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::metrics::Metrics;

/// How often it is looked whether a call has come.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Watches the number of calls: warns when none has come for `quiet`, again after twice the time and so on. Zero never
/// warns.
pub(super) async fn watch(quiet: Duration, metrics: Arc<Metrics>) {
    let every = match quiet.is_zero() {
        true => LOOK_EVERY,
        false => LOOK_EVERY.min(quiet),
    };
    let mut interval = tokio::time::interval(every);
    let (mut known, mut since, mut warn_after) = (0, Instant::now(), quiet);
    loop {
        interval.tick().await;
        let calls = metrics.calls_so_far();
        if calls != known {
            if warn_after != quiet {
                tracing::info!("calls arrive again");
            }
            (known, since, warn_after) = (calls, Instant::now(), quiet);
            metrics.quiet_warnings.set(0);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            metrics.last_call.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
            continue;
        }
        let waited = since.elapsed();
        if !quiet.is_zero() && waited >= warn_after {
            warn_after = warn_after.saturating_mul(2);
            metrics.quiet_warnings.inc();
            tracing::warn!(
                seconds = waited.as_secs(),
                calls_so_far = known,
                "no call has arrived; is there a handler with the address of this adapter, and a rule whose match holds that sends instances to it?"
            );
        }
    }
}

#[cfg(test)]
mod tests;
