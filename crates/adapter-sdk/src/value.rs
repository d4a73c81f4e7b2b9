//! Attribute values as adapters see them: one type for every `istio.policy.v1beta1.Value`, borrowed from the
//! message, with the conversions that adapters need. There is one policy, and nothing is lost where a backend can say
//! it:
//!
//! | kind | [`ValueView::text`] | [`ValueView::as_f64`] | [`ValueView::to_json`] |
//! |---|---|---|---|
//! | `STRING`, `EMAIL_ADDRESS`, `DNS_NAME`, `URI` | as it is | a `STRING` that is a number | text |
//! | `INT64` | decimal | the number; rounded beyond 2^53 | number, all digits |
//! | `DOUBLE` | shortest digits that read back the same, no exponent; `NaN`, `+Inf`, `-Inf` | the number | number; text when it is not finite |
//! | `BOOL` | `true`, `false` | none | bool |
//! | `IP_ADDRESS` | usual form; IPv4 in 16 bytes is IPv4; `?` and hexadecimal when it is no address | none | text |
//! | `TIMESTAMP` | RFC 3339 in UTC, down to nanoseconds | none; see [`ValueView::as_timestamp`] | text |
//! | `DURATION` | `1h2m3.000000004s`, down to nanoseconds | seconds with their fraction | text |
//! | `STRING_MAP` | `k=v&k2=v2` sorted by key | none | object |

mod json;
mod owned;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mixer_attribute::{Duration, Timestamp};

use crate::wire::{Field, Fields, Malformed};

pub use owned::Value;

/// The tag of `string_value`.
const STRING: u8 = 1 << 3 | 2;

/// A value of an instance: `istio.policy.v1beta1.Value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueView<'a> {
    /// `STRING`.
    String(&'a str),
    /// `INT64`.
    Int64(i64),
    /// `DOUBLE`.
    Double(f64),
    /// `BOOL`.
    Bool(bool),
    /// `IP_ADDRESS`: the bytes that were sent, 4 or 16 when it is an address.
    Ip(&'a [u8]),
    /// `TIMESTAMP`.
    Timestamp(Timestamp),
    /// `DURATION`.
    Duration(Duration),
    /// `EMAIL_ADDRESS`.
    Email(&'a str),
    /// `DNS_NAME`.
    Dns(&'a str),
    /// `URI`.
    Uri(&'a str),
    /// `STRING_MAP`.
    StringMap(StringMapView<'a>),
}

impl<'a> ValueView<'a> {
    /// Reads an encoded `Value`. None when it holds no value.
    ///
    /// # Errors
    ///
    /// The bytes are not a `Value`.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        match Self::usual_text(bytes) {
            Some(text) => {
                let text = std::str::from_utf8(text).map_err(|_| Malformed::NotText(1))?;
                Ok(Some(Self::String(text)))
            }
            None => Self::parse_any(bytes),
        }
    }

    /// The text of a value that is a `STRING` of less than 128 bytes and nothing else, as nearly all values are.
    #[inline]
    pub(crate) fn usual_text(bytes: &'a [u8]) -> Option<&'a [u8]> {
        let [STRING, length @ 0..0x80, text @ ..] = bytes else { return None };
        (text.len() == usize::from(*length)).then_some(text)
    }

    fn parse_any(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let mut value = None;
        for field in Fields::new(bytes) {
            // Of several members of a oneof the last one counts.
            if let Some(read) = Self::of_field(&field?)? {
                value = Some(read);
            }
        }
        Ok(value)
    }

    fn of_field(field: &Field<'a>) -> Result<Option<Self>, Malformed> {
        let value = match field.number {
            1 => Self::String(field.text()?),
            2 => Self::Int64(field.int64()?),
            3 => Self::Double(field.double()?),
            4 => Self::Bool(field.varint()? != 0),
            5 => Self::Ip(match inner(field.bytes()?)? {
                Some(address) => address.bytes()?,
                None => &[],
            }),
            6 => Self::Timestamp(parse_timestamp(field.bytes()?)?.unwrap_or_default()),
            7 => Self::Duration(parse_duration(field.bytes()?)?.unwrap_or_default()),
            8 => Self::Email(wrapped_text(field)?),
            9 => Self::Dns(wrapped_text(field)?),
            10 => Self::Uri(wrapped_text(field)?),
            11 => Self::StringMap(StringMapView::parse(field.bytes()?)?),
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// The value as a number: a double or an integer as it is, a duration in seconds, text that is a number.
    /// None for everything else. An integer beyond 2^53 is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(*value),
            Self::Int64(value) => Some(*value as f64),
            Self::Duration(value) => Some(value.as_secs_f64()),
            Self::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value when it is an integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int64(value) => Some(*value),
            _ => None,
        }
    }

    /// The value when it is a bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value when it is a moment, down to nanoseconds.
    pub fn as_timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Timestamp(value) => Some(*value),
            _ => None,
        }
    }

    /// The value when it is a duration, down to nanoseconds.
    pub fn as_duration(&self) -> Option<Duration> {
        match self {
            Self::Duration(value) => Some(*value),
            _ => None,
        }
    }

    /// The entries when it is a string map.
    pub fn as_map(&self) -> Option<StringMapView<'a>> {
        match self {
            Self::StringMap(map) => Some(*map),
            _ => None,
        }
    }

    /// The text of a string, an e-mail address, a DNS name or a URI.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(text) | Self::Email(text) | Self::Dns(text) | Self::Uri(text) => Some(text),
            _ => None,
        }
    }

    /// The address when it is one; an IPv4 address that was sent in 16 bytes is an IPv4 address.
    pub fn as_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(bytes) => ip_address(bytes),
            _ => None,
        }
    }

    /// The value as text, borrowed when it is text already. The forms are those of [`fmt::Display`].
    pub fn text(&self) -> Cow<'a, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.to_string()),
        }
    }
}

impl fmt::Display for ValueView<'_> {
    /// The form in which values become labels and list entries: text as it is, integers decimal, doubles with
    /// as many digits as needed and without exponent, addresses in their usual form, timestamps as RFC 3339,
    /// durations as `1m30s`, maps as `k=v&k2=v2` sorted by key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) | Self::Email(text) | Self::Dns(text) | Self::Uri(text) => f.write_str(text),
            Self::Int64(value) => write!(f, "{value}"),
            Self::Double(value) => write_double(f, *value),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Ip(bytes) => write_ip(f, bytes),
            Self::Timestamp(value) => write!(f, "{value}"),
            Self::Duration(value) => write!(f, "{value}"),
            Self::StringMap(map) => {
                for (index, (key, value)) in map.sorted().into_iter().enumerate() {
                    let separator = if index == 0 { "" } else { "&" };
                    write!(f, "{separator}{key}={value}")?;
                }
                Ok(())
            }
        }
    }
}

fn write_double(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    write!(f, "{value}")
}

/// An address of 4 or 16 bytes; an IPv4 address in 16 bytes is an IPv4 address.
pub fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(octets).into());
    }
    let octets = <[u8; 16]>::try_from(bytes).ok()?;
    Some(IpAddr::from(Ipv6Addr::from(octets)).to_canonical())
}

fn write_ip(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    match ip_address(bytes) {
        Some(address) => write!(f, "{address}"),
        None if bytes.is_empty() => Ok(()),
        // Not an address: shown as Go's net package shows it.
        None => {
            f.write_char('?')?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
}

/// The field 1 that every wrapper message has.
fn inner(bytes: &[u8]) -> Result<Option<Field<'_>>, Malformed> {
    let mut found = None;
    for field in Fields::new(bytes) {
        let field = field?;
        if field.number == 1 {
            found = Some(field);
        }
    }
    Ok(found)
}

fn wrapped_text<'a>(field: &Field<'a>) -> Result<&'a str, Malformed> {
    inner(field.bytes()?)?.map_or(Ok(""), |text| text.text())
}

/// `seconds` and `nanos` of a google.protobuf.Timestamp or Duration inside of its policy wrapper.
fn wrapped_time(bytes: &[u8]) -> Result<Option<(i64, i32)>, Malformed> {
    let Some(time) = inner(bytes)? else { return Ok(None) };
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::new(time.bytes()?) {
        let field = field?;
        match field.number {
            1 => seconds = field.int64()?,
            2 => nanos = field.varint()? as u32 as i32,
            _ => {}
        }
    }
    Ok(Some((seconds, nanos)))
}

/// Reads an encoded `istio.policy.v1beta1.TimeStamp`; none when it is empty.
///
/// # Errors
///
/// The bytes are not a `TimeStamp`.
pub fn parse_timestamp(bytes: &[u8]) -> Result<Option<Timestamp>, Malformed> {
    let Some((seconds, nanos)) = wrapped_time(bytes)? else { return Ok(None) };
    Timestamp::from_proto(seconds, nanos).map(Some).ok_or(Malformed::Time(1))
}

/// Reads an encoded `istio.policy.v1beta1.Duration`; none when it is empty.
///
/// # Errors
///
/// The bytes are not a `Duration`, or it is longer than 292 years.
pub fn parse_duration(bytes: &[u8]) -> Result<Option<Duration>, Malformed> {
    let Some((seconds, nanos)) = wrapped_time(bytes)? else { return Ok(None) };
    Duration::from_proto(seconds, nanos).map(Some).ok_or(Malformed::Time(1))
}

/// The entries of a `STRING_MAP`, which were all found to be text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StringMapView<'a> {
    bytes: &'a [u8],
}

impl<'a> StringMapView<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        for field in Fields::new(bytes) {
            Self::entry(&field?)?;
        }
        Ok(Self { bytes })
    }

    fn entry(field: &Field<'a>) -> Result<Option<(&'a str, &'a str)>, Malformed> {
        if field.number != 1 {
            return Ok(None);
        }
        let (mut key, mut value) = ("", "");
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => key = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        Ok(Some((key, value)))
    }

    /// The entries in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        Fields::new(self.bytes).filter_map(|field| Self::entry(&field.ok()?).ok()?)
    }

    /// The entries sorted by key.
    pub fn sorted(&self) -> Vec<(&'a str, &'a str)> {
        let mut entries: Vec<_> = self.iter().collect();
        // A key that was sent twice keeps its last value, as in every map of protobuf.
        entries.reverse();
        entries.sort_by_key(|(key, _)| *key);
        entries.dedup_by_key(|(key, _)| *key);
        entries
    }
}

#[cfg(test)]
mod tests;
