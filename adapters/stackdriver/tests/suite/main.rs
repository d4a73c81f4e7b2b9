//! The adapter at its work, against a strict fake of Google Cloud.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod credentials;
mod delivery;
mod logs;
mod metrics;
mod official;
mod process;
mod resources;
mod spans;
mod spooled;
mod support;
