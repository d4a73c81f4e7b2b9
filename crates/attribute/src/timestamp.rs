//! Instants with nanosecond precision, read and written as RFC 3339.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::DateTime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// An instant: seconds since the Unix epoch and nanoseconds within the second (0 to 999,999,999).
///
/// Ordering and equality are those of the instants; the zone of a text form is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// From the fields of `google.protobuf.Timestamp`. Nanoseconds outside the second are carried over into
    /// the seconds; `None` when that overflows.
    pub fn from_proto(seconds: i64, nanos: i32) -> Option<Self> {
        const SECOND: i32 = 1_000_000_000;
        let seconds = seconds.checked_add(i64::from(nanos.div_euclid(SECOND)))?;
        Some(Self { seconds, nanos: nanos.rem_euclid(SECOND).cast_unsigned() })
    }

    /// The fields of `google.protobuf.Timestamp`.
    pub fn to_proto(self) -> (i64, i32) {
        (self.seconds, self.nanos.cast_signed())
    }

    /// Seconds since the Unix epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// The present.
    pub fn now() -> Self {
        std::time::SystemTime::now().into()
    }

    /// Later by a duration; `None` when that overflows.
    pub fn checked_add(self, duration: crate::Duration) -> Option<Self> {
        let (seconds, nanos) = duration.to_proto();
        Self::from_proto(self.seconds.checked_add(seconds)?, self.nanos.cast_signed() + nanos)
    }

    /// Date and time in UTC; `None` outside the years 0 to 9999.
    fn civil(self) -> Option<DateTime> {
        let since = SignedDuration::new(self.seconds, self.nanos.cast_signed());
        EPOCH.checked_add(since).ok().filter(|time| time.year() >= 0)
    }

    /// `2006-01-02T15:04:05.000000Z`: always six digits, the form of the original's access log lines.
    pub fn to_micros_text(self) -> String {
        match self.civil() {
            Some(t) => format!("{}.{:06}Z", t.strftime("%Y-%m-%dT%H:%M:%S"), self.nanos / 1_000),
            None => format!("@{}.{:06}", self.seconds, self.nanos / 1_000),
        }
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self { seconds: since.as_secs().cast_signed(), nanos: since.subsec_nanos() },
            Err(before) => {
                let before = before.duration();
                let seconds = before.as_secs().cast_signed().saturating_neg();
                let nanos = before.subsec_nanos().cast_signed();
                Self::from_proto(seconds, -nanos).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with as many fraction digits as needed; an instant outside the years that RFC 3339 can
    /// write prints as `@seconds.nanos`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(t) = self.civil() else { return write!(f, "@{}.{:09}", self.seconds, self.nanos) };
        write!(f, "{}", t.strftime("%Y-%m-%dT%H:%M:%S"))?;
        if self.nanos > 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Text that is not an RFC 3339 timestamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an RFC 3339 timestamp such as \"2019-01-01T00:00:00Z\"")]
pub struct ParseTimestampError(pub String);

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Strict RFC 3339 as Go's `time.RFC3339` layout reads it: capital `T`, seconds, and a zone are required.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseTimestampError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (civil, tail) = text.split_at_checked(19)?;
    let shape_ok = civil.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    });
    // jiff reads a leap second as :59; Go refuses it.
    if !shape_ok || civil.ends_with("60") {
        return None;
    }
    let (nanos, zone) = fraction(tail.as_bytes())?;
    // Not jiff's own instants: they end a day before the year 9999 does.
    let civil: DateTime = civil.parse().ok()?;
    let seconds = civil.duration_since(EPOCH).as_secs();
    Timestamp::from_proto(seconds - offset(zone)?, nanos)
}

/// Nanoseconds of `.5`, and what is behind it. Digits below one nanosecond are read over.
fn fraction(tail: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.', rest @ ..] = tail else { return Some((0, tail)) };
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
    let digits = digits.iter().map(|digit| i32::from(digit - b'0')).chain(std::iter::repeat(0));
    Some((digits.take(9).fold(0, |nanos, digit| nanos * 10 + digit), zone))
}

/// Seconds east of UTC: `Z`, `+01:00`, `-07:30`; nothing else may follow the time.
fn offset(zone: &[u8]) -> Option<i64> {
    let two = |tens: u8, ones: u8, below: i64| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0')).filter(|value| *value < below)
    };
    match zone {
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let seconds = two(*a, *b, 24)? * 3600 + two(*c, *d, 60)? * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}
