//! Why an instance could not be made of a bag.

use std::fmt;
use std::sync::Arc;

use mixer_expr::EvalError;

/// An instance could not be made of a bag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("evaluation failed at [{instance}]'{path}': '{cause}'")]
pub struct EncodeError {
    /// Fully qualified name of the instance.
    pub instance: Arc<str>,
    /// Path of the field, such as `dimensions[source_app]`.
    pub path: Box<str>,
    /// What went wrong.
    pub cause: EncodeCause,
}

impl EncodeError {
    /// Whether only an attribute was missing.
    pub fn is_absent(&self) -> bool {
        matches!(&self.cause, EncodeCause::Eval(error) if error.is_absent())
    }
}

/// What went wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeCause {
    /// The expression has no value.
    Eval(EvalError),
    /// A number that the field cannot hold.
    OutOfRange {
        /// The number.
        value: i64,
        /// The field's type.
        target: &'static str,
    },
    /// A name or number that the enum does not have.
    UnknownEnumValue {
        /// Name or number.
        value: String,
        /// Full name of the enum.
        descriptor: String,
    },
    /// A value of another type than the expression was compiled to.
    UnexpectedType,
}

impl fmt::Display for EncodeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eval(error) => error.fmt(f),
            Self::OutOfRange { value, target } => write!(f, "{value} does not fit into {target}"),
            Self::UnknownEnumValue { value, descriptor } => {
                write!(f, "unknown value: {value}, enum: {descriptor}")
            }
            Self::UnexpectedType => f.write_str("the expression gave a value of another type than its own"),
        }
    }
}

/// An [`EncodeError`] before the instance's name is known; boxed because it is rare and the way to it is not.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) path: Box<str>,
    pub(crate) cause: EncodeCause,
}

impl Failure {
    #[cold]
    pub(crate) fn new(path: &str, cause: EncodeCause) -> Box<Self> {
        Box::new(Self { path: path.into(), cause })
    }

    #[cold]
    pub(crate) fn eval(path: &str, error: EvalError) -> Box<Self> {
        Self::new(path, EncodeCause::Eval(error))
    }
}
