//! A compiled expression and what can be asked of it.

use std::borrow::Cow;

use mixer_attribute::{Bag, Referenced, Slot, Value, ValueType};

use crate::ast::Operator;
use crate::check::check;
use crate::compile::{lower, slots};
use crate::error::{CompileError, EvalError};
use crate::eval::Evaluator;
use crate::node::{Comparison, Node, Shape};
use crate::parse::parse;
use crate::scope::Scope;

/// How a text is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As the original does, defects included (`--compat=istio-1.3`).
    pub compat: bool,
}

/// A literal that an attribute is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Literal {
    /// Text of a STRING.
    Text(Box<[u8]>),
    /// `INT64`.
    Int64(i64),
    /// `BOOL`.
    Bool(bool),
}

/// A compiled expression.
///
/// It may be evaluated against bags whose vocabulary was made by the scope it was compiled in.
#[derive(Debug)]
pub struct Program {
    text: Box<str>,
    value_type: ValueType,
    root: Node,
    reads: Box<[Slot]>,
}

/// Compiles a text of any type. A lone literal that reads as a duration is one.
///
/// # Errors
/// The text is not an expression, or its types do not fit.
pub fn compile(text: &str, scope: &mut dyn Scope, options: &Options) -> Result<Program, CompileError> {
    build(text, None, scope, options)
}

/// Compiles a text that must have the expected type, which also types a lone literal.
///
/// # Errors
/// As [`compile`], and when the type is another one.
pub fn compile_expecting(
    text: &str,
    expected: ValueType,
    scope: &mut dyn Scope,
    options: &Options,
) -> Result<Program, CompileError> {
    build(text, Some(expected), scope, options)
}

fn build(
    text: &str,
    expected: Option<ValueType>,
    scope: &mut dyn Scope,
    options: &Options,
) -> Result<Program, CompileError> {
    let expr = parse(text)?;
    let typed = check(text, &expr, expected, scope, options.compat)?;
    let value_type = typed.ty.value_type();
    let root = lower(typed, scope, options.compat);
    let reads = slots(&root);
    Ok(Program { text: text.into(), value_type, root, reads })
}

impl Program {
    /// The type of every value of the program.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates the program and records what it reads, also when it fails.
    ///
    /// # Errors
    /// An attribute is absent that the value depends on, has another type than declared, or cannot be converted.
    pub fn eval<'a>(&'a self, bag: &'a Bag, refs: &mut Referenced) -> Result<Value<'a>, EvalError> {
        Evaluator::new(bag, refs).value(&self.root).map_err(|fail| fail.into_error(bag))
    }

    /// Evaluates a program of one of the four text types; the short way for encoders.
    ///
    /// # Errors
    /// As [`Program::eval`], and when the type is another one.
    #[inline]
    pub fn eval_text<'a>(&'a self, bag: &'a Bag, refs: &mut Referenced) -> Result<Cow<'a, [u8]>, EvalError> {
        Evaluator::new(bag, refs).text(&self.root).map_err(|fail| fail.into_error(bag))
    }

    /// Evaluates a program of type BOOL; the short way for match conditions.
    ///
    /// # Errors
    /// As [`Program::eval`], and when the type is another one.
    pub fn eval_bool(&self, bag: &Bag, refs: &mut Referenced) -> Result<bool, EvalError> {
        Evaluator::new(bag, refs).truth(&self.root).map_err(|fail| fail.into_error(bag))
    }

    /// The value, when it depends on no attribute.
    pub fn constant(&self) -> Option<&Value<'static>> {
        match &self.root {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Slots that must hold these literals for the program (of type BOOL) to be true: the conjuncts
    /// `attribute == literal`, `map["key"] == literal` and `(attribute | other) == literal` of a top-level `&&`,
    /// and BOOL attributes that stand alone. In the order of evaluation: the first conjunct of the program is
    /// always read, later ones only while those before hold.
    pub fn equalities(&self) -> Vec<(Slot, Literal)> {
        match &self.root {
            Node::And(nodes) => nodes.iter().filter_map(equality).collect(),
            node => equality(node).into_iter().collect(),
        }
    }

    /// Every slot that evaluation may read, each once: attributes, map keys, and the maps of those keys.
    pub fn reads(&self) -> impl Iterator<Item = Slot> {
        self.reads.iter().copied()
    }
}

fn equality(node: &Node) -> Option<(Slot, Literal)> {
    match node {
        Node::TextIs(slot, text, true) => Some((*slot, Literal::Text(text.clone()))),
        Node::IntIs(slot, number, true) => Some((*slot, Literal::Int64(*number))),
        // A missing key is empty text.
        Node::KeyIs(key, text, true) if !text.is_empty() => Some((key.slot, Literal::Text(text.clone()))),
        Node::Slot(slot, Shape::Bool) => Some((*slot, Literal::Bool(true))),
        Node::Is(node, false) => match &**node {
            Node::Slot(slot, Shape::Bool) => Some((*slot, Literal::Bool(false))),
            Node::SlotOr(slot, Shape::Bool, Value::Bool(true)) => Some((*slot, Literal::Bool(false))),
            _ => None,
        },
        Node::SlotOr(slot, Shape::Bool, Value::Bool(false)) => Some((*slot, Literal::Bool(true))),
        Node::Compare(Comparison::Text | Comparison::Int64, Operator::Eq, operands) => {
            let [left, Node::Constant(literal)] = &**operands else { return None };
            let (slot, default) = match left {
                Node::SlotOr(slot, _, default) => (*slot, default),
                Node::KeyOr(key, default) => (key.slot, default),
                _ => return None,
            };
            match (default != literal, literal) {
                (true, Value::Text(text)) => Some((slot, Literal::Text(text.as_ref().into()))),
                (true, Value::Int64(number)) => Some((slot, Literal::Int64(*number))),
                _ => None,
            }
        }
        _ => None,
    }
}
