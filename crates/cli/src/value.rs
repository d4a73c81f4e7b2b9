//! Attribute values as text, in the syntax of the original's flags (that of Go's `strconv` and `time`).

use mixer_attribute::{Duration, MapView, Timestamp, Value};

/// The value of an attribute as given on a command line: text, a number and so on, owned.
pub type TypedValue = Value<'static>;

/// Text that is not a value of the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a decimal number.
    #[error("{0:?} is not a decimal 64-bit integer")]
    Int64(String),
    /// A number, but beyond 64 bits.
    #[error("{0:?} does not fit a 64-bit integer")]
    Int64Range(String),
    /// Not a floating point number.
    #[error("{0:?} is not a floating point number")]
    Double(String),
    /// A number, but beyond what a double holds.
    #[error("{0:?} is beyond the range of a 64-bit floating point number")]
    DoubleRange(String),
    /// None of the words for true and false.
    #[error("{0:?} is not a bool; write one of 1 t T true True TRUE 0 f F false False FALSE")]
    Bool(String),
    /// Not an instant.
    #[error(transparent)]
    Timestamp(#[from] mixer_attribute::ParseTimestampError),
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] mixer_attribute::ParseDurationError),
    /// Not a list of hexadecimal bytes.
    #[error("{segment:?} in {text:?} is not a hexadecimal byte; write bytes as in \"a:0:0:1\"")]
    Bytes {
        /// What stands between two colons.
        segment: String,
        /// The whole value.
        text: String,
    },
    /// Not a list of key and value.
    #[error("{pair} is not a valid key/value pair in the form key:value; write a map as in \"k1:v1;k2:v2\"")]
    StringMap {
        /// What stands between two semicolons.
        pair: String,
    },
}

/// Reads a decimal integer with an optional sign, as Go's `strconv.ParseInt(text, 10, 64)` does.
///
/// # Errors
/// The text is no such number or does not fit.
pub fn parse_int64(text: &str) -> Result<i64, ValueError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => ValueError::Int64Range(text.to_owned()),
        _ => ValueError::Int64(text.to_owned()),
    })
}

/// Reads a decimal floating point number, infinity or an unsigned `nan`, as Go's `strconv.ParseFloat` does.
///
/// # Errors
/// The text is no such number, or a finite number beyond the range.
pub fn parse_double(text: &str) -> Result<f64, ValueError> {
    let syntax = || ValueError::Double(text.to_owned());
    let number: f64 = text.parse().map_err(|_| syntax())?;
    if number.is_nan() && text.starts_with(['+', '-']) {
        return Err(syntax());
    }
    if number.is_infinite() && text.bytes().any(|b| b.is_ascii_digit()) {
        return Err(ValueError::DoubleRange(text.to_owned()));
    }
    Ok(number)
}

/// Reads the words that Go's `strconv.ParseBool` knows.
///
/// # Errors
/// The text is none of the twelve.
pub fn parse_bool(text: &str) -> Result<bool, ValueError> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(ValueError::Bool(text.to_owned())),
    }
}

pub(crate) fn string(text: &str) -> Result<TypedValue, ValueError> {
    Ok(Value::Text(text.as_bytes().to_vec().into()))
}

pub(crate) fn int64(text: &str) -> Result<TypedValue, ValueError> {
    parse_int64(text).map(Value::Int64)
}

pub(crate) fn double(text: &str) -> Result<TypedValue, ValueError> {
    parse_double(text).map(Value::Double)
}

pub(crate) fn bool(text: &str) -> Result<TypedValue, ValueError> {
    parse_bool(text).map(Value::Bool)
}

pub(crate) fn timestamp(text: &str) -> Result<TypedValue, ValueError> {
    Ok(Value::Timestamp(text.parse::<Timestamp>()?))
}

pub(crate) fn duration(text: &str) -> Result<TypedValue, ValueError> {
    Ok(Value::Duration(text.parse::<Duration>()?))
}

pub(crate) fn bytes(text: &str) -> Result<TypedValue, ValueError> {
    let byte = |segment: &str| {
        // `from_str_radix` also takes a sign, which is no part of a byte.
        let digits = Some(segment).filter(|segment| segment.bytes().all(|b| b.is_ascii_hexdigit()));
        digits
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or_else(|| ValueError::Bytes { segment: segment.to_owned(), text: text.to_owned() })
    };
    let bytes: Vec<u8> = text.split(':').map(byte).collect::<Result<_, _>>()?;
    Ok(Value::Bytes(bytes.into()))
}

/// `k1:v1;k2:v2`; of a key given twice the last value counts.
pub(crate) fn string_map(text: &str) -> Result<TypedValue, ValueError> {
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for pair in text.split(';') {
        let (key, value) =
            pair.split_once(':').ok_or_else(|| ValueError::StringMap { pair: pair.to_owned() })?;
        match entries.iter_mut().find(|(k, _)| k == key.as_bytes()) {
            Some((_, place)) => *place = value.into(),
            None => entries.push((key.into(), value.into())),
        }
    }
    Ok(Value::StringMap(MapView::owned(entries)))
}

/// Finds the type of a value by trying, in this order: int64, double, bool, timestamp, duration, bytes, string
/// map; what is none of these is a string. So `t` is a bool, `ab` and `10:20` are bytes, and any other
/// text with a colon is a map.
pub fn sense(text: &str) -> TypedValue {
    int64(text)
        .or_else(|_| double(text))
        .or_else(|_| bool(text))
        .or_else(|_| timestamp(text))
        .or_else(|_| duration(text))
        .or_else(|_| bytes(text))
        .or_else(|_| string_map(text))
        .unwrap_or_else(|_| Value::Text(text.as_bytes().to_vec().into()))
}
