//! Instants with nanosecond precision, read and written as RFC 3339.

use std::fmt;
use std::str::FromStr;

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

    fn civil(self) -> Option<jiff::civil::DateTime> {
        let instant = jiff::Timestamp::new(self.seconds, self.nanos.cast_signed()).ok()?;
        Some(jiff::tz::Offset::UTC.to_datetime(instant))
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
    let bytes = text.as_bytes();
    let shape_ok = bytes.len() >= 20
        && bytes.iter().take(19).enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            10 => *b == b'T',
            13 | 16 => *b == b':',
            _ => b.is_ascii_digit(),
        });
    if !shape_ok || !zone_ok(&bytes[19..]) {
        return None;
    }
    // Digits below one nanosecond are read over.
    let excess = bytes[19..].iter().skip(1).take_while(|b| b.is_ascii_digit()).count().saturating_sub(9);
    let shortened = (excess > 0).then(|| format!("{}{}", &text[..29], &text[29 + excess..]));
    let instant: jiff::Timestamp = shortened.as_deref().unwrap_or(text).parse().ok()?;
    // jiff reads a leap second as :59; Go refuses it.
    if &bytes[17..19] == b"60" {
        return None;
    }
    let seconds = instant.as_second();
    Timestamp::from_proto(seconds, instant.subsec_nanosecond())
}

/// `Z`, `.123Z`, `+01:00`, `.5-07:30`: nothing else may follow the seconds.
fn zone_ok(tail: &[u8]) -> bool {
    let tail = match tail {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        _ => tail,
    };
    match tail {
        [b'Z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|x| x.is_ascii_digit()),
        _ => false,
    }
}
