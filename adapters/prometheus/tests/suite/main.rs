//! The adapter from the outside: reports in, expositions out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod concurrency;
mod configuration;
mod edits;
mod exemplars;
mod expiry;
mod exposition;
mod parse_back;
mod promtool;
mod protobuf;
mod real_prometheus;
mod remote_write;
mod report;
mod scrape;
mod self_test;
mod spooled;
mod support;
mod tls;
