//! The expression language of configuration (CEXL): lexer, parser, checker, compiler, evaluator.
//!
//! A text is compiled once, against the attributes of a [`Scope`], into a [`Program`]; a program is evaluated
//! against a bag, is total (an error value, never a panic) and records what it read. Semantics are those of the
//! original Mixer; [`Options::compat`] brings back what was decided to be a defect.

mod ast;
mod check;
mod compile;
mod error;
mod eval;
mod functions;
mod lex;
mod name;
mod node;
mod parse;
mod program;
mod scope;

pub use error::{CompileError, CompileErrorKind, EvalError, Position};
pub use name::AttributeName;
pub use program::{Literal, Options, Program, compile, compile_expecting};
pub use scope::Scope;
