//! The Kubernetes source against an API server that plays a script, and against a real one where there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod cluster;
mod definitions;
mod kinds;
mod leases;
mod lists;
mod malformed;
mod outages;
mod same_as_files;
mod statuses;
mod validations;
mod watches;
mod webhooks;
mod world;
