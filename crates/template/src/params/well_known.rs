//! Messages with a form of their own in documents: durations, timestamps, `Any`, `Struct` and the scalar wrappers.

use mixer_attribute::{Duration, Timestamp};
use prost_reflect::{Kind, MessageDescriptor};

use super::{Encoder, put_field};
use crate::payload::Small;
use crate::problem::{element_path, expected, field_path};
use crate::scalar::from_node;
use crate::wire::{WireType, put_bytes_field, put_tag, put_varint_field};
use crate::{Node, NodeValue};

impl Encoder {
    /// The bytes when the message and the value have a form of their own; `None` for ordinary ones.
    pub(super) fn well_known(
        &mut self,
        message: &MessageDescriptor,
        node: &Node,
        path: &str,
    ) -> Option<Vec<u8>> {
        let is_map = matches!(node.value, NodeValue::Map(_));
        let result = match message.full_name() {
            "google.protobuf.Duration" if !is_map => duration_text(node),
            "google.protobuf.Timestamp" if !is_map => timestamp_text(node),
            "google.protobuf.Any" => return self.any(message, node, path),
            "google.protobuf.Struct" => return Some(self.structure(node, path)),
            "google.protobuf.Value" => return Some(self.json_value(node, path)),
            "google.protobuf.ListValue" => return Some(self.json_list(node, path)),
            name if !is_map && is_wrapper(name) => {
                let kind = message.get_field(1).map_or(Kind::String, |field| field.kind());
                from_node(&kind, node).map(|payload| {
                    let mut out = Vec::new();
                    put_field(&mut out, 1, &kind, &payload);
                    out
                })
            }
            _ => return None,
        };
        Some(result.unwrap_or_else(|message| {
            self.problems.add(path, node.position, message);
            Vec::new()
        }))
    }

    /// `{"@type": URL, fields…}`, or `{"@type": URL, "value": …}` for messages with a form of their own. An `Any`
    /// without `@type` is an ordinary message of `type_url` and `value`.
    fn any(&mut self, message: &MessageDescriptor, node: &Node, path: &str) -> Option<Vec<u8>> {
        let type_node = node.get("@type")?;
        let url_path = field_path(path, "@type");
        let Some(url) = type_node.as_str() else {
            self.problems.add(&url_path, type_node.position, expected("a type URL", type_node));
            return Some(Vec::new());
        };
        let name = url.rsplit('/').next().unwrap_or(url);
        let Some(inner) = message.parent_pool().get_message_by_name(name) else {
            let text = format!(
                "message {name:?} is not in the adapter's descriptor; import its file in the adapter's config.proto"
            );
            self.problems.add(&url_path, type_node.position, text);
            return Some(Vec::new());
        };
        let rest = node.entries().iter().filter(|(key, _)| key.text != "@type");
        let value = match node.get("value").filter(|_| has_own_form(name)) {
            Some(value) => self.message(&inner, value, &field_path(path, "value")),
            None => self.fields(&inner, rest, path),
        };
        let mut out = Vec::new();
        put_bytes_field(&mut out, 1, url.as_bytes());
        put_bytes_field(&mut out, 2, &value);
        Some(out)
    }

    /// `google.protobuf.Struct`: `fields` (1), a map of text to `Value`, sorted by key.
    fn structure(&mut self, node: &Node, path: &str) -> Vec<u8> {
        let NodeValue::Map(entries) = &node.value else {
            self.problems.add(path, node.position, expected("a map", node));
            return Vec::new();
        };
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by(|a, b| a.0.text.cmp(&b.0.text));
        let mut out = Vec::new();
        for (key, node) in entries {
            let mut entry = Vec::new();
            put_bytes_field(&mut entry, 1, key.text.as_bytes());
            let value = self.nested_value(node, &field_path(path, &key.text));
            put_bytes_field(&mut entry, 2, &value);
            put_bytes_field(&mut out, 1, &entry);
        }
        out
    }

    /// `google.protobuf.ListValue`: `values` (1).
    fn json_list(&mut self, node: &Node, path: &str) -> Vec<u8> {
        let NodeValue::List(elements) = &node.value else {
            self.problems.add(path, node.position, expected("a list", node));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let value = self.nested_value(element, &element_path(path, index));
            put_bytes_field(&mut out, 1, &value);
        }
        out
    }

    fn nested_value(&mut self, node: &Node, path: &str) -> Vec<u8> {
        if self.depth >= super::MAX_DEPTH {
            let text = format!("nested deeper than {} levels; flatten the document", super::MAX_DEPTH);
            self.problems.add(path, node.position, text);
            return Vec::new();
        }
        self.depth += 1;
        let bytes = self.json_value(node, path);
        self.depth -= 1;
        bytes
    }

    /// `google.protobuf.Value`: null 1, number 2, string 3, bool 4, struct 5, list 6.
    fn json_value(&mut self, node: &Node, path: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut number = |value: f64| {
            put_tag(&mut out, 2, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        };
        match &node.value {
            NodeValue::Null => put_varint_field(&mut out, 1, 0),
            NodeValue::Int(value) => number(*value as f64),
            NodeValue::UInt(value) => number(*value as f64),
            NodeValue::Float(value) => number(*value),
            NodeValue::String(text) => put_bytes_field(&mut out, 3, text.as_bytes()),
            NodeValue::Bool(value) => put_varint_field(&mut out, 4, u64::from(*value)),
            NodeValue::Map(_) => put_bytes_field(&mut out, 5, &self.structure(node, path)),
            NodeValue::List(_) => put_bytes_field(&mut out, 6, &self.json_list(node, path)),
        }
        out
    }
}

fn is_wrapper(name: &str) -> bool {
    matches!(
        name.strip_prefix("google.protobuf."),
        Some(
            "DoubleValue"
                | "FloatValue"
                | "Int64Value"
                | "UInt64Value"
                | "Int32Value"
                | "UInt32Value"
                | "BoolValue"
                | "StringValue"
                | "BytesValue"
        )
    )
}

fn has_own_form(name: &str) -> bool {
    let simple = name.strip_prefix("google.protobuf.");
    is_wrapper(name)
        || matches!(simple, Some("Any" | "Duration" | "Timestamp" | "Struct" | "Value" | "ListValue"))
}

fn duration_text(node: &Node) -> Result<Vec<u8>, String> {
    let text = node.as_str().ok_or_else(|| expected("a duration such as \"10s\"", node))?;
    let duration: Duration = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Small::duration(duration).as_slice().to_vec())
}

fn timestamp_text(node: &Node) -> Result<Vec<u8>, String> {
    let text = node.as_str().ok_or_else(|| expected("a time such as \"2019-01-01T00:00:00Z\"", node))?;
    let timestamp: Timestamp = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Small::timestamp(timestamp).as_slice().to_vec())
}
