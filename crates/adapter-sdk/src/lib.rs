//! What an adapter author depends on.
//!
//! Mixer describes each request of a mesh as attributes and fills **instances** of **templates** with them; an **adapter**
//! takes the instances: it decides (check), counts (quota), collects (report) or looks something up (attributes). With this
//! crate an author writes a configuration and a handler, and nothing about servers:
//!
//! * [`TypedAdapter`] names the parts, [`typed`] has a trait for each variety of template;
//! * [`view`] shows instances without copying them, [`value`] converts their values without losing anything;
//! * [`params`] checks a configuration and tells every problem at once;
//! * [`Process`] is the program: gRPC with TLS and tokens, health, reflection, metrics, limits, an orderly end;
//! * the same adapter can be hosted in `mixs`: see [`hosted`].
//!
//! [`docs`] is the book; start with [a first adapter](docs::first_adapter). Below the types lie the traits of servers,
//! [`Adapter`] and [`Handler`], which an adapter may implement itself when it needs to see everything.
//!
//! # Cargo
//!
//! `tokio` is the runtime, `prost` the protobuf library, `tracing` the log. Feature
//! `delivery` adds `delivery`: queues, retries and an HTTP client for adapters that send what they take to a backend.

#[cfg(feature = "delivery")]
pub mod delivery;
pub mod docs;
pub mod http;
pub mod params;
mod secret;
mod serve;
pub mod templates;
pub mod text_template;
pub mod typed;
pub mod value;
pub mod view;
pub mod wire;

pub use mixer_adapter_api::*;
pub use mixer_attribute::{Duration, Timestamp};
pub use mixer_listen::{BindError, ListenAddress, ParseListenAddressError};
pub use secret::{DEFAULT_RELOAD_INTERVAL, Secret, SecretFile};
pub use serve::{
    AdapterArgs, AdapterCommand, AuthArgs, ClientId, LogFormat, ManifestArgs, ParseClientIdError, Process,
    ServeArgs, ServeError, Server, TlsArgs, init_logs,
};
pub use typed::{Config, TypedAdapter, hosted};
