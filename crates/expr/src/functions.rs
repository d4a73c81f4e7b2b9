//! The functions of the language: names, signatures, and what they do with text.

pub(crate) mod dns;
pub(crate) mod email;
pub(crate) mod pattern;
pub(crate) mod text;
pub(crate) mod uri;

use std::borrow::Cow;
use std::net::IpAddr;

use mixer_attribute::{MapView, Timestamp, Value, ValueType};

use crate::error::{EvalError, quote};

/// The functions. Operators and `conditional` are not among them: they do not just map values to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Match,
    Matches,
    StartsWith,
    EndsWith,
    Ip,
    Timestamp,
    DnsName,
    Email,
    Uri,
    ToLower,
    Size,
    EmptyStringMap,
    ConditionalString,
}

/// How a function is called.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    /// Whether it is a method: `target.f(…)`; the target is a STRING.
    pub(crate) method: bool,
    /// The types of the arguments, without the target.
    pub(crate) parameters: &'static [ValueType],
    pub(crate) result: ValueType,
}

const fn function(
    name: &'static str,
    function: Function,
    method: bool,
    parameters: &'static [ValueType],
    result: ValueType,
) -> Signature {
    Signature { name, function, method, parameters, result }
}

const STRING: ValueType = ValueType::String;
const BOOL: ValueType = ValueType::Bool;

/// Every function.
pub(crate) const FUNCTIONS: &[Signature] = &[
    function("match", Function::Match, false, &[STRING, STRING], BOOL),
    function("matches", Function::Matches, true, &[STRING], BOOL),
    function("startsWith", Function::StartsWith, true, &[STRING], BOOL),
    function("endsWith", Function::EndsWith, true, &[STRING], BOOL),
    function("ip", Function::Ip, false, &[STRING], ValueType::IpAddress),
    function("timestamp", Function::Timestamp, false, &[STRING], ValueType::Timestamp),
    function("dnsName", Function::DnsName, false, &[STRING], ValueType::DnsName),
    function("email", Function::Email, false, &[STRING], ValueType::EmailAddress),
    function("uri", Function::Uri, false, &[STRING], ValueType::Uri),
    function("toLower", Function::ToLower, false, &[STRING], STRING),
    function("size", Function::Size, false, &[STRING], ValueType::Int64),
    function("emptyStringMap", Function::EmptyStringMap, false, &[], ValueType::StringMap),
    function("conditionalString", Function::ConditionalString, false, &[BOOL, STRING, STRING], STRING),
];

/// The function that chooses a branch; its arguments are BOOL and two of any one type.
pub(crate) const CONDITIONAL: &str = "conditional";

impl Function {
    /// The result for one text.
    pub(crate) fn of_text<'a>(self, text: Cow<'a, [u8]>) -> Result<Value<'a>, EvalError> {
        Ok(match self {
            Self::Ip => Value::Bytes(Cow::Owned(ip(&text)?.to_vec())),
            Self::Timestamp => Value::Timestamp(timestamp(&text)?),
            Self::DnsName => Value::Text(dns::convert(text)?),
            Self::Email => {
                email::validate(&text)?;
                Value::Text(text)
            }
            Self::Uri => {
                uri::validate(&text)?;
                Value::Text(text)
            }
            Self::ToLower => Value::Text(text::to_lower(text)),
            Self::Size => Value::Int64(i64::try_from(text.len()).unwrap_or(i64::MAX)),
            _ => Value::StringMap(MapView::empty()),
        })
    }

    /// The result for two texts: the methods' target comes first.
    pub(crate) fn of_texts(self, first: &[u8], second: &[u8]) -> bool {
        match self {
            Self::StartsWith => first.starts_with(second),
            Self::EndsWith => first.ends_with(second),
            _ => text::Glob::parse(second).matches(first),
        }
    }
}

/// 16 bytes; an IPv4 address in its mapped form.
fn ip(text: &[u8]) -> Result<[u8; 16], EvalError> {
    let address = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
    match address {
        Some(IpAddr::V4(address)) => Ok(address.to_ipv6_mapped().octets()),
        Some(IpAddr::V6(address)) => Ok(address.octets()),
        None => {
            let message = format!("could not convert {} to IP_ADDRESS", quote(text));
            Err(EvalError::conversion(ValueType::IpAddress, message))
        }
    }
}

/// An RFC 3339 timestamp.
pub(crate) fn timestamp(text: &[u8]) -> Result<Timestamp, EvalError> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let text = quote(text);
        let message =
            format!("could not convert '{text}' to TIMESTAMP. expected format: '2006-01-02T15:04:05Z07:00'");
        EvalError::conversion(ValueType::Timestamp, message)
    })
}

/// Whether two addresses are the same host: an IPv4 address equals its mapped IPv6 form.
pub(crate) fn ip_equal(a: &[u8], b: &[u8]) -> bool {
    const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    match (a.len(), b.len()) {
        (4, 16) => b.strip_prefix(&MAPPED) == Some(a),
        (16, 4) => a.strip_prefix(&MAPPED) == Some(b),
        _ => a == b,
    }
}
