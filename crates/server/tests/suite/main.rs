//! The server as its callers see it: a whole one in this process, on ports of the system's choice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access_log;
mod admin;
mod check;
mod deadline;
mod drain;
mod frames;
mod health;
mod identity;
mod limits;
mod metrics;
mod reflection;
mod reload;
mod report;
mod sockets;
mod startup;
mod support;
