//! The adapter under test: its process, its configuration and its spool.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mixer_harness::{Process, free_ports};
use prost_types::Any;
use serde_json::json;

use super::messages::SAMPLE;
use crate::pushing;

/// The New Relic adapter as a process of its own.
pub(crate) struct Subject {
    folder: PathBuf,
    port: u16,
    monitoring: u16,
    backend: u16,
    ca_file: PathBuf,
    spool: bool,
    process: Process,
}

impl Subject {
    /// Starts it, with a spool or without.
    ///
    /// # Errors
    /// It does not become ready.
    pub(crate) async fn start(
        folder: &Path,
        backend: u16,
        ca_file: &Path,
        spool: bool,
    ) -> anyhow::Result<Self> {
        let [port, monitoring] = free_ports()?;
        let process = launch(folder, (port, monitoring), spool).await?;
        let (folder, ca_file) = (folder.to_path_buf(), ca_file.to_path_buf());
        Ok(Self { folder, port, monitoring, backend, ca_file, spool, process })
    }

    /// Where it takes calls.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What a handler of it would have as `adapter_config`.
    ///
    /// # Errors
    /// The adapter's descriptor does not fit.
    pub(crate) fn config(&self) -> anyhow::Result<Any> {
        let url = |path: &str| format!("https://127.0.0.1:{}/{path}/v1", self.backend);
        let params = json!({
            "namespace": "istio",
            "metrics": { SAMPLE: { "name": "request.total", "type": "COUNT" } },
            "apiKeyFile": self.folder.join("key"),
            "caFile": self.ca_file,
            "metricsUrl": url("metric"),
            "spansUrl": url("trace"),
            "logsUrl": url("log"),
            "clusterName": "soak",
        });
        pushing::config("newrelic", params)
    }

    /// Ends it without a chance to do anything, and starts it again on the same spool.
    ///
    /// # Errors
    /// It does not become ready again.
    pub(crate) async fn kill_and_start(&mut self) -> anyhow::Result<()> {
        self.process.kill().await?;
        self.process = launch(&self.folder, (self.port, self.monitoring), self.spool).await?;
        Ok(())
    }

    /// Its process id.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn pid(&mut self) -> anyhow::Result<u32> {
        self.process.still_running()?;
        self.process.id().context("a running process has an id")
    }

    /// Bytes on its disk.
    pub(crate) fn spool_bytes(&self) -> u64 {
        bytes_below(&self.folder.join("spool"))
    }

    /// Asks it to end, and waits for that: its exit code.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<Option<i32>> {
        let pid = i32::try_from(self.pid()?)?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process has an id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.process.wait().await
    }

    /// Its last lines.
    pub(crate) fn log(&self) -> String {
        let log = self.process.output();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

async fn launch(folder: &Path, ports: (u16, u16), spool: bool) -> anyhow::Result<Process> {
    let directory = folder.join("spool").display().to_string();
    let spool = ["--spoolDirectory", &directory].into_iter().filter(|_| spool);
    let args: Vec<_> = ["--reloadInterval", "1s"].into_iter().chain(spool).collect();
    pushing::launch("newrelic", folder, ports, &args, []).await
}

/// A file that is removed meanwhile has no bytes.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_below(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
