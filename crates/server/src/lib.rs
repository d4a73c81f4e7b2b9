//! The front doors, the admin port and the wiring of the server.

pub mod admin;
pub mod app;
pub mod config;
mod envoy;
mod front;
pub mod grpc;
pub mod health_client;
pub mod listen;
mod mixer_api;
pub mod probe_file;
pub mod readiness;
pub mod shedding;
mod status;
pub mod stop;
pub mod version;
