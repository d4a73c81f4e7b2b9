//! Times in the forms of Google's JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::Timestamp;

/// RFC 3339 in UTC with as many digits as needed.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    timestamp(time).to_string()
}

/// A moment of the system as one of an instance.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(since.subsec_nanos()).unwrap_or_default();
    Timestamp::from_proto(seconds, nanos).unwrap_or_default()
}

/// Seconds with their fraction and an `s`: google.protobuf.Duration.
pub(crate) fn duration(duration: Duration) -> String {
    let nanos = duration.subsec_nanos();
    if nanos == 0 {
        return format!("{}s", duration.as_secs());
    }
    let digits = format!("{nanos:09}");
    format!("{}.{}s", duration.as_secs(), digits.trim_end_matches('0'))
}
