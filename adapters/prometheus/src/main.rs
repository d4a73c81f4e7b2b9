//! The prometheus adapter as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mixer_adapter_sdk::{AdapterArgs, ListenAddress, Process};
use mixer_prometheus_adapter::{DEFAULT_PORT, PrometheusAdapter};

/// Exposes metrics to Prometheus.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Args {
    /// Where Prometheus scrapes /metrics: `:port` or `host:port`.
    #[arg(long = "prometheusAddress", value_name = "ADDRESS", default_value_t = ListenAddress::AnyHost(DEFAULT_PORT))]
    prometheus_address: ListenAddress,

    #[command(flatten)]
    adapter: AdapterArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let adapter = Arc::new(PrometheusAdapter::new(args.prometheus_address));
    let opened = adapter.clone();
    Process::new(adapter)
        .default_port(9070)
        .example_params(include_str!("../example.yaml"))
        .on_start(|| async move { opened.open().await.map(drop) })
        .main_with(args.adapter)
}
