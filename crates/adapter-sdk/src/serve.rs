//! Serving an adapter as a process of its own: an author writes neither server nor registration code.
//!
//! Mixer calls one method for each template. Every call carries the handler's configuration, or the id of a
//! session that was made of it; [`handlers`] keeps a built handler for each.

mod args;
mod auth;
mod calls;
mod connections;
mod drained;
mod dry_run;
mod error;
mod handlers;
mod instance_json;
mod intake;
mod logs;
mod metrics;
mod monitoring;
mod reflection;
mod reload;
mod request;
mod response;
mod self_test;
mod server;
mod session;
mod throttle;
mod timeout;
mod tls;

pub use args::{LogFormat, ServeArgs};
pub use auth::AuthArgs;
pub use error::ServeError;
pub use logs::init_logs;
pub use server::Server;
pub use tls::{ClientId, ParseClientIdError, TlsArgs};

use std::sync::Arc;

use mixer_adapter_api::Adapter;

/// Serves an adapter until the process is asked to stop (SIGTERM or SIGINT), then drains: new calls are refused,
/// running ones finish, handlers send what they have buffered.
///
/// # Errors
///
/// An address cannot be bound, the server fails, or something was still busy at the end of the grace period; the
/// log names it.
pub async fn serve(adapter: Arc<dyn Adapter>, args: ServeArgs) -> Result<(), ServeError> {
    init_logs(&args.log_level, args.log_format)?;
    let stop = server::stop_signal();
    let server = Server::bind(adapter, args).await?;
    server.run(stop).await
}
