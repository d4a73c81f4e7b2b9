//! The adapter against collectors: a strict fake, and real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod collectors;
mod limits;
mod logs;
mod metrics;
mod properties;
mod protocols;
mod self_test;
mod spans;
mod support;
mod transport;

use mixer_testkit::otlp_flat as flat;
