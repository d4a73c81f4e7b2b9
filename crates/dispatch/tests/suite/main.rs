//! Dispatch as a front door sees it: configuration, bags, what adapters were asked, what came back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod conditions;
mod directive;
mod failure;
mod far;
mod generate;
mod grpc;
mod identity;
mod leaving;
mod lifecycle;
mod namespaces;
mod quota;
mod report;
mod self_metrics;
mod support;
