//! Real handshakes: who is let in and who is not, and certificates that change under way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod discovery;
mod flags;
mod handshakes;
mod rotation;
mod support;
mod workload;
