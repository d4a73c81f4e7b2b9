//! Types: from the parsed tree to a typed one. There is no implicit conversion at all.
//!
//! One thing is decided by context: text that also reads as a duration (`"5s"`, `"0"`) is a STRING next to a
//! STRING and a DURATION next to a DURATION or where one is expected. In compatibility mode it is a DURATION.

mod call;

use mixer_attribute::{Duration, Slot, Value, ValueType};

use crate::ast::{Chain, Expr, ExprKind, Literal, Operator};
use crate::error::{CompileError, CompileErrorKind, Position, cut};
use crate::functions::Function;
use crate::scope::Scope;

/// A typed expression.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) tree: Tree,
    pub(crate) ty: Type,
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    Known(ValueType),
    /// STRING or DURATION, whichever is needed.
    Open,
}

impl Type {
    pub(crate) fn value_type(self) -> ValueType {
        match self {
            Self::Known(value_type) => value_type,
            Self::Open => ValueType::String,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Tree {
    Constant(Value<'static>),
    /// Text that also reads as a duration.
    Open(Vec<u8>, Duration),
    Attribute(Slot),
    And(Vec<Typed>),
    Or(Vec<Typed>),
    Add(Vec<Typed>),
    Fallback(Vec<Typed>),
    Compare(Operator, Box<[Typed; 2]>),
    Index(Box<[Typed; 2]>),
    /// The target of a method comes first. In compatibility mode there may be more arguments than parameters.
    Call(Function, Vec<Typed>),
    Conditional(Box<[Typed; 3]>),
}

impl Typed {
    fn known(tree: Tree, value_type: ValueType) -> Self {
        Self { tree, ty: Type::Known(value_type) }
    }

    /// Decides an open type.
    fn settle(&mut self, value_type: ValueType) {
        if self.ty != Type::Open {
            return;
        }
        self.ty = Type::Known(value_type);
        match &mut self.tree {
            Tree::Open(text, duration) => {
                let value = match value_type {
                    ValueType::Duration => Value::Duration(*duration),
                    _ => Value::Text(std::mem::take(text).into()),
                };
                self.tree = Tree::Constant(value);
            }
            Tree::Fallback(operands) => operands.iter_mut().for_each(|operand| operand.settle(value_type)),
            Tree::Conditional(parts) => parts[1..].iter_mut().for_each(|branch| branch.settle(value_type)),
            _ => {}
        }
    }
}

/// Checks a whole expression; with an expected type, that is what it must have.
pub(crate) fn check(
    text: &str,
    expr: &Expr,
    expected: Option<ValueType>,
    scope: &dyn Scope,
    compat: bool,
) -> Result<Typed, CompileError> {
    let checker = Checker { text, scope, compat };
    let mut typed = checker.expr(expr)?;
    typed.settle(match expected {
        Some(ValueType::String) => ValueType::String,
        _ => ValueType::Duration,
    });
    match expected {
        Some(expected) if typed.ty != Type::Known(expected) => {
            let got = typed.ty.value_type();
            let message =
                format!("expression '{}' evaluated to type {got}, expected type {expected}", cut(text));
            Err(checker.error(CompileErrorKind::Result, expr, message))
        }
        _ => Ok(typed),
    }
}

struct Checker<'s> {
    text: &'s str,
    scope: &'s dyn Scope,
    compat: bool,
}

/// Two operands that should have the same type.
struct Mismatch {
    /// Which operand.
    index: usize,
    got: Type,
    expected: Type,
}

impl Checker<'_> {
    fn error(&self, kind: CompileErrorKind, at: &Expr, message: String) -> CompileError {
        CompileError { position: Position::of(self.text, at.offset), kind, message, hint: None }
    }

    /// `F(ARGS) arg N (ARG) typeError got T1, expected T2`.
    fn wrong_type(
        &self,
        whole: &str,
        number: usize,
        operand: &Expr,
        (got, expected): (Type, Type),
    ) -> CompileError {
        let (got, expected) = (got.value_type(), expected.value_type());
        let (whole, argument) = (cut(whole), operand.to_string());
        let message =
            format!("{whole} arg {number} ({}) typeError got {got}, expected {expected}", cut(&argument));
        self.error(CompileErrorKind::Type, operand, message)
    }

    fn expr(&self, expr: &Expr) -> Result<Typed, CompileError> {
        match &expr.kind {
            ExprKind::Attribute(name) => self.attribute(name, expr),
            ExprKind::Literal { value, .. } => Ok(self.literal(value)),
            ExprKind::Operation(operator, operands) => self.operation(*operator, operands, expr),
            ExprKind::Call { name, target, arguments } => self.call(name, target.as_deref(), arguments, expr),
        }
    }

    fn attribute(&self, name: &str, at: &Expr) -> Result<Typed, CompileError> {
        match self.scope.attribute(name) {
            Some((_, ValueType::Unspecified)) => {
                let message = format!("attribute {name} has no type that expressions can use");
                Err(self.error(CompileErrorKind::Type, at, message))
            }
            Some((slot, value_type)) => Ok(Typed::known(Tree::Attribute(slot), value_type)),
            None => {
                let hint = self.scope.suggest(name).map(|near| format!("did you mean {near}?"));
                let message = format!("unknown attribute {}", cut(name));
                Err(CompileError { hint, ..self.error(CompileErrorKind::UnknownAttribute, at, message) })
            }
        }
    }

    fn literal(&self, literal: &Literal) -> Typed {
        let (value, value_type) = match literal {
            Literal::Int64(v) => (Value::Int64(*v), ValueType::Int64),
            Literal::Double(v) => (Value::Double(*v), ValueType::Double),
            Literal::Bool(v) => (Value::Bool(*v), ValueType::Bool),
            Literal::Text(text) => {
                let duration: Option<Duration> =
                    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                match duration {
                    Some(duration) if self.compat => (Value::Duration(duration), ValueType::Duration),
                    Some(duration) => {
                        return Typed { tree: Tree::Open(text.clone(), duration), ty: Type::Open };
                    }
                    None => (Value::Text(text.clone().into()), ValueType::String),
                }
            }
        };
        Typed::known(Tree::Constant(value), value_type)
    }

    fn operation(&self, operator: Operator, operands: &[Expr], at: &Expr) -> Result<Typed, CompileError> {
        let [left, right] = operands else {
            return if operands.len() > 2 {
                self.chain(operator, operands, at)
            } else {
                Err(self.arity(at, operands.len(), 2))
            };
        };
        if operator.chains() {
            return self.chain(operator, operands, at);
        }
        let mut both = Box::new([self.expr(left)?, self.expr(right)?]);
        let wrong = |mismatch| self.mismatch(operator, operands, mismatch);
        if operator == Operator::Index {
            require(both.as_mut_slice(), &[ValueType::StringMap, ValueType::String]).map_err(wrong)?;
            return Ok(Typed::known(Tree::Index(both), ValueType::String));
        }
        let value_type = settled(both.as_mut_slice()).map_err(wrong)?;
        self.defined(operator, value_type, at)?;
        Ok(Typed::known(Tree::Compare(operator, both), ValueType::Bool))
    }

    /// Two or more operands of an operator that chains.
    fn chain(&self, operator: Operator, operands: &[Expr], at: &Expr) -> Result<Typed, CompileError> {
        let mut typed = operands.iter().map(|operand| self.expr(operand)).collect::<Result<Vec<_>, _>>()?;
        let wrong = |mismatch| self.mismatch(operator, operands, mismatch);
        match operator {
            Operator::Fallback => {
                let ty = unify(&mut typed).map_err(wrong)?;
                Ok(Typed { tree: Tree::Fallback(typed), ty })
            }
            Operator::Add => {
                let value_type = settled(&mut typed).map_err(wrong)?;
                self.defined(operator, value_type, at)?;
                Ok(Typed::known(Tree::Add(typed), value_type))
            }
            _ => {
                require(&mut typed, &vec![ValueType::Bool; operands.len()]).map_err(wrong)?;
                let tree = if operator == Operator::And { Tree::And(typed) } else { Tree::Or(typed) };
                Ok(Typed::known(tree, ValueType::Bool))
            }
        }
    }

    /// Names the innermost operation of a chain that does not fit.
    fn mismatch(&self, operator: Operator, operands: &[Expr], mismatch: Mismatch) -> CompileError {
        let Mismatch { index, got, expected } = mismatch;
        let whole = Chain(operator, &operands[..=index.max(1)]).to_string();
        self.wrong_type(&whole, index.min(1) + 1, &operands[index], (got, expected))
    }

    fn arity(&self, at: &Expr, got: usize, expected: usize) -> CompileError {
        let call = at.to_string();
        let message = format!("{} arity mismatch. Got {got} arg(s), expected {expected} arg(s)", cut(&call));
        self.error(CompileErrorKind::Arity, at, message)
    }

    /// Whether values of the type can be added or compared.
    fn defined(&self, operator: Operator, value_type: ValueType, at: &Expr) -> Result<(), CompileError> {
        use ValueType::{Bool, Double, Duration, Int64, StringMap, Timestamp};
        // What is text at run time can be joined and has the order of its bytes.
        let defined = match operator {
            Operator::Add => value_type.is_text() || matches!(value_type, Int64 | Double),
            Operator::Eq | Operator::Ne => !matches!(value_type, Duration | StringMap),
            _ => value_type.is_text() || matches!(value_type, Int64 | Double | Timestamp),
        };
        if defined {
            return Ok(());
        }
        let what = match operator {
            Operator::Add => "addition",
            Operator::Eq | Operator::Ne => "equality",
            _ => "order",
        };
        let hint = (value_type == Bool).then(|| "combine conditions with && and ||".to_owned());
        let operation = at.to_string();
        let message = format!("{}: {value_type} has no {what}", cut(&operation));
        Err(CompileError { hint, ..self.error(CompileErrorKind::Type, at, message) })
    }
}

/// Each operand must have the type at its place.
fn require(operands: &mut [Typed], types: &[ValueType]) -> Result<(), Mismatch> {
    for (index, (operand, value_type)) in operands.iter_mut().zip(types).enumerate() {
        if *value_type == ValueType::String || *value_type == ValueType::Duration {
            operand.settle(*value_type);
        }
        if operand.ty != Type::Known(*value_type) {
            return Err(Mismatch { index, got: operand.ty, expected: Type::Known(*value_type) });
        }
    }
    Ok(())
}

/// All operands must have the type of the first; an open type takes that of the others.
fn unify(operands: &mut [Typed]) -> Result<Type, Mismatch> {
    let takes = |ty: Type| matches!(ty, Type::Known(ValueType::String | ValueType::Duration));
    let mut common = operands.first().map_or(Type::Open, |first| first.ty);
    for (index, operand) in operands.iter().enumerate() {
        match (common, operand.ty) {
            (a, b) if a == b => {}
            (known, Type::Open) if takes(known) => {}
            (Type::Open, known) if takes(known) => common = known,
            (expected, got) => return Err(Mismatch { index, got, expected }),
        }
    }
    if let Type::Known(value_type) = common {
        operands.iter_mut().for_each(|operand| operand.settle(value_type));
    }
    Ok(common)
}

/// As [`unify`]; what is still open is a STRING, because DURATION has no operators.
fn settled(operands: &mut [Typed]) -> Result<ValueType, Mismatch> {
    let value_type = unify(operands)?.value_type();
    operands.iter_mut().for_each(|operand| operand.settle(value_type));
    Ok(value_type)
}
