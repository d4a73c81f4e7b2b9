//! What can be wrong with a text, and what can go wrong when a program meets a bag.

use std::borrow::Cow;
use std::fmt;

use mixer_attribute::ValueType;

use crate::AttributeName;

/// How many bytes of a text a message shows.
const MOST_SHOWN: usize = 256;

/// A place in an expression's text; both numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}

impl Position {
    /// The place of a byte offset.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The kinds of compile errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// The text is not an expression.
    Syntax,
    /// A form of Go's expressions that the language does not have.
    Unsupported,
    /// More operators, calls or parentheses inside each other than a program may have.
    TooDeep,
    /// No attribute of that name.
    UnknownAttribute,
    /// No function, method or operator of that name, or used in the wrong form.
    UnknownFunction,
    /// An operand or argument of the wrong type.
    Type,
    /// Too few or too many arguments.
    Arity,
    /// The whole expression has another type than is needed where it stands.
    Result,
}

/// Why a text is not a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Where.
    pub position: Position,
    /// The kind of error.
    pub kind: CompileErrorKind,
    /// What is wrong, without the place.
    pub message: String,
    /// What may help, when there is something to say.
    pub hint: Option<String>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // The text of a syntax error has the place where the original has it.
        if self.kind != CompileErrorKind::Syntax {
            write!(f, " (line {}, column {})", self.position.line, self.position.column)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileError {}

/// Why a program has no value for a bag. The texts begin as the original's do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// An attribute that the value depends on is not there.
    #[error("lookup failed: '{name}'")]
    Absent {
        /// The attribute.
        name: AttributeName,
    },
    /// The request carries another type than the attribute manifest declares.
    #[error("error converting value to {}: '{value}' (attribute '{name}' is declared as {declared})", goal(*declared))]
    WrongType {
        /// The attribute.
        name: Box<str>,
        /// The declared type.
        declared: ValueType,
        /// What was sent, as text.
        value: Box<str>,
    },
    /// Text that is not a value of the wanted type.
    #[error("{message}")]
    Conversion {
        /// The wanted type.
        to: ValueType,
        /// Which text, and what is wrong with it.
        message: Box<str>,
    },
    /// A pattern that is not a regular expression.
    #[error("error parsing regexp: {message}")]
    BadPattern {
        /// What is wrong with it.
        message: Box<str>,
    },
}

impl EvalError {
    /// Whether only an attribute was missing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    pub(crate) fn conversion(to: ValueType, message: String) -> Self {
        Self::Conversion { to, message: message.into() }
    }
}

fn goal(declared: ValueType) -> &'static str {
    match declared {
        ValueType::Int64 | ValueType::Duration => "integer or duration",
        ValueType::Double => "double",
        ValueType::Bool => "bool",
        ValueType::Timestamp => "timestamp",
        ValueType::IpAddress => "IP address",
        ValueType::StringMap => "string map",
        _ => "string",
    }
}

/// Bytes of a request as text for a message: at most a few hundred characters.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let shown = bytes.get(..MOST_SHOWN).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(shown).into_owned();
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Text of an expression for a message: at most a few hundred characters.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_SHOWN {
        return Cow::Borrowed(text);
    }
    let end = (0..=MOST_SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}
