//! Delivery to backends over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod backend;
mod datagram;
mod http;
mod spool;
