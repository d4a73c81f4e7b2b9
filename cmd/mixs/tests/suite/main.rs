//! The real program: started, watched through its log and its ports, stopped by signals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;
mod commands;
mod defaults;
mod logs;
mod probes;
mod program;
mod reload;
mod signals;
mod stores;
