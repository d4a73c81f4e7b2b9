//! Whole systems of real processes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod adapter_dies;
mod python;
mod reload;
mod system;
mod what_was_acknowledged_survives;
mod whole_system;
