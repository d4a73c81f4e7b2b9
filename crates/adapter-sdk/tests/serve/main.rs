//! An adapter served as its own process answers as Mixer expects it, over a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod configuration;
mod connections;
mod drain;
mod faults;
mod listening;
mod raw;
mod sessions;
mod templates;
mod toy;
mod varieties;
