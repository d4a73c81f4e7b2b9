//! Maps whose key or whose identity is only known at run time.

use std::borrow::Cow;

use mixer_attribute::{MapView, Slot, Value};

use super::{Eval, Evaluator, Fail, mistyped};
use crate::node::{Node, Shape};

impl<'a> Evaluator<'a, '_> {
    /// `map[key]`. Required, a missing key is empty text and anything else missing an error; otherwise
    /// everything missing is `None`.
    pub(super) fn index(&mut self, node: &'a Node, required: bool) -> Eval<Option<Cow<'a, [u8]>>> {
        let Node::Index(operands) = node else { return Err(mistyped()) };
        let [map, key] = &**operands;
        let Some((slot, map)) = self.map(map, required)? else { return Ok(None) };
        let key = if required {
            Some(self.text(key)?)
        } else {
            self.attempt(key)?.map(super::as_text).transpose()?
        };
        let Some(key) = key else { return Ok(None) };
        if let Some(slot) = slot {
            self.refs.read_key(slot, &key);
        }
        let value = map.get_cow(&key);
        Ok(if required { Some(value.unwrap_or_default()) } else { value })
    }

    /// A map, and the attribute that it is; `None` when it is absent and not required.
    fn map(&mut self, node: &'a Node, required: bool) -> Eval<Option<(Option<Slot>, MapView<'a>)>> {
        match node {
            Node::Slot(slot, _) => match self.slot(*slot, Shape::Map)? {
                Some(value) => view(Some(*slot), value),
                None if required => Err(Fail::Absent(*slot)),
                None => Ok(None),
            },
            Node::SlotOr(slot, _, default) => match self.slot(*slot, Shape::Map)? {
                Some(value) => view(Some(*slot), value),
                None => view(None, default.borrowed()),
            },
            Node::Fallback(nodes) => {
                let Some((last, others)) = nodes.split_last() else { return Err(mistyped()) };
                for node in others {
                    if let Some(found) = self.map(node, false)? {
                        return Ok(Some(found));
                    }
                }
                self.map(last, required)
            }
            Node::Conditional(parts) => {
                let branch = self.branch(parts)?;
                self.map(branch, true)
            }
            Node::Then(nodes, last) => {
                for node in nodes {
                    self.value(node)?;
                }
                self.map(last, required)
            }
            _ => view(None, self.value(node)?),
        }
    }
}

fn view<'a>(slot: Option<Slot>, value: Value<'a>) -> Eval<Option<(Option<Slot>, MapView<'a>)>> {
    match value {
        Value::StringMap(map) => Ok(Some((slot, map))),
        _ => Err(mistyped()),
    }
}
