//! One YAML document to configuration nodes, each with its place in the file.

use std::fmt;

use mixer_template::{Key, Node, NodeValue, Position};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{AliasLimits, NonFiniteFloatPolicy};
use serde_saphyr::{Budget, Location, Options, Spanned, UserMessageFormatter};

/// Values of one document; aliases count each time they are used.
const MAX_NODES: usize = 250_000;
/// Values that aliases of one document may repeat, so that a few lines cannot grow into gigabytes.
const MAX_REPEATED: usize = 50_000;
/// Maps and lists inside each other.
const MAX_DEPTH: usize = 64;

/// Text that is not YAML, or goes beyond the limits above.
#[derive(Debug)]
pub(crate) struct YamlError {
    pub(crate) message: String,
    pub(crate) position: Position,
}

/// Reads one document. `lines_before` is how many lines of the file come before `text`.
pub(crate) fn read(text: &str, lines_before: u32) -> Result<Node, YamlError> {
    let parsed = serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options());
    match parsed {
        Ok(parsed) => {
            let mut node = node(parsed);
            shift(&mut node, lines_before);
            Ok(node)
        }
        Err(error) => {
            let position = error.location().map_or(Position { line: 1, column: 1 }, position);
            Err(YamlError { message: message(&error), position: shifted(position, lines_before) })
        }
    }
}

fn options() -> Options {
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = MAX_REPEATED;
    let mut budget = Budget::default();
    budget.max_nodes = MAX_NODES;
    budget.max_depth = MAX_DEPTH;
    budget.max_recorded_anchor_events = MAX_NODES;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits = alias_limits;
    options.strict_booleans = true;
    options.underscored_numbers_as_strings = true;
    options.non_finite_float_policy = NonFiniteFloatPolicy::AsString;
    options.with_snippet = false;
    options.emit_comments = false;
    options
}

/// The error's text without the place, which the problem carries.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    let end = text.rfind(" at line ").filter(|at| !text[*at..].contains('\n')).unwrap_or(text.len());
    text[..end].to_owned()
}

fn position(location: Location) -> Position {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(location.line()), column: number(location.column()) }
}

fn shifted(position: Position, lines: u32) -> Position {
    if position.line == 0 {
        return position;
    }
    Position { line: position.line.saturating_add(lines), column: position.column }
}

/// Depth is bounded by [`MAX_DEPTH`].
fn shift(node: &mut Node, lines: u32) {
    node.position = shifted(node.position, lines);
    match &mut node.value {
        NodeValue::List(items) => items.iter_mut().for_each(|item| shift(item, lines)),
        NodeValue::Map(entries) => {
            for (key, value) in entries {
                key.position = shifted(key.position, lines);
                shift(value, lines);
            }
        }
        _ => {}
    }
}

fn node(parsed: Spanned<Value>) -> Node {
    Node { value: parsed.value.0, position: position(parsed.referenced) }
}

struct Value(NodeValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = NodeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_none<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeValue, E> {
        Ok(NodeValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NodeValue, E> {
        Ok(NodeValue::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<NodeValue, E> {
        Ok(i64::try_from(value).map_or(NodeValue::UInt(value), NodeValue::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<NodeValue, E> {
        Ok(NodeValue::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeValue, E> {
        Ok(NodeValue::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<NodeValue, E> {
        Ok(NodeValue::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NodeValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Value>>()? {
            items.push(node(item));
        }
        Ok(NodeValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<Value>>()? {
            let position = position(key.referenced);
            let text = key_text(key.value.0).map_err(A::Error::custom)?;
            entries.push((Key { text, position }, node(map.next_value::<Spanned<Value>>()?)));
        }
        Ok(NodeValue::Map(entries))
    }
}

/// Keys are text whatever they look like: `200: x` has the key "200".
fn key_text(key: NodeValue) -> Result<String, &'static str> {
    match key {
        NodeValue::String(text) => Ok(text),
        NodeValue::Null => Ok("null".to_owned()),
        NodeValue::Bool(value) => Ok(value.to_string()),
        NodeValue::Int(value) => Ok(value.to_string()),
        NodeValue::UInt(value) => Ok(value.to_string()),
        NodeValue::Float(value) => Ok(value.to_string()),
        NodeValue::List(_) | NodeValue::Map(_) => {
            Err("a key of a map must be plain text, not a list or a map")
        }
    }
}
