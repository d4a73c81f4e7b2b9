//! The flags that every adapter process has.

use std::time::Duration;

use crate::address::ListenAddress;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object on each line.
    Json,
}

/// The flags that every adapter process has. Flags of an adapter's own go beside them:
/// `#[command(flatten)] serve: ServeArgs`.
#[derive(Clone, Debug, clap::Args)]
#[command(rename_all = "camelCase")]
pub struct ServeArgs {
    /// Where gRPC is served: `:port`, `host:port` or `unix:///path`. Each adapter has a port of its own by
    /// default.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<ListenAddress>,

    /// Where /metrics, /healthz and /readyz are served. By default 100 above the port of gRPC by default.
    #[arg(long, value_name = "ADDRESS")]
    pub monitoring_address: Option<ListenAddress>,

    /// Serves no /metrics, /healthz and /readyz.
    #[arg(long)]
    pub no_monitoring: bool,

    /// The longest request that is accepted, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub max_message_size: usize,

    /// Calls that are handled at the same time; more are answered with RESOURCE_EXHAUSTED.
    #[arg(long, value_name = "CALLS", default_value_t = 1000)]
    pub max_concurrent_calls: usize,

    /// Age at which a connection is closed in an orderly way, so that callers spread over new replicas; 0 for
    /// never.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    pub max_connection_age: Duration,

    /// Configurations for which a built handler is kept; beyond it the one that was not used for longest is
    /// closed.
    #[arg(long, value_name = "HANDLERS", default_value_t = 100)]
    pub max_handlers: usize,

    /// A handler that was not used for so long is closed, unless it is the only one that is in use.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    pub handler_idle_timeout: Duration,

    /// How long calls are still taken after the process was asked to stop, while it says that it is not ready.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration)]
    pub drain_delay: Duration,

    /// How long running calls, and then handlers that send what they have buffered, may take in the end.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub shutdown_grace: Duration,

    /// Which log lines are written: off, error, warn, info, debug or trace, for single modules too
    /// (`info,h2=warn`).
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log_level: String,

    /// How log lines are written, to standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl ServeArgs {
    /// The same flags with an adapter's own port where no address was given.
    #[must_use]
    pub fn with_default_port(mut self, port: u16) -> Self {
        self.address.get_or_insert(ListenAddress::AnyHost(port));
        self.monitoring_address.get_or_insert(ListenAddress::AnyHost(port.saturating_add(100)));
        self
    }
}

impl Default for ServeArgs {
    /// What no flags at all mean, but on ports of the loopback interface that are free.
    fn default() -> Self {
        let free = ListenAddress::Tcp("127.0.0.1:0".to_owned());
        Self {
            address: Some(free.clone()),
            monitoring_address: Some(free),
            no_monitoring: false,
            max_message_size: 64 << 20,
            max_concurrent_calls: 1000,
            max_connection_age: Duration::from_secs(30 * 60),
            max_handlers: 100,
            handler_idle_timeout: Duration::from_secs(30 * 60),
            drain_delay: Duration::from_secs(3),
            shutdown_grace: Duration::from_secs(20),
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: mixer_attribute::Duration = text.parse().map_err(|error| format!("{error}"))?;
    duration.to_std().ok_or_else(|| "must not be negative".to_owned())
}
