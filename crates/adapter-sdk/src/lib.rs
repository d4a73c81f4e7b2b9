//! What an adapter author depends on.
//!
//! An adapter implements [`Adapter`] and [`Handler`]; the views of [`view`] show its instances without copying
//! them, and [`params`] helps to check its configuration. [`serve()`] makes a process of it that Mixer calls by gRPC;
//! the same value can be hosted in `mixs`.
//!
mod address;
pub mod http;
pub mod params;
mod secret;
mod serve;
pub mod templates;
pub mod typed;
pub mod value;
pub mod view;
pub mod wire;

pub use address::{BindError, ListenAddress, ParseListenAddressError};
pub use mixer_adapter_api::*;
pub use mixer_attribute::{Duration, Timestamp};
pub use secret::{DEFAULT_RELOAD_INTERVAL, Secret, SecretFile};
pub use serve::{
    AdapterArgs, AdapterCommand, AuthArgs, ClientId, LogFormat, ManifestArgs, ParseClientIdError, Process,
    ServeArgs, ServeError, Server, TlsArgs, init_logs,
};
pub use typed::{Config, TypedAdapter, hosted};
