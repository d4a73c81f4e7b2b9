//! The adapter as its users see it: configuration and instances in, lines out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, missing_docs)]
#[path = "../../src/generated.rs"]
mod generated;

mod configuration;
mod failures;
mod files;
mod levels;
mod lines;
mod properties;
mod setup;
mod standard_streams;
