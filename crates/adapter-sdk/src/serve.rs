//! Serving an adapter as a process of its own: an author writes neither server nor registration code.
//!
//! Mixer calls one method for each template. Every call carries the handler's configuration, or the id of a
//! session that was made of it; [`handlers`] keeps a built handler for each.

mod args;
mod auth;
mod calls;
mod connections;
mod dedup;
mod drained;
mod dry_run;
mod error;
mod greeting;
mod handlers;
mod instance_json;
mod intake;
mod logs;
mod manifest;
mod metrics;
mod monitoring;
mod process;
mod quiet;
mod reflection;
mod reload;
mod request;
mod response;
mod self_test;
mod server;
mod session;
pub(crate) mod throttle;
mod timeout;
mod tls;

pub use args::{LogFormat, ServeArgs};
pub use auth::AuthArgs;
pub use error::ServeError;
pub use logs::init_logs;
pub use manifest::ManifestArgs;
pub use mixer_identity::{ParsePeerIdError as ParseClientIdError, PeerId as ClientId, TlsArgs};
pub use process::{AdapterArgs, AdapterCommand, Process};
pub use server::Server;
