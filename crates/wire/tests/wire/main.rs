//! The wire form against definitions, against a plain decoder made with prost, and against damage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod compat;
mod delta;
mod encoding;
mod generate;
mod malformed;
mod plain;
mod properties;
mod referenced;
mod request;
