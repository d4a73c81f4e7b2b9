//! Messages of the APIs, in JSON or encoded, in the one form in which they are compared: the JSON of proto3 without
//! defaults. What the APIs do not know is an error.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Value as Json;

const FILE: &str = "apis.proto";

static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| compile().map_err(|error| format!("{FILE}: {error}")));

fn compile() -> Result<DescriptorPool, protox::Error> {
    let mut resolver = protox::file::ChainFileResolver::new();
    resolver.add(protox::file::GoogleFileResolver::new());
    resolver.add(Own);
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file(FILE)?;
    Ok(compiler.descriptor_pool())
}

struct Own;

impl protox::file::FileResolver for Own {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        match name {
            FILE => protox::file::File::from_source(name, include_str!("apis.proto")),
            other => Err(protox::Error::file_not_found(other)),
        }
    }
}

fn descriptor(name: &str) -> Result<MessageDescriptor, String> {
    let pool = POOL.as_ref().map_err(Clone::clone)?;
    pool.get_message_by_name(&format!("mixer.testkit.fake.{name}")).ok_or(format!("no message {name}"))
}

/// Reads JSON as a message.
pub(super) fn of_json(name: &str, body: &[u8]) -> Result<Json, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let mut json = serde_json::Deserializer::from_slice(body);
    let message = DynamicMessage::deserialize_with_options(descriptor(name)?, &mut json, &options);
    let message = message.map_err(|error| format!("Invalid JSON payload received. {error}"))?;
    json.end().map_err(|error| error.to_string())?;
    plain(&message)
}

/// Reads an encoded message.
pub(super) fn of_bytes(name: &str, body: &[u8]) -> Result<Json, String> {
    let message = DynamicMessage::decode(descriptor(name)?, body).map_err(|error| error.to_string())?;
    if let Some(field) = message.unknown_fields().next() {
        return Err(format!("field {} of {name}", field.number()));
    }
    plain(&message)
}

/// Encodes a message that is given as JSON.
pub(super) fn to_bytes(name: &str, json: &Json) -> Result<Vec<u8>, String> {
    let message = DynamicMessage::deserialize(descriptor(name)?, json).map_err(|error| error.to_string())?;
    Ok(message.encode_to_vec())
}

fn plain(message: &DynamicMessage) -> Result<Json, String> {
    let mut json = serde_json::to_value(message).map_err(|error| error.to_string())?;
    sort(&mut json);
    Ok(json)
}

/// Entries of maps come in any order.
fn sort(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        Json::Array(all) => all.iter_mut().for_each(sort),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused() {
        let check = |name: &str, json: &str, wanted: Result<&str, &str>| match (
            of_json(name, json.as_bytes()),
            wanted,
        ) {
            (Ok(found), Ok(wanted)) => assert_eq!(found.to_string(), wanted),
            (Err(error), Err(wanted)) => assert!(error.contains(wanted), "{error}"),
            (found, wanted) => panic!("{json}: {found:?}, not {wanted:?}"),
        };
        check("Metric", r#"{"type": "t", "labels": {}}"#, Ok(r#"{"type":"t"}"#));
        check("Metric", r#"{"typ": "t"}"#, Err("typ"));
        check("TypedValue", r#"{"int64Value": "7"}"#, Ok(r#"{"int64Value":"7"}"#));
        check("TypedValue", r#"{"int64Value": "x"}"#, Err("invalid digit"));
        check("TimeSeries", r#"{"metricKind": "LOUD"}"#, Err("LOUD"));
        check("HttpRequest", r#"{"latency": "0.5s"}"#, Ok(r#"{"latency":"0.500s"}"#));
        check("LogEntry", r#"{"jsonPayload": {"a": [1, null]}}"#, Ok(r#"{"jsonPayload":{"a":[1.0,null]}}"#));
    }
}
