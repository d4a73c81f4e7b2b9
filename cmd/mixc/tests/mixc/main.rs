//! `mixc` as a process against a Mixer that answers what a test says: output, exit code, and what it sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod fake;
mod load;
mod report;
mod tls;
mod usage;
