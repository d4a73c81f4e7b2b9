//! The parsed expression, and how messages print it: prefix style, `$` before attributes, as in the original.

use std::fmt;

/// The operators of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`
    Add,
    /// `|`
    Fallback,
    /// `m["key"]`
    Index,
}

impl Operator {
    /// The function name that the operator stands for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Or => "LOR",
            Self::And => "LAND",
            Self::Eq => "EQ",
            Self::Ne => "NEQ",
            Self::Lt => "LT",
            Self::Le => "LEQ",
            Self::Gt => "GT",
            Self::Ge => "GEQ",
            Self::Add => "ADD",
            Self::Fallback => "OR",
            Self::Index => "INDEX",
        }
    }

    /// The operator of a function name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        const ALL: [Operator; 11] = [
            Operator::Or,
            Operator::And,
            Operator::Eq,
            Operator::Ne,
            Operator::Lt,
            Operator::Le,
            Operator::Gt,
            Operator::Ge,
            Operator::Add,
            Operator::Fallback,
            Operator::Index,
        ];
        ALL.into_iter().find(|operator| operator.name() == name)
    }

    /// Whether a run of this operator is one node, so that a long list is not a deep tree.
    pub(crate) fn chains(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Add | Self::Fallback)
    }
}

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// Byte offset of what an error about it points at.
    pub(crate) offset: usize,
    /// How many nodes lie on the longest way down, this one included.
    pub(crate) depth: usize,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Attribute(Box<str>),
    Literal {
        value: Literal,
        /// As written.
        text: Box<str>,
    },
    /// Two operands; any number from two for an operator that chains, which means `((a op b) op c) …`.
    Operation(Operator, Vec<Expr>),
    Call {
        name: Box<str>,
        target: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(Vec<u8>),
    Int64(i64),
    Double(f64),
    Bool(bool),
}

impl Expr {
    pub(crate) fn new(kind: ExprKind, offset: usize) -> Self {
        let below = match &kind {
            ExprKind::Attribute(_) | ExprKind::Literal { .. } => 0,
            ExprKind::Operation(_, operands) => deepest(operands),
            ExprKind::Call { target, arguments, .. } => {
                deepest(arguments).max(target.as_ref().map_or(0, |target| target.depth))
            }
        };
        Self { kind, offset, depth: below + 1 }
    }
}

fn deepest(operands: &[Expr]) -> usize {
    operands.iter().map(|operand| operand.depth).max().unwrap_or(0)
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Attribute(name) => write!(f, "${name}"),
            ExprKind::Literal { text, .. } => f.write_str(text),
            ExprKind::Operation(operator, operands) => Chain(*operator, operands).fmt(f),
            ExprKind::Call { name, target, arguments } => {
                if let Some(target) = target {
                    write!(f, "{target}:")?;
                }
                write!(f, "{name}(")?;
                for (index, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Prints `OP(OP(a, b), c)`, the first operands of a chain.
pub(crate) struct Chain<'e>(pub(crate) Operator, pub(crate) &'e [Expr]);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.1.split_first() else { return write!(f, "{}()", self.0.name()) };
        // `OP(a)` is how a single operand (a unary plus) prints.
        for _ in 0..others.len().max(1) {
            write!(f, "{}(", self.0.name())?;
        }
        write!(f, "{first}")?;
        for operand in others {
            write!(f, ", {operand})")?;
        }
        f.write_str(if others.is_empty() { ")" } else { "" })
    }
}
