//! What moving bytes to another process costs when nobody looks at them: a tonic client in a process of its own that
//! sends one message again and again to the echo server, and reports the CPU of both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;

use crate::load::{Callers, Load, Sample};
use crate::traffic::Traffic;

/// The connection and its windows are warm after this.
const WARM_UP: Duration = Duration::from_millis(300);

/// Options of `mixer-bench relay`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Port of the server on loopback.
    #[arg(long)]
    port: u16,
    /// Process id of the server.
    #[arg(long)]
    server: u32,
    /// File with the message.
    #[arg(long)]
    message: PathBuf,
    /// How many bags the message stands for.
    #[arg(long)]
    bags: u64,
    /// Calls in flight.
    #[arg(long)]
    callers: usize,
    /// How long.
    #[arg(long)]
    seconds: f64,
}

impl Args {
    /// The options of a relay of this message to this server.
    pub(crate) fn new((port, server): (u16, u32), message: &Path, bags: u64, callers: Callers) -> Self {
        let callers = callers.callers;
        Self { port, server, message: message.to_path_buf(), bags, callers, seconds: 0.0 }
    }

    /// Starts the process, for this long, and takes its result.
    ///
    /// # Errors
    /// It fails.
    pub(crate) async fn start(&self, program: &Path, time: Duration) -> anyhow::Result<Sample> {
        let mut command = Command::new(program);
        command.arg("relay").arg("--message").arg(&self.message).kill_on_drop(true);
        let numbers = [
            ("--port", self.port.to_string()),
            ("--server", self.server.to_string()),
            ("--bags", self.bags.to_string()),
            ("--callers", self.callers.to_string()),
            ("--seconds", time.as_secs_f64().to_string()),
        ];
        for (name, value) in numbers {
            command.args([name, &value]);
        }
        let output = command.output().await.context("cannot start the relay")?;
        let error = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "the relay failed ({}): {error}", output.status);
        serde_json::from_slice(&output.stdout).context("the relay did not print a sample")
    }
}

/// Calls, and says what itself and the server needed.
///
/// # Errors
/// A call fails.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Sample> {
    let unreadable = || format!("cannot read {}", args.message.display());
    let message = tokio::fs::read(&args.message).await.with_context(unreadable)?;
    // An adapter is reached over one connection.
    let callers = Callers { callers: args.callers, connections: 1 };
    let load = Load::connect(args.port, callers, Traffic::one_way(message.into(), args.bags)).await?;
    load.run_for(WARM_UP).await?;
    load.measure(Duration::from_secs_f64(args.seconds), &[std::process::id(), args.server]).await
}
