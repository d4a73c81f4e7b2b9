//! Evaluation: a walk over the nodes against one bag. Text is lent, not copied; nothing is allocated unless a
//! function makes new text or an error has to be described.

mod compare;
mod map;

use std::borrow::Cow;

use mixer_attribute::{Bag, Cell, Referenced, Slot, Value, ValueType};

use crate::error::{EvalError, quote};
use crate::functions::pattern::PatternCache;
use crate::node::{Key, Node, Shape};

/// Why a node has no value. Small, because it is returned from every step: it becomes an [`EvalError`] once, at
/// the end.
#[derive(Debug)]
pub(crate) enum Fail {
    Absent(Slot),
    Error(Box<EvalError>),
}

impl From<EvalError> for Fail {
    fn from(error: EvalError) -> Self {
        Self::Error(Box::new(error))
    }
}

impl Fail {
    /// The error for the caller.
    #[cold]
    pub(crate) fn into_error(self, bag: &Bag) -> EvalError {
        match self {
            Self::Absent(slot) => EvalError::Absent { name: bag.vocabulary().name(slot).into() },
            Self::Error(error) => *error,
        }
    }
}

type Eval<T> = Result<T, Fail>;

/// What one key of a map attribute holds.
enum KeyState<'a> {
    Text(&'a [u8]),
    NoKey,
    NoMap,
}

/// A bag, and the record of what is read from it.
pub(crate) struct Evaluator<'a, 'r> {
    bag: &'a Bag,
    refs: &'r mut Referenced,
}

impl<'a, 'r> Evaluator<'a, 'r> {
    #[inline]
    pub(crate) fn new(bag: &'a Bag, refs: &'r mut Referenced) -> Self {
        Self { bag, refs }
    }

    /// The value of any node.
    pub(crate) fn value(&mut self, node: &'a Node) -> Eval<Value<'a>> {
        match node {
            Node::Constant(value) => Ok(value.borrowed()),
            Node::Slot(_, Shape::Text) | Node::SlotOr(_, Shape::Text, _) => self.text(node).map(Value::Text),
            Node::Slot(slot, shape) => self.slot(*slot, *shape)?.ok_or(Fail::Absent(*slot)),
            Node::SlotOr(slot, shape, default) => {
                Ok(self.slot(*slot, *shape)?.unwrap_or_else(|| default.borrowed()))
            }
            Node::Key(_) | Node::KeyOr(..) | Node::Concat(_) | Node::ConditionalString(_) => {
                self.text(node).map(Value::Text)
            }
            Node::Index(_) => Ok(Value::Text(self.index(node, true)?.unwrap_or_default())),
            Node::Fallback(nodes) => self.fallback(nodes),
            Node::Discard(node) => self.value(node),
            Node::Then(nodes, last) => {
                for node in nodes {
                    self.value(node)?;
                }
                self.value(last)
            }
            Node::Conditional(parts) => {
                let branch = self.branch(parts)?;
                self.value(branch)
            }
            Node::AddInt(nodes) => self.add_int(nodes),
            Node::AddDouble(nodes) => self.add_double(nodes),
            Node::Text(function, text) => Ok(function.of_text(self.text(text)?)?),
            Node::And(_)
            | Node::Or(_)
            | Node::Is(..)
            | Node::TextIs(..)
            | Node::IntIs(..)
            | Node::KeyIs(..)
            | Node::Compare(..)
            | Node::Texts(..)
            | Node::Glob(_)
            | Node::Pattern(_)
            | Node::BadPattern(_)
            | Node::Matches(_) => self.truth(node).map(Value::Bool),
        }
    }

    /// The value of a node of type BOOL.
    pub(crate) fn truth(&mut self, node: &'a Node) -> Eval<bool> {
        match node {
            Node::And(nodes) => self.junction(nodes, false),
            Node::Or(nodes) => self.junction(nodes, true),
            Node::TextIs(slot, literal, equal) => {
                let text = self.slot_text(*slot)?.ok_or(Fail::Absent(*slot))?;
                Ok((text == &**literal) == *equal)
            }
            Node::KeyIs(key, literal, equal) => Ok((self.key_text(*key)? == &**literal) == *equal),
            Node::IntIs(slot, literal, equal) => {
                let number = self.slot_int(*slot)?.ok_or(Fail::Absent(*slot))?;
                Ok((number == *literal) == *equal)
            }
            Node::Is(node, wanted) => Ok(self.truth(node)? == *wanted),
            Node::Compare(comparison, operator, operands) => self.compare(*comparison, *operator, operands),
            Node::Glob(parts) => Ok(parts.0.matches(&self.text(&parts.1)?)),
            Node::Texts(function, operands) => {
                let first = self.text(&operands[0])?;
                Ok(function.of_texts(&first, &self.text(&operands[1])?))
            }
            Node::Pattern(parts) => Ok(parts.0.is_match(&self.text(&parts.1)?)),
            Node::BadPattern(parts) => self.text(&parts.1).and(Err(parts.0.clone().into())),
            Node::Matches(parts) => self.matches(parts),
            Node::Conditional(parts) => {
                let branch = self.branch(parts)?;
                self.truth(branch)
            }
            Node::Slot(slot, _) => self.slot_bool(*slot)?.ok_or(Fail::Absent(*slot)),
            Node::SlotOr(slot, _, Value::Bool(default)) => Ok(self.slot_bool(*slot)?.unwrap_or(*default)),
            Node::Constant(_)
            | Node::SlotOr(..)
            | Node::Fallback(_)
            | Node::Discard(_)
            | Node::Then(..)
            | Node::Key(_)
            | Node::KeyOr(..)
            | Node::Index(_)
            | Node::Concat(_)
            | Node::AddInt(_)
            | Node::AddDouble(_)
            | Node::Text(..)
            | Node::ConditionalString(_) => as_bool(self.value(node)?),
        }
    }

    /// Conditions until one decides.
    fn junction(&mut self, nodes: &'a [Node], decided_by: bool) -> Eval<bool> {
        for node in nodes {
            if self.truth(node)? == decided_by {
                return Ok(decided_by);
            }
        }
        Ok(!decided_by)
    }

    fn matches(&mut self, parts: &'a (PatternCache, [Node; 2])) -> Eval<bool> {
        let (cache, [pattern, text]) = parts;
        let pattern = self.text(pattern)?;
        let text = self.text(text)?;
        Ok(cache.get(&pattern)?.is_match(&text))
    }

    /// The value of a node of a text type.
    pub(crate) fn text(&mut self, node: &'a Node) -> Eval<Cow<'a, [u8]>> {
        match node {
            Node::Slot(slot, _) => Ok(Cow::Borrowed(self.slot_text(*slot)?.ok_or(Fail::Absent(*slot))?)),
            Node::SlotOr(slot, _, Value::Text(default)) => {
                Ok(Cow::Borrowed(self.slot_text(*slot)?.unwrap_or(default)))
            }
            Node::Constant(Value::Text(text)) => Ok(Cow::Borrowed(text)),
            Node::Key(key) => self.key_text(*key).map(Cow::Borrowed),
            Node::KeyOr(key, default) => match (self.key(*key)?, default) {
                (KeyState::Text(text), _) => Ok(Cow::Borrowed(text)),
                (_, default) => as_text(default.borrowed()),
            },
            Node::Concat(nodes) => {
                let mut text = Vec::new();
                for node in nodes {
                    text.extend_from_slice(&self.text(node)?);
                }
                Ok(Cow::Owned(text))
            }
            Node::ConditionalString(parts) => {
                let [condition, yes, no] = &**parts;
                let condition = self.truth(condition)?;
                let (yes, no) = (self.text(yes)?, self.text(no)?);
                Ok(if condition { yes } else { no })
            }
            _ => as_text(self.value(node)?),
        }
    }

    fn branch(&mut self, parts: &'a [Node; 3]) -> Eval<&'a Node> {
        Ok(if self.truth(&parts[0])? { &parts[1] } else { &parts[2] })
    }

    /// Overflow wraps, as in the original.
    fn add_int(&mut self, nodes: &'a [Node]) -> Eval<Value<'a>> {
        let mut sum = 0i64;
        for node in nodes {
            match self.value(node)? {
                Value::Int64(number) => sum = sum.wrapping_add(number),
                _ => return Err(mistyped()),
            }
        }
        Ok(Value::Int64(sum))
    }

    fn add_double(&mut self, nodes: &'a [Node]) -> Eval<Value<'a>> {
        let mut sum = None;
        for node in nodes {
            match (sum, self.value(node)?) {
                (None, Value::Double(number)) => sum = Some(number),
                (Some(before), Value::Double(number)) => sum = Some(before + number),
                _ => return Err(mistyped()),
            }
        }
        sum.map(Value::Double).ok_or_else(mistyped)
    }

    fn fallback(&mut self, nodes: &'a [Node]) -> Eval<Value<'a>> {
        let Some((last, others)) = nodes.split_last() else { return Err(mistyped()) };
        for node in others {
            if let Some(value) = self.attempt(node)? {
                return Ok(value);
            }
        }
        self.value(last)
    }

    /// The value of an alternative; `None` when it is absent.
    fn attempt(&mut self, node: &'a Node) -> Eval<Option<Value<'a>>> {
        match node {
            Node::Slot(slot, shape) => self.slot(*slot, *shape),
            Node::Key(key) => Ok(match self.key(*key)? {
                KeyState::Text(text) => Some(Value::Text(Cow::Borrowed(text))),
                KeyState::NoKey | KeyState::NoMap => None,
            }),
            Node::Index(_) => Ok(self.index(node, false)?.map(Value::Text)),
            Node::Fallback(nodes) => {
                for node in nodes {
                    if let Some(value) = self.attempt(node)? {
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            Node::Discard(node) => self.value(node).map(|_| None),
            _ => self.value(node).map(Some),
        }
    }

    /// Reads an attribute; `None` when it is absent.
    fn slot(&mut self, slot: Slot, shape: Shape) -> Eval<Option<Value<'a>>> {
        match shape {
            Shape::Map => self.refs.read_map(slot),
            Shape::WholeMap => self.refs.read_whole_map(slot),
            _ => self.refs.read(slot),
        }
        let bag = self.bag;
        Ok(Some(match (shape, bag.cell(slot)) {
            (_, Cell::Absent) => return Ok(None),
            (Shape::Text, Cell::Text(span)) => Value::Text(Cow::Borrowed(bag.bytes(span))),
            (Shape::Int64, Cell::Int64(v)) => Value::Int64(v),
            (Shape::Double, Cell::Double(v)) => Value::Double(v),
            (Shape::Bool, Cell::Bool(v)) => Value::Bool(v),
            (Shape::Timestamp, Cell::Timestamp(v)) => Value::Timestamp(v),
            (Shape::Duration, Cell::Duration(v)) => Value::Duration(v),
            (Shape::Bytes, Cell::Bytes(span)) => Value::Bytes(Cow::Borrowed(bag.bytes(span))),
            (Shape::Map | Shape::WholeMap, Cell::Map { .. }) => match bag.get(slot) {
                Some(map) => map,
                None => return Ok(None),
            },
            _ => return Err(self.wrong_type(slot)),
        }))
    }

    #[inline]
    fn slot_text(&mut self, slot: Slot) -> Eval<Option<&'a [u8]>> {
        self.refs.read(slot);
        match self.bag.cell(slot) {
            Cell::Text(span) => Ok(Some(self.bag.bytes(span))),
            Cell::Absent => Ok(None),
            _ => Err(self.wrong_type(slot)),
        }
    }

    #[inline]
    fn slot_bool(&mut self, slot: Slot) -> Eval<Option<bool>> {
        self.refs.read(slot);
        match self.bag.cell(slot) {
            Cell::Bool(value) => Ok(Some(value)),
            Cell::Absent => Ok(None),
            _ => Err(self.wrong_type(slot)),
        }
    }

    #[inline]
    fn slot_int(&mut self, slot: Slot) -> Eval<Option<i64>> {
        self.refs.read(slot);
        match self.bag.cell(slot) {
            Cell::Int64(value) => Ok(Some(value)),
            Cell::Absent => Ok(None),
            _ => Err(self.wrong_type(slot)),
        }
    }

    /// Reads one key of a map attribute.
    #[inline]
    fn key(&mut self, key: Key) -> Eval<KeyState<'a>> {
        self.refs.read(key.slot);
        match self.bag.cell(key.slot) {
            Cell::Text(span) => Ok(KeyState::Text(self.bag.bytes(span))),
            _ => match self.bag.cell(key.map) {
                Cell::Map { .. } => Ok(KeyState::NoKey),
                Cell::Absent => Ok(KeyState::NoMap),
                _ => Err(self.wrong_type(key.map)),
            },
        }
    }

    /// As [`Self::key`]; a missing key is empty text.
    fn key_text(&mut self, key: Key) -> Eval<&'a [u8]> {
        match self.key(key)? {
            KeyState::Text(text) => Ok(text),
            KeyState::NoKey => Ok(b""),
            KeyState::NoMap => Err(Fail::Absent(key.map)),
        }
    }

    #[cold]
    fn wrong_type(&self, slot: Slot) -> Fail {
        let value = match self.bag.get(slot) {
            Some(Value::Text(text)) => quote(&text),
            Some(Value::Int64(v)) => v.to_string(),
            Some(Value::Double(v)) => v.to_string(),
            Some(Value::Bool(v)) => v.to_string(),
            Some(Value::Timestamp(v)) => v.to_string(),
            Some(Value::Duration(v)) => v.to_string(),
            Some(Value::Bytes(bytes)) => format!("{:?}", bytes.get(..16).unwrap_or(&bytes)),
            Some(Value::StringMap(map)) => format!("string map of {} entries", map.len()),
            None => String::new(),
        };
        let vocabulary = self.bag.vocabulary();
        let (name, declared) = (vocabulary.name(slot).into(), vocabulary.value_type(slot));
        EvalError::WrongType { name, declared, value: value.into() }.into()
    }
}

fn as_bool(value: Value<'_>) -> Eval<bool> {
    match value {
        Value::Bool(value) => Ok(value),
        _ => Err(mistyped()),
    }
}

fn as_text(value: Value<'_>) -> Eval<Cow<'_, [u8]>> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(mistyped()),
    }
}

/// For what the checker rules out.
#[cold]
fn mistyped() -> Fail {
    EvalError::conversion(
        ValueType::Unspecified,
        "internal error: operand of another type than checked".to_owned(),
    )
    .into()
}
