//! The memquota adapter as a process of its own.

use clap::Parser;
use mixer_adapter_sdk::ServeArgs;

/// Counts quotas in the memory of this process.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Args { serve } = Args::parse();
    mixer_adapter_sdk::serve(mixer_memquota_adapter::adapter(), serve.with_default_port(9074)).await?;
    Ok(())
}
