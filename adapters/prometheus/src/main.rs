//! The prometheus adapter as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use mixer_adapter_sdk::{AdapterArgs, ListenAddress};
use mixer_prometheus_adapter::DEFAULT_PORT;

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
    mixer_prometheus_adapter::process(args.prometheus_address).main_with(args.adapter)
}
