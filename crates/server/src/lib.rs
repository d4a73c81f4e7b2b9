//! The front doors, the admin port and the wiring of the server.

mod accept;
mod admin;
pub mod app;
pub mod config;
mod envoy;
mod front;
pub mod grpc;
pub mod health_client;
mod mixer_api;
pub mod probe_file;
pub mod readiness;
pub mod shedding;
mod status;
pub mod stop;
pub mod version;
