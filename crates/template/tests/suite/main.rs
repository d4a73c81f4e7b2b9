//! Behaviour of templates: reading descriptors, encoding instances and params, decoding output. One module each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod instance;
mod instance_properties;
mod original;
mod output;
mod params;
mod shared_blocks;
mod support;
mod template;
