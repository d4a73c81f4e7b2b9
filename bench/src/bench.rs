//! What all workloads share: the programs, a folder for configurations and logs, and the echo server.

use std::path::PathBuf;

use anyhow::Context as _;
use mixer_harness::{Process, free_ports};
use tempfile::TempDir;
use tokio::process::Command;

use crate::comparison::Subject;
use crate::deployment::{Adapter, Deployment, Programs, Server};
use crate::load::Load;
use crate::options::Options;
use crate::relay;
use crate::traffic::Traffic;

/// A run of the benchmark.
pub(crate) struct Bench {
    /// The command line.
    pub(crate) options: Options,
    programs: Programs,
    folder: PathBuf,
    /// Removes the folder when nobody wants to keep it.
    _temporary: Option<TempDir>,
    /// Held so that it lives as long as the run.
    _echo: Process,
    echo_port: u16,
    echo_pid: u32,
}

impl Bench {
    /// Finds the programs and starts the echo server.
    ///
    /// # Errors
    /// A program is missing.
    pub(crate) fn start(options: Options) -> anyhow::Result<Self> {
        let programs = programs()?;
        let (folder, temporary) = match &options.folder {
            Some(folder) => (folder.canonicalize().context("--folder does not exist")?, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("mixer-bench-").tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        let [echo_port] = free_ports()?;
        let mut command = Command::new(&programs.bench);
        command.args(["--threads", &options.threads.to_string()]);
        command.args(["echo", "--port", &echo_port.to_string()]);
        let echo = Process::start("echo", command, &folder)?;
        let echo_pid = echo.id().context("the echo server ended at once")?;
        Ok(Self { options, programs, folder, _temporary: temporary, _echo: echo, echo_port, echo_pid })
    }

    /// Our server.
    pub(crate) fn ours(&self) -> Server {
        Server::Ours(self.programs.mixs.clone())
    }

    /// The original, when there is one.
    pub(crate) fn original(&self) -> Option<Server> {
        self.options.original.clone().map(Server::Original)
    }

    /// A path for the configuration and logs of one deployment, or for one file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Our Prometheus adapter, as a process of its own.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn adapter(&self) -> anyhow::Result<Adapter> {
        Adapter::ours(&self.programs.adapter, &self.folder).await
    }

    /// The original's, when there is one.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn original_adapter(&self) -> anyhow::Result<Option<Adapter>> {
        match &self.options.original_adapter {
            Some(program) => Ok(Some(Adapter::original(program, &self.folder).await?)),
            None => Ok(None),
        }
    }

    /// The echo of this traffic.
    ///
    /// # Errors
    /// The echo server does not answer.
    pub(crate) async fn echo(&self, traffic: &Traffic) -> anyhow::Result<Subject> {
        let load = Load::connect(self.echo_port, self.options.callers(), traffic.echo()).await?;
        Ok(Subject::calls(load, vec![self.echo_pid]))
    }

    /// Port of the echo server on loopback.
    pub(crate) fn echo_port(&self) -> u16 {
        self.echo_port
    }

    /// Process id of the echo server.
    pub(crate) fn echo_pid(&self) -> u32 {
        self.echo_pid
    }

    /// The transport of a message to another process and nothing else.
    pub(crate) fn relay(&self, message: PathBuf, bags: u64) -> Subject {
        let server = (self.echo_port, self.echo_pid);
        let callers = self.options.callers();
        Subject::relay(self.programs.bench.clone(), relay::Args::new(server, &message, bags, callers))
    }

    /// This traffic to a deployment.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn subject(
        &self,
        mut deployment: Deployment,
        traffic: Traffic,
    ) -> anyhow::Result<Subject> {
        let load = Load::connect(deployment.port, self.options.callers(), traffic).await?;
        Ok(Subject::calls(load, deployment.pids()?).of(deployment))
    }
}

/// The programs lie beside this one.
fn programs() -> anyhow::Result<Programs> {
    let bench = std::env::current_exe()?;
    let folder = bench.parent().context("the benchmark's own program has no folder")?;
    let beside = |name: &str| {
        let path = folder.join(name);
        anyhow::ensure!(path.is_file(), "{} is missing; build it with `cargo xtask bench`", path.display());
        Ok(path)
    };
    let (mixs, adapter) = (beside("mixs")?, beside("mixer-prometheus-adapter")?);
    Ok(Programs { bench, mixs, adapter })
}
