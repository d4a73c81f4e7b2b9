//! Reads a chart's values.yaml: each value with the comment above it, which says what it is. A line `schema: {…}` of the
//! comment is laid over the schema that follows from the default.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// Something that can be set.
#[derive(Debug, PartialEq)]
pub(super) struct Leaf {
    /// Keys from the top.
    pub(super) path: Vec<String>,
    /// What it is.
    pub(super) text: String,
    /// What the comment adds to its schema.
    pub(super) schema: Map<String, Value>,
    /// Its default.
    pub(super) default: Value,
}

/// Everything that can be set, in the order of the file.
///
/// # Errors
///
/// A value without a comment, a line `schema:` that is no JSON, a file that is no YAML.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Leaf>> {
    let defaults: Value = serde_saphyr::from_str(text).context("values.yaml")?;
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    // The keys that enclose the line, with their indentation.
    let mut around: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(words) = trimmed.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let comment = std::mem::take(&mut comment);
        let Some(key) = key(trimmed) else { continue };
        let indent = line.len() - trimmed.len();
        around.retain(|(outer, _)| *outer < indent);
        around.push((indent, key.to_owned()));
        let path: Vec<String> = around.iter().map(|(_, key)| key.clone()).collect();
        // The inside of a value that is taken as a whole.
        if leaves.iter().any(|leaf| path.starts_with(&leaf.path)) {
            continue;
        }
        let default = path.iter().try_fold(&defaults, |value, key| value.get(key));
        let default = default.with_context(|| format!("{} is not where it seems", path.join(".")))?;
        let (text, schema) = words(&comment).with_context(|| path.join("."))?;
        let whole = schema.contains_key("additionalProperties");
        if default.as_object().is_some_and(|map| !map.is_empty()) && !whole {
            continue;
        }
        anyhow::ensure!(!text.is_empty(), "{} has no comment", path.join("."));
        leaves.push(Leaf { path, text, schema, default: default.clone() });
    }
    Ok(leaves)
}

/// The key of a line such as `key: value`.
fn key(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let fits = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    (fits && (rest.is_empty() || rest.starts_with(' '))).then_some(key)
}

/// The text of a comment, and what it adds to the schema.
fn words(comment: &[&str]) -> anyhow::Result<(String, Map<String, Value>)> {
    let mut schema = Map::new();
    let mut text = Vec::new();
    for line in comment {
        match line.strip_prefix("schema: ") {
            Some(json) => schema = serde_json::from_str(json).with_context(|| format!("schema: {json}"))?,
            None => text.push(*line),
        }
    }
    Ok((text.join(" "), schema))
}

/// The schema of all values: draft 7, which Helm asks for.
pub(super) fn schema(chart: &str, leaves: &[Leaf]) -> Value {
    let mut root = closed();
    for leaf in leaves {
        let (last, outer) =
            leaf.path.split_last().map_or(("", &[][..]), |(last, outer)| (last.as_str(), outer));
        let mut at = &mut root;
        for key in outer {
            let inner = &mut at["properties"][key.as_str()];
            if inner.is_null() {
                *inner = closed();
            }
            at = inner;
        }
        let mut schema = json!({"description": leaf.text, "type": type_of(&leaf.default)});
        for (key, value) in &leaf.schema {
            schema[key] = value.clone();
        }
        at["properties"][last] = schema;
    }
    let global = "What Helm hands to charts that are part of another one.";
    root["properties"]["global"] = json!({"description": global, "type": "object"});
    let mut schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": chart});
    for (key, value) in root.as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    schema
}

fn closed() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

fn type_of(default: &Value) -> &'static str {
    match default {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The table of a README.
pub(super) fn table(leaves: &[Leaf]) -> String {
    let mut table = String::from("| value | default | meaning |\n|---|---|---|\n");
    for leaf in leaves {
        let default = match &leaf.default {
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let choices = leaf.schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let choices: Vec<String> = choices
            .filter_map(Value::as_str)
            .filter(|choice| !choice.is_empty())
            .map(|choice| format!("`{choice}`"))
            .collect();
        let mut text = leaf.text.replace('|', "\\|");
        if !choices.is_empty() {
            text.push_str(&format!(" One of {}.", choices.join(", ")));
        }
        table.push_str(&format!("| `{}` | {default} | {text} |\n", leaf.path.join(".")));
    }
    table
}

#[cfg(test)]
mod tests;
