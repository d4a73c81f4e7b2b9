//! The JSON form, read as strictly as the specification is written: lowerCamelCase names, ids in hexadecimal, 64-bit integers as
//! texts, enums as numbers, nothing unknown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value as Json;

use super::Export;

/// Fields of 64-bit integers, alone or repeated.
const LONG: &[&str] = &[
    "timeUnixNano",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "observedTimeUnixNano",
    "count",
    "zeroCount",
    "bucketCounts",
    "asInt",
    "intValue",
];
const ENUMS: &[&str] = &["aggregationTemporality", "severityNumber", "kind", "code"];

pub(super) fn read(signal: &str, body: &[u8]) -> Result<Export, String> {
    let mut json: Json = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    check(&mut json)?;
    let (module, name) = match signal {
        "metrics" => ("metrics", "ExportMetricsServiceRequest"),
        "logs" => ("logs", "ExportLogsServiceRequest"),
        _ => ("trace", "ExportTraceServiceRequest"),
    };
    let pool =
        DescriptorPool::decode(mixer_proto::otlp::DESCRIPTOR_SET).map_err(|error| error.to_string())?;
    let name = format!("opentelemetry.proto.collector.{module}.v1.{name}");
    let message = pool.get_message_by_name(&name).ok_or_else(|| format!("no message {name}"))?;
    // Unknown fields are refused by default.
    let message = DynamicMessage::deserialize(message, json).map_err(|error| format!("{name}: {error}"))?;
    Export::decode(signal, &message.encode_to_vec())
}

fn check(json: &mut Json) -> Result<(), String> {
    match json {
        Json::Array(items) => items.iter_mut().try_for_each(check),
        Json::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| field(name, value)),
        _ => Ok(()),
    }
}

fn field(name: &str, value: &mut Json) -> Result<(), String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) || !name.starts_with(|c: char| c.is_ascii_lowercase())
    {
        return Err(format!("JSON: the name {name:?} is not lowerCamelCase"));
    }
    if let Some(digits) = match name {
        "traceId" => Some(32),
        "spanId" | "parentSpanId" => Some(16),
        _ => None,
    } {
        let text = value.as_str().unwrap_or_default();
        let is_hex = |byte: u8| byte.is_ascii_hexdigit();
        if text.len() != digits || !text.bytes().all(is_hex) {
            return Err(format!("JSON: {name} is {value}, not {digits} hexadecimal digits"));
        }
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16);
        let bytes: Result<Vec<u8>, _> = (0..digits).step_by(2).map(byte).collect();
        *value = STANDARD.encode(bytes.unwrap_or_default()).into();
        return Ok(());
    }
    let is_long = |value: &Json| value.as_str().is_some_and(|text| text.parse::<i128>().is_ok());
    let is_right = match &*value {
        Json::Array(items) if LONG.contains(&name) => items.iter().all(is_long),
        single if LONG.contains(&name) => is_long(single),
        single if ENUMS.contains(&name) => single.is_i64() || single.is_u64(),
        _ => true,
    };
    if !is_right {
        return Err(format!("JSON: {name} is {value}"));
    }
    check(value)
}
