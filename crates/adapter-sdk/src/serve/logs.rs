//! Structured log lines on standard error.

use std::io;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use super::args::LogFormat;

/// Sets up logging for the process. In a process that has set it up already, nothing changes.
///
/// # Errors
///
/// The filter is not one.
pub fn init_logs(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("--logLevel {filter:?} is no filter; write for example \"info\""))?;
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
