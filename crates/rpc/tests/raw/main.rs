//! Typed and raw ends of the services understand each other over a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod handler;
mod loopback;
mod mixer;
mod sizes;
