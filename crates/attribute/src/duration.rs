//! Durations in nanoseconds, read and written as Go writes them (`1h2m0.5s`): the text form of the
//! expression language, of configuration and of every tool's output.

use std::fmt;
use std::str::FromStr;

/// A signed span of time in nanoseconds; about ±292 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(i64);

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A duration of so many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A duration of so many whole seconds; `None` when it does not fit.
    pub const fn from_secs(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(SECOND as i64) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// From the fields of `google.protobuf.Duration`; `None` when it does not fit.
    pub fn from_proto(seconds: i64, nanos: i32) -> Option<Self> {
        seconds.checked_mul(SECOND as i64)?.checked_add(i64::from(nanos)).map(Self)
    }

    /// The fields of `google.protobuf.Duration`: both have the sign of the whole.
    pub fn to_proto(self) -> (i64, i32) {
        let second = SECOND as i64;
        (self.0 / second, (self.0 % second) as i32)
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds with fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// The same span as the standard library's type; `None` when negative.
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.0).ok().map(std::time::Duration::from_nanos)
    }

    /// From the standard library's type, at most the largest value that fits.
    pub fn from_std(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Text that is not a duration such as `10s`, `1h2m`, `300ms`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a duration; write a number with a unit, such as \"10s\", \"1m30s\" or \"250ms\" (units: ns, us, ms, s, m, h)"
)]
pub struct ParseDurationError(pub String);

impl FromStr for Duration {
    type Err = ParseDurationError;

    /// Go's `time.ParseDuration`: an optional sign, then `0` or a sequence of decimal numbers with units.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| ParseDurationError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, tail) = parse_term(rest)?;
        total = total.checked_add(nanos).filter(|total| *total <= 1 << 63)?;
        rest = tail;
    }
    if negative { 0i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
}

/// One `number unit` pair: its nanoseconds and the text behind it.
fn parse_term(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(tail) => split_digits(tail),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let unit = match &rest[..unit_end] {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => MICRO,
        "ms" => MILLI,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos = whole.checked_mul(unit)?.checked_add(fraction_nanos(fraction, unit))?;
    Some((nanos, &rest[unit_end..]))
}

/// Digits behind the point, scaled to the unit and cut below one nanosecond.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let mut scale = 1.0;
    let mut value: u64 = 0;
    for digit in digits.bytes() {
        let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))) else {
            break; // beyond nanosecond precision of any unit
        };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

impl fmt::Display for Duration {
    /// Go's `time.Duration.String`: `1m0s`, `1.5s`, `250ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..MICRO => write!(f, "{nanos}ns"),
            MICRO..MILLI => write_decimal(f, nanos, MICRO, "\u{b5}s"),
            MILLI..SECOND => write_decimal(f, nanos, MILLI, "ms"),
            _ => {
                let (hours, minutes) = (nanos / HOUR, nanos % HOUR / MINUTE);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write_decimal(f, nanos % MINUTE, SECOND, "s")
            }
        }
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, suffix: &str) -> fmt::Result {
    let (whole, fraction) = (nanos / unit, nanos % unit);
    if fraction == 0 {
        return write!(f, "{whole}{suffix}");
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    write!(f, "{whole}.{}{suffix}", digits.trim_end_matches('0'))
}
