//! Delivery to backends over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backend;
mod broken;
mod datagram;
mod durable;
mod grpc;
mod http;
mod killed;
mod left;
mod pusher;
