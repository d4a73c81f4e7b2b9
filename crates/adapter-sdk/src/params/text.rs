//! A configuration as operators write it, YAML or JSON, to the bytes that calls carry.

use bytes::Bytes;
use mixer_adapter_api::{AdapterInfo, FieldProblem};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor};
use serde_json::Value as Json;

/// Encodes the `params` of a handler, as `mixs` does: keys by their proto or JSON names, enums by name or number,
/// durations as `10s` or `1m30s`, timestamps as RFC 3339.
///
/// # Errors
///
/// The text is neither YAML nor JSON, or it is not a configuration of this adapter.
pub fn encode(info: &AdapterInfo, text: &str) -> Result<Bytes, FieldProblem> {
    let whole = |message: String| FieldProblem::new("", message);
    let mut written: Json = serde_saphyr::from_str(text)
        .map_err(|error| whole(format!("the configuration is neither YAML nor JSON: {error}")))?;
    if written.is_null() {
        return Ok(Bytes::new());
    }
    if info.config_message.is_empty() {
        return Err(whole(format!("adapter {} has no configuration", info.name)));
    }
    let pool = DescriptorPool::decode(info.config_descriptor)
        .map_err(|error| whole(format!("the adapter's own descriptor cannot be read: {error}")))?;
    let message = pool.get_message_by_name(info.config_message).ok_or_else(|| {
        whole(format!("the adapter's own descriptor has no message {}", info.config_message))
    })?;
    durations(&message, &mut written).map_err(|(path, text)| {
        FieldProblem::new(path, format!("{text:?} is no duration; write for example 10s or 1m30s"))
    })?;
    let options = DeserializeOptions::new();
    let encoded = DynamicMessage::deserialize_with_options(message, written, &options)
        .map_err(|error| whole(format!("is no {}: {error}", info.config_message)))?;
    Ok(encoded.encode_to_vec().into())
}

/// Writes every duration in the one form that protobuf reads: seconds with their fraction.
fn durations(message: &MessageDescriptor, written: &mut Json) -> Result<(), (String, String)> {
    let Json::Object(fields) = written else { return Ok(()) };
    for (name, written) in fields {
        let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
        let Some(field) = field else { continue };
        let kind = match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        let Kind::Message(inner) = kind else { continue };
        let values: Vec<&mut Json> = match written {
            Json::Array(items) if field.is_list() => items.iter_mut().collect(),
            Json::Object(entries) if field.is_map() => entries.values_mut().collect(),
            single => vec![single],
        };
        for value in values {
            duration(&inner, value).map_err(|(path, text)| match path.is_empty() {
                true => (name.clone(), text),
                false => (format!("{name}.{path}"), text),
            })?;
        }
    }
    Ok(())
}

fn duration(message: &MessageDescriptor, written: &mut Json) -> Result<(), (String, String)> {
    if message.full_name() != "google.protobuf.Duration" {
        return durations(message, written);
    }
    let Json::String(text) = written else { return Ok(()) };
    let parsed: mixer_attribute::Duration = text.parse().map_err(|_| (String::new(), text.clone()))?;
    let (seconds, nanos) = parsed.to_proto();
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    *text = format!("{sign}{}.{:09}s", seconds.unsigned_abs(), nanos.unsigned_abs());
    Ok(())
}
