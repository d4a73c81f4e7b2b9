//! The caller's deadline: the header `grpc-timeout` of the gRPC protocol over HTTP/2.

use std::time::{Duration, Instant};

use http::HeaderMap;

const HEADER: &str = "grpc-timeout";

/// When the caller stops waiting, if it said so. A value outside the protocol counts as none.
pub(crate) fn deadline(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    let timeout = parse(headers.get(HEADER)?.to_str().ok()?)?;
    now.checked_add(timeout)
}

/// One to eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
