//! The adapter as servers use it, and what arrives at sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod configuration;
mod delivery;
mod example;
mod lines;
mod properties;
mod sampling;
mod server;
mod setup;
