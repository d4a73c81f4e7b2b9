//! The compiled form: a tree of nodes with the common shapes as nodes of their own.

use mixer_attribute::{Slot, Value, ValueType};
use regex::bytes::Regex;

use crate::ast::Operator;
use crate::error::EvalError;
use crate::functions::Function;
use crate::functions::pattern::PatternCache;
use crate::functions::text::Glob;

/// How an attribute is read: what its stored form must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Int64,
    Double,
    Bool,
    Timestamp,
    Duration,
    Bytes,
    /// A map of which single keys are looked at.
    Map,
    /// A map that is the result, so that all of it counts as read.
    WholeMap,
}

impl Shape {
    pub(crate) fn of(value_type: ValueType, whole: bool) -> Self {
        match value_type {
            ValueType::Int64 => Self::Int64,
            ValueType::Double => Self::Double,
            ValueType::Bool => Self::Bool,
            ValueType::Timestamp => Self::Timestamp,
            ValueType::Duration => Self::Duration,
            ValueType::IpAddress => Self::Bytes,
            ValueType::StringMap if whole => Self::WholeMap,
            ValueType::StringMap => Self::Map,
            _ => Self::Text,
        }
    }
}

/// One key of a map attribute: its own slot, and that of the map, which tells a missing key from a missing map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) slot: Slot,
    pub(crate) map: Slot,
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Bool,
    Text,
    Int64,
    Double,
    Bytes,
    Timestamp,
    /// Equal instants of different zones are neither `<=` nor `>=`: the original's defect.
    ZonedTimestamp,
    DnsName,
    Email,
    Uri,
}

/// A node. Types fit by construction.
#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value<'static>),
    Slot(Slot, Shape),
    /// `attribute | constant`
    SlotOr(Slot, Shape, Value<'static>),
    /// `map["constant"]`
    Key(Key),
    /// `map["constant"] | constant`
    KeyOr(Key, Value<'static>),
    /// Map and key.
    Index(Box<[Node; 2]>),
    /// The first alternative that is there.
    Fallback(Box<[Node]>),
    /// Evaluates and is never there: what the original makes of an operator left of `|`.
    Discard(Box<Node>),
    /// Evaluates the first nodes for nothing, then the last: surplus arguments in compatibility mode.
    Then(Box<[Node]>, Box<Node>),
    Conditional(Box<[Node; 3]>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    /// A condition compared with a constant; false turns it around.
    Is(Box<Node>, bool),
    /// `attribute == "text"`, or `!=`.
    TextIs(Slot, Box<[u8]>, bool),
    /// `attribute == 1`, or `!=`.
    IntIs(Slot, i64, bool),
    /// `map["constant"] == "text"`, or `!=`.
    KeyIs(Key, Box<[u8]>, bool),
    Compare(Comparison, Operator, Box<[Node; 2]>),
    Concat(Box<[Node]>),
    AddInt(Box<[Node]>),
    AddDouble(Box<[Node]>),
    /// A function of one text.
    Text(Function, Box<Node>),
    /// A condition on two texts.
    Texts(Function, Box<[Node; 2]>),
    ConditionalString(Box<[Node; 3]>),
    /// `match` with a constant pattern.
    Glob(Box<(Glob<Box<[u8]>>, Node)>),
    /// `matches` with a constant pattern.
    Pattern(Box<(Regex, Node)>),
    /// `matches` with a constant pattern that is none.
    BadPattern(Box<(EvalError, Node)>),
    /// `matches` with a computed pattern: pattern, text.
    Matches(Box<(PatternCache, [Node; 2])>),
}

impl Node {
    /// Calls back for every slot that the program may read.
    pub(crate) fn visit_slots(&self, visit: &mut dyn FnMut(Slot)) {
        match self {
            Self::Constant(_) => {}
            Self::Slot(slot, _) | Self::SlotOr(slot, ..) | Self::TextIs(slot, ..) | Self::IntIs(slot, ..) => {
                visit(*slot);
            }
            Self::Key(key) | Self::KeyOr(key, _) | Self::KeyIs(key, ..) => {
                visit(key.slot);
                visit(key.map);
            }
            Self::Fallback(nodes)
            | Self::And(nodes)
            | Self::Or(nodes)
            | Self::Concat(nodes)
            | Self::AddInt(nodes)
            | Self::AddDouble(nodes) => nodes.iter().for_each(|node| node.visit_slots(visit)),
            Self::Then(nodes, last) => {
                nodes.iter().for_each(|node| node.visit_slots(visit));
                last.visit_slots(visit);
            }
            Self::Discard(node) | Self::Is(node, _) | Self::Text(_, node) => node.visit_slots(visit),
            Self::Index(nodes) | Self::Compare(_, _, nodes) | Self::Texts(_, nodes) => {
                nodes.iter().for_each(|node| node.visit_slots(visit));
            }
            Self::Conditional(nodes) | Self::ConditionalString(nodes) => {
                nodes.iter().for_each(|node| node.visit_slots(visit));
            }
            Self::Glob(parts) => parts.1.visit_slots(visit),
            Self::Pattern(parts) => parts.1.visit_slots(visit),
            Self::BadPattern(parts) => parts.1.visit_slots(visit),
            Self::Matches(parts) => parts.1.iter().for_each(|node| node.visit_slots(visit)),
        }
    }
}
