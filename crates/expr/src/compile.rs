//! From the typed tree to nodes: constants folded, common shapes recognised, map keys given their slots.

mod call;

use std::sync::Arc;

use mixer_attribute::{Bag, Referenced, Slot, Value, ValueType, Vocabulary};

use crate::ast::Operator;
use crate::check::{Tree, Typed};
use crate::eval::Evaluator;
use crate::functions::Function;
use crate::node::{Comparison, Key, Node, Shape};
use crate::scope::Scope;

/// Compiles a checked expression.
pub(crate) fn lower(typed: Typed, scope: &mut dyn Scope, compat: bool) -> Node {
    // The original does not record maps that are used as a whole.
    Lowering { scope, compat }.node(typed, !compat)
}

struct Lowering<'s> {
    scope: &'s mut dyn Scope,
    compat: bool,
}

impl Lowering<'_> {
    /// `whole` says that a map attribute here is the result of the program.
    fn node(&mut self, typed: Typed, whole: bool) -> Node {
        let value_type = typed.ty.value_type();
        match typed.tree {
            Tree::Constant(value) => Node::Constant(value),
            Tree::Open(text, _) => Node::Constant(Value::Text(text.into())),
            Tree::Attribute(slot) => Node::Slot(slot, Shape::of(value_type, whole)),
            Tree::And(operands) => self.junction(operands, false),
            Tree::Or(operands) => self.junction(operands, true),
            Tree::Add(operands) => self.add(operands, value_type),
            Tree::Fallback(operands) => self.fallback(operands, whole),
            Tree::Compare(operator, operands) => self.compare(operator, *operands),
            Tree::Index(operands) => {
                let [map, key] = *operands;
                let key = self.node(key, false);
                self.index(map, key)
            }
            Tree::Call(function, arguments) => self.call(function, arguments),
            Tree::Conditional(parts) => self.conditional(*parts, whole),
        }
    }

    /// An alternative of `|` that is not the last one. What can be absent is a slot, a key or an index; the
    /// original also takes the result of an operator for absent.
    fn attempt(&mut self, typed: Typed, whole: bool) -> Node {
        match typed.tree {
            Tree::Index(operands) => {
                let [map, key] = *operands;
                let key = self.attempt(key, false);
                self.index(map, key)
            }
            Tree::Add(_) | Tree::And(_) | Tree::Or(_) | Tree::Compare(..) | Tree::Call(Function::Size, _)
                if self.compat =>
            {
                Node::Discard(Box::new(self.node(typed, whole)))
            }
            _ => self.node(typed, whole),
        }
    }

    fn fallback(&mut self, operands: Vec<Typed>, whole: bool) -> Node {
        let mut nodes = Vec::with_capacity(operands.len());
        self.alternatives(operands, whole, true, &mut nodes);
        // What stands behind an alternative that is always there is never looked at.
        let absent = |node: &Node| {
            matches!(
                node,
                Node::Slot(..) | Node::Key(_) | Node::Index(_) | Node::Fallback(_) | Node::Discard(_)
            )
        };
        if let Some(present) = nodes.iter().position(|node| !absent(node)) {
            nodes.truncate(present + 1);
        }
        match nodes.as_mut_slice() {
            [Node::Slot(slot, shape), Node::Constant(default)] => {
                Node::SlotOr(*slot, *shape, std::mem::replace(default, Value::Bool(false)))
            }
            [Node::Key(key), Node::Constant(default)] => {
                Node::KeyOr(*key, std::mem::replace(default, Value::Bool(false)))
            }
            _ => one_or(nodes, Node::Fallback),
        }
    }

    /// Collects the alternatives of nested fallbacks in order; only the last of all may not be absent.
    fn alternatives(&mut self, operands: Vec<Typed>, whole: bool, last: bool, nodes: &mut Vec<Node>) {
        let count = operands.len();
        for (index, operand) in operands.into_iter().enumerate() {
            let last = last && index + 1 == count;
            match operand.tree {
                Tree::Fallback(inner) => self.alternatives(inner, whole, last, nodes),
                _ if last => nodes.push(self.node(operand, whole)),
                _ => nodes.push(self.attempt(operand, whole)),
            }
        }
    }

    fn index(&mut self, map: Typed, key: Node) -> Node {
        if let (Tree::Attribute(map), Node::Constant(Value::Text(key))) = (&map.tree, &key)
            && let Ok(key) = std::str::from_utf8(key)
        {
            return Node::Key(Key { slot: self.scope.map_key(*map, key), map: *map });
        }
        Node::Index(Box::new([self.node(map, false), key]))
    }

    /// `&&` (decided by false) or `||` (decided by true).
    fn junction(&mut self, operands: Vec<Typed>, decided_by: bool) -> Node {
        let mut nodes = Vec::with_capacity(operands.len());
        for operand in operands {
            match self.node(operand, false) {
                Node::Constant(Value::Bool(value)) if value != decided_by => {}
                Node::And(inner) if !decided_by => nodes.extend(inner),
                Node::Or(inner) if decided_by => nodes.extend(inner),
                node => {
                    let decides = matches!(node, Node::Constant(_));
                    nodes.push(node);
                    if decides {
                        break;
                    }
                }
            }
        }
        match nodes.len() {
            0 => Node::Constant(Value::Bool(!decided_by)),
            _ => one_or(nodes, if decided_by { Node::Or } else { Node::And }),
        }
    }

    fn add(&mut self, operands: Vec<Typed>, value_type: ValueType) -> Node {
        let nodes: Box<[Node]> = operands.into_iter().map(|operand| self.node(operand, false)).collect();
        let constant = nodes.iter().all(is_constant);
        let node = match value_type {
            ValueType::Int64 => Node::AddInt(nodes),
            ValueType::Double => Node::AddDouble(nodes),
            _ => Node::Concat(nodes),
        };
        if constant { folded(node) } else { node }
    }

    fn conditional(&mut self, parts: [Typed; 3], whole: bool) -> Node {
        let [condition, yes, no] = parts;
        let parts = Box::new([self.node(condition, false), self.node(yes, whole), self.node(no, whole)]);
        // Only to a constant: left of `|` an attribute could be absent, and a chosen branch may not.
        if parts.iter().all(is_constant) {
            folded(Node::Conditional(parts))
        } else {
            Node::Conditional(parts)
        }
    }

    fn compare(&mut self, operator: Operator, operands: [Typed; 2]) -> Node {
        let value_type = operands[0].ty.value_type();
        let [mut left, mut right] = operands.map(|operand| self.node(operand, false));
        let equality = matches!(operator, Operator::Eq | Operator::Ne);
        let comparison = match value_type {
            ValueType::Bool => Comparison::Bool,
            ValueType::Int64 => Comparison::Int64,
            ValueType::Double => Comparison::Double,
            ValueType::IpAddress => Comparison::Bytes,
            ValueType::Timestamp if self.compat && matches!(operator, Operator::Le | Operator::Ge) => {
                Comparison::ZonedTimestamp
            }
            ValueType::Timestamp => Comparison::Timestamp,
            ValueType::DnsName if equality => Comparison::DnsName,
            ValueType::EmailAddress if equality => Comparison::Email,
            ValueType::Uri if equality => Comparison::Uri,
            _ => Comparison::Text,
        };
        // Where comparing cannot fail, it does not matter which side comes first.
        if equality
            && is_constant(&left)
            && matches!(comparison, Comparison::Bool | Comparison::Text | Comparison::Int64)
        {
            std::mem::swap(&mut left, &mut right);
        }
        if is_constant(&left) && is_constant(&right) {
            return folded(Node::Compare(comparison, operator, Box::new([left, right])));
        }
        if equality {
            let equal = operator == Operator::Eq;
            match (comparison, left, right) {
                (Comparison::Bool, condition, Node::Constant(Value::Bool(wanted))) => {
                    if wanted == equal {
                        condition
                    } else {
                        Node::Is(Box::new(condition), false)
                    }
                }
                (Comparison::Text, Node::Slot(slot, _), Node::Constant(Value::Text(text))) => {
                    Node::TextIs(slot, text.into_owned().into(), equal)
                }
                (Comparison::Text, Node::Key(key), Node::Constant(Value::Text(text))) => {
                    Node::KeyIs(key, text.into_owned().into(), equal)
                }
                (Comparison::Int64, Node::Slot(slot, _), Node::Constant(Value::Int64(number))) => {
                    Node::IntIs(slot, number, equal)
                }
                (_, left, right) => Node::Compare(comparison, operator, Box::new([left, right])),
            }
        } else {
            Node::Compare(comparison, operator, Box::new([left, right]))
        }
    }
}

fn is_constant(node: &Node) -> bool {
    matches!(node, Node::Constant(_))
}

/// The value of a node over constants; the node itself when evaluation fails, so that it fails at run time.
fn folded(node: Node) -> Node {
    let bag = Bag::new(Arc::new(Vocabulary::default()));
    let value = Evaluator::new(&bag, &mut Referenced::new()).value(&node).ok().map(Value::into_owned);
    value.map_or(node, Node::Constant)
}

fn one_or(mut nodes: Vec<Node>, many: impl FnOnce(Box<[Node]>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            many(nodes.into())
        }
    }
}

/// Every slot that a node may read, each once.
pub(crate) fn slots(node: &Node) -> Box<[Slot]> {
    let mut slots = Vec::new();
    node.visit_slots(&mut |slot| slots.push(slot));
    slots.sort_unstable();
    slots.dedup();
    slots.into()
}
