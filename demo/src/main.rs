//! The whole system, once, with real parts: two HTTP backends, stock Envoy, `mixs`, the Prometheus adapter as its
//! own process, Debian's Prometheus. A bounded load goes through Envoy; at the end the number of requests sent, of
//! access log entries received and of requests counted in Prometheus must be the same.
#![expect(clippy::print_stdout, reason = "the demo talks to the person who runs it")]

mod backend;
mod envoy;
mod load;
mod metrics;
mod mixer;
mod prometheus;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;

use mixer_harness::{Process, free_ports, wait_ok};

/// Runs the whole system on a bounded load and compares the numbers.
#[derive(Parser)]
#[command(name = "mixer-demo")]
struct Args {
    /// Requests that are allowed.
    #[arg(long, default_value_t = 900)]
    requests: u64,
    /// Requests to the route that a rule denies.
    #[arg(long, default_value_t = 100)]
    denied: u64,
    /// Requests in flight.
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// Leave everything running until Ctrl-C and print the addresses.
    #[arg(long)]
    keep: bool,
    /// Envoy.
    #[arg(long, env = "MIXER_ENVOY", default_value = "envoy")]
    envoy: PathBuf,
    /// Prometheus.
    #[arg(long, env = "MIXER_PROMETHEUS", default_value = "prometheus")]
    prometheus: PathBuf,
}

/// Where everything listens; all on loopback.
struct Ports {
    backends: [u16; 2],
    envoy: u16,
    envoy_admin: u16,
    mixer: u16,
    mixer_admin: u16,
    adapter: u16,
    adapter_admin: u16,
    scrape: u16,
    prometheus: u16,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            result = run(&args) => result,
            signal = interrupted() => Err(signal),
        }
    })
}

/// Ends with an error when the demo is told to stop, so that everything it started is dropped and killed.
async fn interrupted() -> anyhow::Error {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return anyhow::anyhow!("cannot listen for signals");
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    anyhow::anyhow!("stopped by a signal; everything that was started has been ended")
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("mixer-demo-").tempdir()?;
    let ports = ports()?;
    let _backends =
        [backend::serve("one", ports.backends[0]).await?, backend::serve("two", ports.backends[1]).await?];
    let mut processes = start(args, folder.path(), &ports).await?;
    println!("everything is up; sending {} requests through Envoy", args.requests + args.denied);
    let sent = load::run(args, ports.envoy).await?;
    let found = metrics::settle(&ports, sent.total()).await;
    for process in &mut processes {
        process.still_running()?;
    }
    let outcome = report::print(&sent, &found?);
    if args.keep {
        keep(&ports, folder.path()).await;
    }
    outcome
}

async fn start(args: &Args, folder: &Path, ports: &Ports) -> anyhow::Result<Vec<Process>> {
    let bin =
        std::env::current_exe()?.parent().context("the demo's own program has no folder")?.to_path_buf();
    let config = mixer::write_configuration(folder, ports)?;
    let adapter = Process::start("adapter", mixer::adapter_command(&bin, ports), folder)?;
    let mixs = Process::start("mixs", mixer::server_command(&bin, &config, ports), folder)?;
    let mut processes = vec![adapter, mixs];
    wait_ok(ports.mixer_admin, "/readyz", &mut processes).await?;
    wait_ok(ports.adapter_admin, "/readyz", &mut processes).await?;
    processes.push(Process::start("envoy", envoy::command(&args.envoy, folder, ports)?, folder)?);
    wait_ok(ports.envoy_admin, "/ready", &mut processes).await?;
    processes.push(Process::start(
        "prometheus",
        prometheus::command(&args.prometheus, folder, ports)?,
        folder,
    )?);
    wait_ok(ports.prometheus, "/-/ready", &mut processes).await?;
    Ok(processes)
}

fn ports() -> anyhow::Result<Ports> {
    let [one, two, envoy, envoy_admin, mixer, mixer_admin, adapter, adapter_admin, scrape, prometheus] =
        free_ports()?;
    let backends = [one, two];
    Ok(Ports { backends, envoy, envoy_admin, mixer, mixer_admin, adapter, adapter_admin, scrape, prometheus })
}

async fn keep(ports: &Ports, folder: &Path) {
    println!("\nleft running until Ctrl-C (logs and configuration in {}):", folder.display());
    println!(
        "  through Envoy       http://127.0.0.1:{}/  and the denied route {}",
        ports.envoy,
        mixer::DENIED_PATH
    );
    println!("  Envoy's admin page  http://127.0.0.1:{}/", ports.envoy_admin);
    println!("  mixs, gRPC          127.0.0.1:{}", ports.mixer);
    println!("  mixs, metrics       http://127.0.0.1:{}/metrics", ports.mixer_admin);
    println!("  adapter's series    http://127.0.0.1:{}/metrics", ports.scrape);
    println!(
        "  Prometheus          http://127.0.0.1:{}/graph?g0.expr=istio_requests_total",
        ports.prometheus
    );
    std::future::pending::<()>().await;
}
