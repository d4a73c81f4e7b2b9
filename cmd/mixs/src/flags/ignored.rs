//! Flags of the original that mean nothing here. They are accepted, so that a command line written for the original
//! works, and each that is given is named in one warning.

use clap::Args;

/// Accepted and without effect; the help lists them under a heading of their own.
#[derive(Args, Clone, Debug, Default)]
#[command(rename_all = "camelCase", next_help_heading = "Accepted for compatibility, without effect")]
pub(crate) struct IgnoredFlags {
    /// Dispatch needs no pool of workers.
    #[arg(long, value_name = "N")]
    api_worker_pool_size: Option<i64>,
    /// Adapters need no pool of workers.
    #[arg(long, value_name = "N")]
    adapter_worker_pool_size: Option<i64>,
    /// There is no check cache in the server; proxies have one.
    #[arg(long, value_name = "N")]
    num_check_cache_entries: Option<i64>,
    /// There is no pprof.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    profile: Option<bool>,
    /// Namespaces of adapter informers.
    #[arg(long, value_name = "LIST")]
    namespaces: Option<String>,
    /// Client certificate of mcps:// stores.
    #[arg(long, value_name = "PATH")]
    cert_file: Option<String>,
    /// Client key of mcps:// stores.
    #[arg(long, value_name = "PATH")]
    key_file: Option<String>,
    /// Certificate authority of mcps:// stores.
    #[arg(long, value_name = "PATH")]
    ca_cert_file: Option<String>,
    /// There is no ControlZ; see the monitoring port.
    #[arg(long = "ctrlz_address", value_name = "HOST")]
    ctrlz_address: Option<String>,
    /// There is no ControlZ; see the monitoring port.
    #[arg(long = "ctrlz_port", value_name = "PORT")]
    ctrlz_port: Option<u16>,
    /// Spans are not sent.
    #[arg(long = "trace_zipkin_url", value_name = "URL")]
    trace_zipkin_url: Option<String>,
    /// Spans are not sent.
    #[arg(long = "trace_jaeger_url", value_name = "URL")]
    trace_jaeger_url: Option<String>,
    /// Spans are not logged.
    #[arg(long = "trace_log_spans", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    trace_log_spans: Option<bool>,
    /// Spans are not sent.
    #[arg(long = "trace_sampling_rate", value_name = "RATE")]
    trace_sampling_rate: Option<f64>,
}

impl IgnoredFlags {
    /// The flags that were given, as written.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let flags = [
            (self.api_worker_pool_size.is_some(), "--apiWorkerPoolSize"),
            (self.adapter_worker_pool_size.is_some(), "--adapterWorkerPoolSize"),
            (self.num_check_cache_entries.is_some(), "--numCheckCacheEntries"),
            (self.profile.is_some(), "--profile"),
            (self.namespaces.is_some(), "--namespaces"),
            (self.cert_file.is_some(), "--certFile"),
            (self.key_file.is_some(), "--keyFile"),
            (self.ca_cert_file.is_some(), "--caCertFile"),
            (self.ctrlz_address.is_some(), "--ctrlz_address"),
            (self.ctrlz_port.is_some(), "--ctrlz_port"),
            (self.trace_zipkin_url.is_some(), "--trace_zipkin_url"),
            (self.trace_jaeger_url.is_some(), "--trace_jaeger_url"),
            (self.trace_log_spans.is_some(), "--trace_log_spans"),
            (self.trace_sampling_rate.is_some(), "--trace_sampling_rate"),
        ];
        flags.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect()
    }
}
