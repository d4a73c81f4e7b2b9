//! The prometheus adapter as a process of its own.

use std::sync::Arc;

use clap::Parser;
use mixer_adapter_sdk::{ListenAddress, ServeArgs};
use mixer_prometheus_adapter::{DEFAULT_PORT, PrometheusAdapter};

/// Exposes metrics to Prometheus.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Args {
    /// Where Prometheus scrapes /metrics: `:port` or `host:port`.
    #[arg(long = "prometheusAddress", value_name = "ADDRESS", default_value_t = ListenAddress::AnyHost(DEFAULT_PORT))]
    prometheus_address: ListenAddress,

    #[command(flatten)]
    serve: ServeArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    mixer_adapter_sdk::init_logs(&args.serve.log_level, args.serve.log_format)?;
    let adapter = Arc::new(PrometheusAdapter::new(args.prometheus_address));
    adapter.open().await?;
    mixer_adapter_sdk::serve(adapter, args.serve.with_default_port(9070)).await?;
    Ok(())
}
