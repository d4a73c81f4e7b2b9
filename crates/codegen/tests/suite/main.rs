//! Behaviour of the generator: what is made of sound files, and why others are refused. One module each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says when it is skipped")]

mod forms;
mod golden;
mod inputs;
mod legal;
mod original;
mod references;
mod resources;
mod rules;
mod support;
