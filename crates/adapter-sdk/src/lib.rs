//! What an adapter author depends on.
//!
//! An adapter implements [`Adapter`] and [`Handler`]; the views of [`view`] show its instances without copying
//! them. [`serve()`] makes a process of it that Mixer calls by gRPC; the same value can be hosted in `mixs`.

pub mod params;
pub mod value;
pub mod view;
pub mod wire;

pub use mixer_adapter_api::*;
pub use mixer_attribute::{Duration, Timestamp};
