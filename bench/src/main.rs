//! The benchmark: what `mixs` and its adapters cost beside a bare tonic echo of the same bytes, measured in turn in
//! one run, because only ratios of one run mean anything. CPU is what the kernel counted for the server processes,
//! divided by the attribute bags that they answered; every answer is looked at, and every bag must be found in the
//! counters afterwards.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who runs it")]

mod attributes;
mod bench;
mod capture;
mod comparison;
mod configuration;
mod deployment;
mod echo;
mod load;
mod newrelic;
mod options;
mod outcome;
mod pushing;
mod relay;
mod soak;
mod statistics;
mod traffic;
mod usage;
mod workloads;

use clap::Parser;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::bench::Bench;
use crate::options::Options;

/// Measures mixs and its adapters beside a bare gRPC echo of the same bytes.
#[derive(Parser, Debug)]
#[command(name = "mixer-bench", subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

/// Parts that the benchmark starts as processes of their own.
#[derive(clap::Subcommand, Debug)]
enum Part {
    /// The server that sends back what it gets.
    Echo(echo::Args),
    /// The client of it that only moves bytes.
    Relay(relay::Args),
    /// Ten minutes of load on the New Relic adapter, with everything that can go wrong.
    Soak(soak::Args),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = Builder::new_multi_thread().worker_threads(cli.options.threads).enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            result = run(cli) => result,
            stopped = stopped() => Err(stopped),
        }
    })
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.part {
        Some(Part::Echo(args)) => echo::run(&args).await,
        Some(Part::Relay(args)) => {
            println!("{}", serde_json::to_string(&relay::run(&args).await?)?);
            Ok(())
        }
        Some(Part::Soak(args)) => {
            println!("{}", soak::run(&args).await?);
            Ok(())
        }
        None => measure(cli.options).await,
    }
}

async fn measure(options: Options) -> anyhow::Result<()> {
    let json = options.json;
    let bench = Bench::start(options)?;
    let outcome = workloads::run(&bench, |name| eprintln!("measuring {name} …")).await?;
    if json {
        eprintln!("\n{}", outcome.table());
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        println!("\n{}", outcome.table());
    }
    Ok(())
}

/// Ends with an error when the benchmark is told to stop, so that everything it started is dropped and killed.
async fn stopped() -> anyhow::Error {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return anyhow::anyhow!("cannot listen for signals");
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    anyhow::anyhow!("stopped by a signal; everything that was started has been ended")
}
