//! The adapter as servers use it, and what arrives at sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod aggregation;
mod configuration;
mod delivery;
mod example;
mod lines;
mod log_entries;
mod official_client;
mod properties;
mod sampling;
mod setup;
mod statsd_server;
mod telemetry;
