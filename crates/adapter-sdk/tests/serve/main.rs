//! An adapter served as its own process answers as Mixer expects it, over a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod configuration;
mod connections;
mod drain;
mod faults;
mod hostile;
mod listening;
mod programs;
mod raw;
mod reflection;
mod replay;
mod sessions;
mod templates;
mod tls;
mod tokens;
mod toy;
mod varieties;
