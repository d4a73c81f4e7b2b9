//! `mixs probe`: asks whether a server is well, through its probe file or its gRPC health service. For platforms
//! whose probes run a command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use clap::Args;
use mixer_identity::DialArgs;
use mixer_server::health_client;
use mixer_server::probe_file::ProbeFile;

use crate::flags::duration;

/// Flags of `mixs probe`.
#[derive(Args, Debug)]
pub(crate) struct ProbeArgs {
    /// The file that the server keeps (--livenessProbePath or --readinessProbePath).
    #[arg(long = "probe-path", requires = "interval", required_unless_present = "address")]
    probe_path: Option<PathBuf>,
    /// How old the file may be: what the server was given as interval.
    #[arg(long, value_parser = duration)]
    interval: Option<Duration>,
    /// Ask the gRPC health service at this address (host:port or unix:///path) instead.
    #[arg(long, conflicts_with_all = ["probe_path", "interval"])]
    address: Option<String>,
    /// How long --address waits for an answer.
    #[arg(long, default_value = "1s", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    tls: DialArgs,
}

/// Says `OK`, or fails.
///
/// # Errors
/// The server is not well, or cannot be asked.
pub(crate) fn run(args: ProbeArgs) -> anyhow::Result<ExitCode> {
    if args.tls.tls && args.address.is_none() {
        bail!("--tls is for --address; a file has no connection");
    }
    match (args.probe_path, args.interval, args.address) {
        (Some(path), Some(interval), _) => {
            if interval.is_zero() {
                bail!("--interval must be more than zero: it is how old the file may be");
            }
            let file = ProbeFile { path, interval };
            let path = file.path.display();
            file.check(SystemTime::now()).with_context(|| format!("fail on inspecting path {path}"))?;
        }
        (_, _, Some(address)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(ask(&address, &args.tls, args.timeout))?;
        }
        _ => bail!("give --probe-path and --interval, or --address"),
    }
    writeln!(std::io::stdout(), "OK")?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(address: &str, tls: &DialArgs, timeout: Duration) -> anyhow::Result<()> {
    let host = match address.strip_prefix("tcp://").unwrap_or(address).rsplit_once(':') {
        Some((host, _)) if !address.starts_with("unix:") => host.trim_matches(['[', ']']),
        _ => "",
    };
    match tls.plan(host, "--address")? {
        Some(dial) => health_client::check_tls(address, &dial.client("the probe").await?, timeout).await?,
        None => health_client::check(address, timeout).await?,
    }
    Ok(())
}
