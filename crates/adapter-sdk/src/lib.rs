//! What an adapter author depends on.
//!
//! An adapter implements [`Adapter`] and [`Handler`]; the views of [`view`] show its instances without copying
//! them, and [`params`] helps to check its configuration. [`serve()`] makes a process of it that Mixer calls by gRPC;
//! the same value can be hosted in `mixs`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use mixer_adapter_sdk::view::ListEntryView;
//! use mixer_adapter_sdk::*;
//!
//! /// Lets pass what ends in `.example.com`.
//! struct Suffix;
//!
//! impl Adapter for Suffix {
//!     fn info(&self) -> &AdapterInfo {
//!         &AdapterInfo {
//!             name: "suffix",
//!             aliases: &[],
//!             description: "Lets pass what ends in .example.com.",
//!             templates: &["listentry"],
//!             config_descriptor: &[],
//!             config_message: "",
//!         }
//!     }
//!
//!     fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
//!         Vec::new()
//!     }
//!
//!     fn build(&self, _: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
//!         Box::pin(async { Ok(Arc::new(Suffix) as Arc<dyn Handler>) })
//!     }
//! }
//!
//! impl Handler for Suffix {
//!     fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
//!         Box::pin(async move {
//!             let entry = ListEntryView::parse(&call.bytes)
//!                 .map_err(|error| HandlerError::new(ErrorKind::InvalidArgument, error.to_string()))?;
//!             let name = entry.value().map(|value| value.text()).unwrap_or_default();
//!             let status = match name.ends_with(".example.com") {
//!                 true => Status::ok(),
//!                 false => Status::new(code::PERMISSION_DENIED, format!("{name} is somewhere else")),
//!             };
//!             Ok(CheckResult { status, ..Default::default() })
//!         })
//!     }
//! }
//!
//! #[derive(clap::Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     serve: ServeArgs,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), ServeError> {
//!     let args: Args = clap::Parser::parse();
//!     serve(Arc::new(Suffix), args.serve.with_default_port(9080)).await
//! }
//! ```

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
    AuthArgs, ClientId, LogFormat, ParseClientIdError, ServeArgs, ServeError, Server, TlsArgs, init_logs,
    serve,
};
