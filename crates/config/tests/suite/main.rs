//! The tests of configuration, one module for each behaviour; cases are the files beside this directory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says when it is skipped")]

mod built_in;
mod compile;
mod dump;
mod fixtures;
mod purity;
mod read;
mod registry;
