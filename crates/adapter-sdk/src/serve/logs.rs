//! Structured log lines on standard error, at a level that can be changed while the process runs.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::args::LogFormat;
use super::error::ServeError;

/// Changes the filter of the process.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sets up logging for the process: lines on standard error, in colour only when that is a terminal. In a process that
/// has set it up already, nothing changes.
///
/// # Errors
///
/// The filter is not one.
pub fn init_logs(filter: &str, format: LogFormat) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| ServeError::LogLevel { filter: filter.to_owned(), source })?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let set = match format {
        LogFormat::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
    match set {
        // Only the first one is in use.
        Ok(()) => drop(FILTER.set(handle)),
        Err(error) => tracing::debug!(%error, "logging was set up before"),
    }
    Ok(())
}

/// Why the level of log lines stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum LevelError {
    /// The text is no filter.
    #[error("{0}; write for example \"info\" or \"info,h2=warn\"")]
    Filter(#[from] ParseError),
    /// Another part of the process has set up logging.
    #[error("logging was not set up by the SDK, so its level cannot be changed here")]
    NotOurs,
    /// The subscriber is gone.
    #[error(transparent)]
    Gone(#[from] reload::Error),
}

/// The filter in use, if it is known.
pub(super) fn level() -> Option<String> {
    FILTER.get().and_then(|handle| handle.with_current(ToString::to_string).ok())
}

/// Puts another filter in its place.
pub(super) fn set_level(filter: &str) -> Result<(), LevelError> {
    let new = EnvFilter::try_new(filter)?;
    FILTER.get().ok_or(LevelError::NotOurs)?.reload(new)?;
    tracing::info!(filter, "the level of log lines was changed");
    Ok(())
}
