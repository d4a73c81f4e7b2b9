//! Comparisons, type by type.

use std::cmp::Ordering;

use mixer_attribute::{Timestamp, Value, ValueType};

use super::{Eval, Evaluator, mistyped};
use crate::ast::Operator;
use crate::error::EvalError;
use crate::functions::{Function, dns, email, ip_equal, timestamp, uri};
use crate::node::{Comparison, Node};

/// How the original's timestamps keep the zone in which they were written.
#[derive(Clone, Copy, PartialEq)]
enum Zone {
    Utc,
    /// Written as an offset of zero.
    Local,
    /// Any other: not even the same as itself.
    Other,
}

impl<'a> Evaluator<'a, '_> {
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        operator: Operator,
        operands: &'a [Node; 2],
    ) -> Eval<bool> {
        let [left, right] = operands;
        match comparison {
            Comparison::Text => {
                let left = self.text(left)?;
                Ok(ordered(operator, left.cmp(&self.text(right)?)))
            }
            Comparison::Bool => {
                let left = self.truth(left)?;
                Ok(ordered(operator, left.cmp(&self.truth(right)?)))
            }
            Comparison::ZonedTimestamp => {
                let (left, left_zone) = self.zoned(left)?;
                let (right, right_zone) = self.zoned(right)?;
                let same = left_zone == right_zone && left_zone != Zone::Other;
                Ok(ordered(operator, left.cmp(&right)) && (left != right || same))
            }
            Comparison::DnsName => self.texts(operator, operands, |a, b| {
                dns::equal(a, b).map_err(|what| EvalError::conversion(ValueType::DnsName, what))
            }),
            Comparison::Email => self.texts(operator, operands, email::equal),
            Comparison::Uri => self.texts(operator, operands, uri::equal),
            Comparison::Int64 | Comparison::Double | Comparison::Bytes | Comparison::Timestamp => {
                match (self.value(left)?, self.value(right)?) {
                    (Value::Int64(a), Value::Int64(b)) => Ok(ordered(operator, a.cmp(&b))),
                    // Nothing is equal to NaN, less or greater.
                    (Value::Double(a), Value::Double(b)) => {
                        let unordered = operator == Operator::Ne;
                        Ok(a.partial_cmp(&b).map_or(unordered, |order| ordered(operator, order)))
                    }
                    (Value::Timestamp(a), Value::Timestamp(b)) => Ok(ordered(operator, a.cmp(&b))),
                    (Value::Bytes(a), Value::Bytes(b)) => Ok(ip_equal(&a, &b) == (operator == Operator::Eq)),
                    _ => Err(mistyped()),
                }
            }
        }
    }

    fn texts(
        &mut self,
        operator: Operator,
        operands: &'a [Node; 2],
        equal: impl Fn(&[u8], &[u8]) -> Result<bool, EvalError>,
    ) -> Eval<bool> {
        let left = self.text(&operands[0])?;
        let right = self.text(&operands[1])?;
        Ok(equal(&left, &right)? == (operator == Operator::Eq))
    }

    /// A timestamp with its zone. Attributes are always UTC.
    fn zoned(&mut self, node: &'a Node) -> Eval<(Timestamp, Zone)> {
        match node {
            Node::Text(Function::Timestamp, text) => {
                let text = self.text(text)?;
                Ok((timestamp(&text)?, zone(&text)))
            }
            Node::Fallback(nodes) => {
                let Some((last, others)) = nodes.split_last() else { return Err(mistyped()) };
                for node in others {
                    if let Some(value) = self.attempt(node)? {
                        return as_timestamp(value);
                    }
                }
                self.zoned(last)
            }
            Node::Conditional(parts) => {
                let branch = self.branch(parts)?;
                self.zoned(branch)
            }
            Node::Then(nodes, last) => {
                for node in nodes {
                    self.value(node)?;
                }
                self.zoned(last)
            }
            _ => as_timestamp(self.value(node)?),
        }
    }
}

fn as_timestamp(value: Value<'_>) -> Eval<(Timestamp, Zone)> {
    match value {
        Value::Timestamp(instant) => Ok((instant, Zone::Utc)),
        _ => Err(mistyped()),
    }
}

fn zone(text: &[u8]) -> Zone {
    match text {
        [.., b'Z'] => Zone::Utc,
        [.., b'0', b'0', b':', b'0', b'0'] => Zone::Local,
        _ => Zone::Other,
    }
}

fn ordered(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}
