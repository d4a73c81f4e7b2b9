//! From the path of a field, as an adapter names it, to its place in the document.

use mixer_template::{Node, NodeValue, Position};

use crate::fields::json_name;

/// The place of `metrics[2].label_names` below a node, or of the nearest part of it that exists.
pub(super) fn position(node: Option<&Node>, path: &str) -> Option<Position> {
    let mut node = node?;
    let mut place = node.position;
    for step in steps(path) {
        let next = match (&node.value, step) {
            (NodeValue::List(items), Step::Element(index)) => index
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index))
                .map(|item| (item.position, item)),
            (NodeValue::Map(entries), Step::Element(key)) => {
                entries.iter().find(|(k, _)| k.text == key).map(|(k, value)| (k.position, value))
            }
            (NodeValue::Map(entries), Step::Field(name)) => {
                let name = json_name(name);
                entries.iter().find(|(k, _)| json_name(&k.text) == name).map(|(k, value)| (k.position, value))
            }
            _ => None,
        };
        let Some((position, below)) = next else { break };
        (place, node) = (position, below);
    }
    Some(place)
}

enum Step<'a> {
    Field(&'a str),
    /// Index of a list, or key of a map.
    Element(&'a str),
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        if let Some((element, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            rest = after;
            return Some(Step::Element(element.trim_matches('"')));
        }
        // A bracket that is never closed belongs to the name, so that each step takes something.
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '.' | '['))
            .map_or(rest.len(), |(at, _)| at);
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(Step::Field(field))
    })
}
