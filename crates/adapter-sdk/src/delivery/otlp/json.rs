//! The JSON form of requests (OTLP 1, JSON Protobuf Encoding): that of proto3, but for ids, which are hexadecimal.

use std::sync::LazyLock;

use crate::typed::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value as Json;

use super::item::Signal;

/// The fields that are ids. Names that users choose are never keys of OTLP's JSON.
const IDS: [&str; 3] = ["traceId", "spanId", "parentSpanId"];

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(mixer_proto::otlp::DESCRIPTOR_SET).ok());

fn message(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
        Signal::Logs => "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
        Signal::Traces => "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
    }
}

/// The JSON form of an encoded request.
///
/// # Errors
///
/// It is no request: a defect.
pub(super) fn of(signal: Signal, request: &[u8]) -> Result<Vec<u8>, Refused> {
    let refused = |detail: String| Refused::new("encoding", detail);
    let pool = POOL.as_ref().ok_or_else(|| refused("the descriptors of OTLP cannot be read".to_owned()))?;
    let name = message(signal);
    let message = pool.get_message_by_name(name).ok_or_else(|| refused(format!("there is no {name}")))?;
    let request = DynamicMessage::decode(message, request).map_err(|error| refused(error.to_string()))?;
    // 64-bit integers are texts and names lowerCamelCase, as proto3 has it; enums are numbers, as OTLP wants.
    let options = SerializeOptions::new().use_enum_numbers(true);
    let json = request.serialize_with_options(serde_json::value::Serializer, &options);
    let mut json = json.map_err(|error| refused(error.to_string()))?;
    each_id(&mut json, &|id| {
        let id = STANDARD.decode(id).unwrap_or_default();
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    });
    Ok(json.to_string().into_bytes())
}

fn each_id(json: &mut Json, change: &impl Fn(&str) -> String) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| each_id(item, change)),
        Json::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Json::String(text) if IDS.contains(&name.as_str()) => *text = change(text),
                    other => each_id(other, change),
                }
            }
        }
        _ => {}
    }
}

/// The encoded request of a JSON form that [`of`] has made; none when it is none.
pub(super) fn read(signal: Signal, json: &[u8]) -> Option<Vec<u8>> {
    let mut json: Json = serde_json::from_slice(json).ok()?;
    each_id(&mut json, &|id| {
        let byte = |at: usize| u8::from_str_radix(id.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..id.len()).step_by(2).map(byte).collect();
        STANDARD.encode(bytes.unwrap_or_default())
    });
    let message = POOL.as_ref()?.get_message_by_name(message(signal))?;
    Some(DynamicMessage::deserialize(message, json).ok()?.encode_to_vec())
}
