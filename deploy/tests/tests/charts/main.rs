//! The Helm charts: what becomes of each value, and that it is what Kubernetes and Mixer take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod chart;
mod examples;
mod flips;
mod goldens;
mod newrelic;
mod rbac;
mod releases;
mod taken;
