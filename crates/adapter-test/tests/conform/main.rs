//! The conformance suite against adapters that are right, and against such that are wrong in one way each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod broken;
mod reports;
mod secured;
mod shipped;
mod targets;
mod toy;
