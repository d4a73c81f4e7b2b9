//! The expression language, by behaviour.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod compat;
mod conversions;
mod errors;
mod fallback;
mod limits;
mod operators;
mod patterns;
mod programs;
mod properties;
mod referenced;
mod support;
mod syntax;
mod types;
mod vectors;
