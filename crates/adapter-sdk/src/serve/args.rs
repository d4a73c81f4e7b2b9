//! The flags that every adapter process has.

use std::path::PathBuf;
use std::time::Duration;

use super::auth::AuthArgs;
#[cfg(feature = "delivery")]
use crate::delivery::spool::SpoolArgs;
use crate::templates::Variety;
use mixer_identity::TlsArgs;
use mixer_listen::ListenAddress;

/// Connections when the limit of open files is not known.
const SOME_CONNECTIONS: usize = 10_000;

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

    /// Where /metrics, /healthz, /readyz and /logging are served. By default 100 above the default port of gRPC.
    #[arg(long, value_name = "ADDRESS")]
    pub monitoring_address: Option<ListenAddress>,

    /// Serves no /metrics, /healthz, /readyz and /logging.
    #[arg(long)]
    pub no_monitoring: bool,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would take the place of the program's help text")]
    pub tls: TlsArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would take the place of the program's help text")]
    pub auth: AuthArgs,

    /// How often certificates and tokens are looked at for changes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub reload_interval: Duration,

    /// The longest request that is accepted, in bytes; a longer one is answered with RESOURCE_EXHAUSTED.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub max_message_size: usize,

    /// Calls that are handled at the same time; more are answered with RESOURCE_EXHAUSTED.
    #[arg(long, value_name = "CALLS", default_value_t = 1000)]
    pub max_concurrent_calls: usize,

    /// Bytes of requests that may be in memory at the same time; more are answered with RESOURCE_EXHAUSTED.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    pub max_buffered_bytes: usize,

    /// How long a request may take to arrive before it is answered with DEADLINE_EXCEEDED; 0 for as long as it likes.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub receive_timeout: Duration,

    /// Connections of gRPC clients at the same time; more are closed at once. By default three quarters of the files
    /// that the process may open.
    #[arg(long, value_name = "CONNECTIONS")]
    pub max_connections: Option<usize>,

    /// A connection on which nothing happened for so long is asked whether it is still there; 0 for never.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub keepalive_interval: Duration,

    /// A connection that does not answer that question for so long is closed.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub keepalive_timeout: Duration,

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

    /// For how long a call with the same dedup_id is answered as the first one was; 0 for never. Only calls of
    /// --dedupVarieties.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub dedup_window: Duration,

    /// Answers that are kept for repeated calls; beyond it the oldest is forgotten.
    #[arg(long, value_name = "ANSWERS", default_value_t = 65_536)]
    pub dedup_entries: usize,

    /// Varieties of templates whose calls are recognized when they come again.
    #[arg(long, value_name = "VARIETIES", value_enum, value_delimiter = ',', default_values_t = DEDUP_VARIETIES)]
    pub dedup_varieties: Vec<Variety>,

    /// Says so in the log when no call has come for so long: once, then after twice the time, and so on; 0 for never.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub quiet_warning: Duration,

    /// How long calls are still taken after the process was asked to stop, while it says that it is not ready.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration)]
    pub drain_delay: Duration,

    /// How long running calls, and then handlers that send what they have buffered, may take in the end.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub shutdown_grace: Duration,

    #[cfg(feature = "delivery")]
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would take the place of the program's help text")]
    pub spool: SpoolArgs,

    /// Which log lines are written: off, error, warn, info, debug or trace, for single modules too
    /// (`info,h2=warn`).
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log_level: String,

    /// How log lines are written, to standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Calls no handler: prints the instances that come as lines of JSON, to standard output or to a file, and lets
    /// everything pass.
    #[arg(long, visible_alias = "dry-run", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub dry_run: Option<Option<PathBuf>>,

    /// Serves nothing: builds a handler of --params, lets it check its backend, says what came of it, and ends with 0
    /// when all is well.
    #[arg(long, visible_alias = "self-test", conflicts_with = "dry_run")]
    pub self_test: bool,

    /// The configuration for --selfTest: a file with the `params` of a handler, YAML or JSON.
    #[arg(long, value_name = "FILE", requires = "self_test")]
    pub params: Option<PathBuf>,
}

/// What is recognized when it comes again, unless a flag says otherwise.
const DEDUP_VARIETIES: [Variety; 3] = [Variety::Check, Variety::Quota, Variety::CheckWithOutput];

impl ServeArgs {
    /// The same flags with an adapter's own port where no address was given.
    #[must_use]
    pub fn with_default_port(mut self, port: u16) -> Self {
        self.address.get_or_insert(ListenAddress::AnyHost(port));
        self.monitoring_address.get_or_insert(ListenAddress::AnyHost(port.saturating_add(100)));
        self
    }

    /// How many connections there may be.
    pub(super) fn connections(&self) -> usize {
        let by_files = || {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
            limit
                .and_then(|files| usize::try_from(files).ok())
                .map_or(SOME_CONNECTIONS, |files| files / 4 * 3)
        };
        self.max_connections.unwrap_or_else(by_files).max(1)
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
            tls: TlsArgs::default(),
            auth: AuthArgs::default(),
            reload_interval: Duration::from_secs(10),
            max_message_size: 64 << 20,
            max_buffered_bytes: 256 << 20,
            receive_timeout: Duration::from_secs(30),
            max_connections: None,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            dedup_window: Duration::from_secs(10),
            dedup_entries: 65_536,
            dedup_varieties: DEDUP_VARIETIES.to_vec(),
            quiet_warning: Duration::from_secs(5 * 60),
            dry_run: None,
            self_test: false,
            params: None,
            max_concurrent_calls: 1000,
            max_connection_age: Duration::from_secs(30 * 60),
            max_handlers: 100,
            handler_idle_timeout: Duration::from_secs(30 * 60),
            drain_delay: Duration::from_secs(3),
            shutdown_grace: Duration::from_secs(20),
            #[cfg(feature = "delivery")]
            spool: SpoolArgs::default(),
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: mixer_attribute::Duration = text.parse().map_err(|error| format!("{error}"))?;
    duration.to_std().ok_or_else(|| "must not be negative".to_owned())
}
