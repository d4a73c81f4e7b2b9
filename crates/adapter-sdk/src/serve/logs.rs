//! Structured log lines on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use super::args::LogFormat;
use super::error::ServeError;

/// Sets up logging for the process. In a process that has set it up already, nothing changes.
///
/// # Errors
///
/// The filter is not one.
pub fn init_logs(filter: &str, format: LogFormat) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| ServeError::LogLevel { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let set = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Err(error) = set {
        tracing::debug!(%error, "logging was set up before");
    }
    Ok(())
}
