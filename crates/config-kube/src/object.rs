//! One object of the API server: its configuration, or what keeps it from being some, and what its status needs.

use std::sync::Arc;

use mixer_config::{
    API_VERSION, Location, Problem, RawResource, ReadOptions, ResourceId, Severity, read_object,
};
use mixer_template::{Key, Node, NodeValue};
use serde_json::Value;

use crate::status::Condition;

/// Maps and lists inside each other, as in files.
const MAX_DEPTH: usize = 64;

/// What an API server says of one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    /// The configuration; `None` when it cannot be read.
    pub(crate) resource: Option<RawResource>,
    /// What is wrong with the object as such.
    pub(crate) problems: Vec<Problem>,
    /// What the status needs.
    pub(crate) version: Version,
    /// Bytes of its text, roughly what it takes in memory.
    pub(crate) size: usize,
}

/// Which state of an object was read, and the status that it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Version {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) generation: i64,
    /// Conditions of any type, ours and others'.
    pub(crate) conditions: Vec<Condition>,
}

/// Kind, namespace and name in the form that messages have in the place of a file.
pub(crate) fn place(id: &ResourceId) -> String {
    format!("{}/{}/{}", id.kind, id.namespace, id.name)
}

/// Namespace and name; `None` for something that is no object.
pub(crate) fn key(value: &Value) -> Option<(String, String)> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Some((text("/metadata/namespace").unwrap_or_default(), text("/metadata/name")?))
}

/// The resource version.
pub(crate) fn resource_version(value: &Value) -> Option<&str> {
    value.pointer("/metadata/resourceVersion").and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads an object of a kind. Whatever it holds, there is an answer.
pub(crate) fn read(kind: &Arc<str>, (namespace, name): (&str, &str), mut value: Value) -> Object {
    let id = ResourceId { kind: kind.clone(), namespace: namespace.into(), name: name.into() };
    let size = size(&value);
    let version = version(&value);
    if let Some(map) = value.as_object_mut() {
        // Items of a list may come without them.
        map.entry("apiVersion").or_insert_with(|| API_VERSION.into());
        map.entry("kind").or_insert_with(|| (**kind).into());
        map.remove("status");
    }
    let place = place(&id);
    let (resource, mut problems) = match node(value, 0) {
        Some(node) => read_object(&place, node, &ReadOptions::default()),
        None => {
            let message = format!("maps and lists are inside each other more than {MAX_DEPTH} times");
            let location = Location { file: place.into(), line: 0, column: 0 };
            (None, vec![Problem::in_file(Severity::Error, location, message)])
        }
    };
    for problem in &mut problems {
        problem.resource.get_or_insert_with(|| id.clone());
    }
    Object { resource, problems, version, size }
}

pub(crate) fn version(value: &Value) -> Version {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let conditions = value.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    Version {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        generation: value.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
        conditions: conditions.filter_map(|one| serde_json::from_value(one.clone()).ok()).collect(),
    }
}

/// The same tree as configuration has it; `None` when it is too deep.
pub(crate) fn node(value: Value, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(Node::new(match value {
        Value::Null => NodeValue::Null,
        Value::Bool(value) => NodeValue::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => NodeValue::Int(number),
            (None, Some(number)) => NodeValue::UInt(number),
            (None, None) => NodeValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => NodeValue::String(text),
        Value::Array(items) => {
            NodeValue::List(items.into_iter().map(|item| node(item, depth + 1)).collect::<Option<_>>()?)
        }
        Value::Object(entries) => {
            let entry = |(text, value)| Some((Key { text, ..Key::default() }, node(value, depth + 1)?));
            NodeValue::Map(entries.into_iter().map(entry).collect::<Option<_>>()?)
        }
    }))
}

fn size(value: &Value) -> usize {
    const NODE: usize = 64;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(entries) => entries.iter().map(|(key, value)| NODE + key.len() + size(value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
