//! Constants of scalar protobuf types: from configuration values to payload bytes.
//!
//! A payload is what stands behind the tag; for text and bytes without the length.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{EnumDescriptor, Kind};

use crate::payload::Whole;
use crate::problem::{expected, unknown_enum_value};
use crate::wire::WireType;
use crate::{Node, NodeValue};

/// The wire type of a single value.
pub(crate) fn wire_type(kind: &Kind) -> WireType {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireType::Bytes,
        _ => WireType::Varint,
    }
}

/// Whether a single value stands behind its length.
pub(crate) fn is_delimited(kind: &Kind) -> bool {
    wire_type(kind) == WireType::Bytes
}

/// The payload of a configuration value, or what is wrong with it.
pub(crate) fn from_node(kind: &Kind, node: &Node) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match kind {
        Kind::Double | Kind::Float => put_float(kind, float(node)?, &mut out)?,
        Kind::Bool => match node.value {
            NodeValue::Bool(value) => out.push(value.into()),
            _ => return Err(expected("true or false (without quotes)", node)),
        },
        Kind::String => match node.as_str() {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None if node.is_null() => return Err(expected("text", node)),
            None => return Err(format!("{}; write it in quotes", expected("text", node))),
        },
        Kind::Bytes => match node.as_str().map(decode_base64) {
            Some(Some(bytes)) => out = bytes,
            _ => return Err(expected("bytes as base64 text", node)),
        },
        Kind::Enum(descriptor) => match node.as_str() {
            Some(text) => out = from_text(kind, text)?,
            None => put_int(kind, enum_number(descriptor, integer(node)?)?, &mut out)?,
        },
        Kind::Message(message) => return Err(expected(&format!("a map ({})", message.full_name()), node)),
        _ => put_int(kind, integer(node)?, &mut out)?,
    }
    Ok(out)
}

/// The payload of a value given as text: a quoted constant, a map key, a number that JSON writes as text.
pub(crate) fn from_text(kind: &Kind, text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match kind {
        Kind::String => out.extend_from_slice(text.as_bytes()),
        Kind::Bool => match text {
            "true" => out.push(1),
            "false" => out.push(0),
            _ => return Err(format!("expected true or false, found the text {text:?}")),
        },
        Kind::Double | Kind::Float => {
            let value = parse_float(text).ok_or_else(|| format!("{text:?} is not a number"))?;
            put_float(kind, value, &mut out)?;
        }
        Kind::Enum(descriptor) => {
            let number = match (descriptor.get_value_by_name(text), parse_integer(text)) {
                (Some(value), _) => i128::from(value.number()),
                (None, Some(number)) => enum_number(descriptor, number)?,
                (None, None) => return Err(unknown_enum_value(text, descriptor)),
            };
            put_int(kind, number, &mut out)?;
        }
        Kind::Bytes | Kind::Message(_) => return Err(format!("the text {text:?} cannot stand here")),
        _ => {
            let value = parse_integer(text).ok_or_else(|| format!("{text:?} is not a whole number"))?;
            put_int(kind, value, &mut out)?;
        }
    }
    Ok(out)
}

fn enum_number(descriptor: &EnumDescriptor, number: i128) -> Result<i128, String> {
    let known = i32::try_from(number).ok().and_then(|number| descriptor.get_value(number));
    known.map(|_| number).ok_or_else(|| unknown_enum_value(&number.to_string(), descriptor))
}

fn integer(node: &Node) -> Result<i128, String> {
    let value = match &node.value {
        NodeValue::Int(value) => Some(i128::from(*value)),
        NodeValue::UInt(value) => Some(i128::from(*value)),
        NodeValue::Float(value) if value.fract() == 0.0 && value.abs() < 2e19 => Some(*value as i128),
        NodeValue::Float(value) => return Err(format!("expected a whole number, found {value}")),
        NodeValue::String(text) => parse_integer(text),
        _ => None,
    };
    value.ok_or_else(|| expected("a whole number", node))
}

fn float(node: &Node) -> Result<f64, String> {
    match &node.value {
        NodeValue::Float(value) => Some(*value),
        NodeValue::Int(value) => Some(*value as f64),
        NodeValue::UInt(value) => Some(*value as f64),
        NodeValue::String(text) => parse_float(text),
        _ => None,
    }
    .ok_or_else(|| expected("a number", node))
}

/// An integer with a base prefix as in Go: `0x`, `0o` or `0`, `0b`, else decimal.
pub(crate) fn parse_integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(prefix) if prefix.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None; // a second sign, or nothing
    }
    Some(sign * i128::from(u64::from_str_radix(digits, base).ok()?))
}

/// A number as JSON and Go write it, or an integer with a base prefix; `NaN`, `Infinity`, `-Infinity`.
fn parse_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(value) = parse_integer(text) {
        return Some(value as f64);
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = plain.then(|| text.parse().ok())??;
    value.is_finite().then_some(value)
}

fn put_float(kind: &Kind, value: f64, out: &mut Vec<u8>) -> Result<(), String> {
    if matches!(kind, Kind::Double) {
        out.extend_from_slice(&value.to_le_bytes());
        return Ok(());
    }
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err(format!("{value} is too large for a float"));
    }
    out.extend_from_slice(&narrow.to_le_bytes());
    Ok(())
}

fn put_int(kind: &Kind, value: i128, out: &mut Vec<u8>) -> Result<(), String> {
    let Some(whole) = Whole::of(kind) else { return Err(format!("the number {value} cannot stand here")) };
    match whole.payload(value) {
        Some(payload) => out.extend_from_slice(payload.as_slice()),
        None => return Err(format!("{value} does not fit into {}", whole.name())),
    }
    Ok(())
}

/// Standard or URL-safe alphabet, padded or not, as the JSON form of protobuf allows.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}
