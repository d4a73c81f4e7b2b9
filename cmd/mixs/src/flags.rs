//! The flags of `mixs server`, as written. What they mean is decided once, in [`crate::plan`].

mod ignored;
mod kube;
mod logging;

pub(crate) use ignored::IgnoredFlags;
pub(crate) use kube::KubeFlags;
pub(crate) use logging::{Level, LogFlags, LogTarget, ScopeLevels};

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use mixer_adapters::SpoolArgs;
use mixer_identity::TlsArgs;
use mixer_listen::ListenAddress;

/// Go's way to write a duration: `2m0s`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration: mixer_attribute::Duration = text.parse().map_err(|error| format!("{error}"))?;
    duration.to_std().ok_or_else(|| format!("{text:?} is negative"))
}

fn address(text: &str) -> Result<ListenAddress, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// `--flags` of the server. Names and defaults are those of the original unless the help says otherwise.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_line_help = false)]
pub(crate) struct ServerFlags {
    /// TCP port of the gRPC API on all interfaces, unless --address is given.
    #[arg(short, long, default_value_t = 9091)]
    pub(crate) port: u16,
    /// Address of the gRPC API: tcp://host:port, host:port or unix:///path/to/file.
    #[arg(long, value_parser = address)]
    pub(crate) address: Option<ListenAddress>,
    /// HTTP port of metrics, probes and version on all interfaces, unless --monitoringAddress is given.
    #[arg(long, default_value_t = 15014)]
    pub(crate) monitoring_port: u16,
    /// Address of metrics, probes and version: host:port.
    #[arg(long, value_parser = address)]
    pub(crate) monitoring_address: Option<ListenAddress>,
    /// Where the hosted prometheus adapter serves its metrics: host:port. It listens once a handler uses it.
    #[arg(long, default_value = "[::]:42422")]
    pub(crate) prometheus_address: std::net::SocketAddr,
    /// Longest gRPC message that is taken, in bytes.
    #[arg(long, default_value_t = 1_048_576, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_message_size: u32,
    /// Calls that may run at once on one connection.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_concurrent_streams: u32,
    /// Age at which a connection is closed in an orderly way, so that clients spread over new replicas; 0s for never.
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub(crate) max_connection_age: Duration,
    /// One thread answers all requests (for debugging).
    #[arg(long, default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) single_threaded: bool,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
    #[command(flatten)]
    pub(crate) kube: KubeFlags,
    #[command(flatten)]
    pub(crate) probes: ProbeFlags,
    #[command(flatten)]
    pub(crate) stop: StopFlags,
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
    #[command(flatten)]
    pub(crate) shedding: SheddingFlags,
    #[command(flatten)]
    pub(crate) ignored: IgnoredFlags,
}

/// Where configuration comes from and how it is read.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_help_heading = "Configuration")]
pub(crate) struct ConfigFlags {
    /// Where configuration is: fs:///absolute/directory, or k8s:// with the path of a kubeconfig and ?ns=A,B behind it,
    /// both optional. Without it: the cluster's when running in one, else the built-in set.
    #[arg(long = "configStoreURL", default_value = "")]
    pub(crate) config_store_url: String,
    /// Namespace whose rules apply to every request.
    #[arg(long, default_value = "istio-system")]
    pub(crate) config_default_namespace: String,
    /// Read the kinds named after adapters, such as `kind: prometheus`.
    #[arg(long = "useAdapterCRDs", default_value = "true", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) use_adapter_crds: bool,
    /// Read the kinds named after templates, such as `kind: metric`.
    #[arg(long = "useTemplateCRDs", default_value = "true", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) use_template_crds: bool,
    /// How long start-up waits for the first configuration.
    #[arg(long, default_value = "2m0s", value_parser = duration)]
    pub(crate) config_wait_timeout: Duration,
    /// Give the original's answers where ours differ by design.
    #[arg(long)]
    pub(crate) compat: Option<Compat>,
    /// Refuse a quota that is not configured, instead of granting it in full.
    #[arg(long, default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) strict_quota: bool,
}

/// Versions whose answers can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    /// Mixer of Istio 1.3.
    #[value(name = "istio-1.3")]
    Istio13,
}

/// Probe files.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_help_heading = "Probe files")]
pub(crate) struct ProbeFlags {
    /// File that is kept fresh while the server lives; --livenessProbeInterval is needed too.
    #[arg(long)]
    pub(crate) liveness_probe_path: Option<PathBuf>,
    /// An older file means that the server is dead.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub(crate) liveness_probe_interval: Duration,
    /// File that is kept fresh while the server is ready; --readinessProbeInterval is needed too.
    #[arg(long)]
    pub(crate) readiness_probe_path: Option<PathBuf>,
    /// An older file means that the server is not ready.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub(crate) readiness_probe_interval: Duration,
}

/// The way to the end.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_help_heading = "Stopping")]
pub(crate) struct StopFlags {
    /// After SIGTERM or SIGINT: how long the server is not ready but still takes connections. A second signal ends
    /// this time.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub(crate) drain_duration: Duration,
    /// After that: how long running calls and buffered telemetry may take before they are cut off.
    #[arg(long, default_value = "20s", value_parser = duration)]
    pub(crate) termination_drain_duration: Duration,
}

/// Load shedding.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_help_heading = "Load shedding")]
pub(crate) struct SheddingFlags {
    /// What happens to a request beyond the limits below.
    #[arg(long = "loadsheddingMode", default_value = "disabled")]
    pub(crate) mode: SheddingMode,
    /// Too much is: an average response time of this or more. 0s means no limit.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub(crate) average_latency_threshold: Duration,
    /// Response times per second that go into the average.
    #[arg(long, default_value_t = f64::MAX, hide_default_value = true)]
    pub(crate) latency_samples_per_second: f64,
    /// After this time a response time counts half.
    #[arg(long = "latencySampleHalflife", default_value = "1s", value_parser = duration)]
    pub(crate) latency_sample_half_life: Duration,
    /// Requests per second that are taken whatever the response time.
    #[arg(long, default_value_t = 100.0)]
    pub(crate) latency_enforcement_threshold: f64,
    /// Too much is: more requests (checks and report bags) per second. 0 means no limit.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) max_requests_per_second: f64,
    /// Requests that may come at once under --maxRequestsPerSecond. 0 means one second's worth.
    #[arg(long, default_value_t = 0)]
    pub(crate) burst_size: u64,
}

/// What happens to a request that is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum SheddingMode {
    /// Limits are not looked at.
    Disabled,
    /// It is taken; a log line and a counter say that it would not have been.
    LogOnly,
    /// It is refused.
    Enforce,
}

#[cfg(test)]
mod tests;
