//! What an adapter author depends on.
//!
//! An adapter implements [`Adapter`] and [`Handler`]; the views of [`view`] show its instances without copying
//! them. [`serve()`] makes a process of it that Mixer calls by gRPC; the same value can be hosted in `mixs`.

mod address;
pub mod http;
pub mod params;
mod serve;
pub mod templates;
pub mod value;
pub mod view;
pub mod wire;

pub use address::{BindError, ListenAddress, ParseListenAddressError};
pub use mixer_adapter_api::*;
pub use mixer_attribute::{Duration, Timestamp};
pub use serve::{LogFormat, ServeArgs, ServeError, Server, init_logs, serve};
