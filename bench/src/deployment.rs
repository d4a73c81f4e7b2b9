//! A server with its configuration and, where there is one, its adapter: started, found ready, and asked afterwards
//! how many requests it has counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mixer_harness::{Process, client, free_ports, get, sum_samples, wait_ok};
use serde_json::Value;
use tokio::process::Command;

use crate::configuration;

/// Where the original always exposes what its hosted Prometheus adapter has counted.
const ORIGINAL_SCRAPE_PORT: u16 = 42422;

/// Programs that can be measured.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// This one.
    pub(crate) bench: PathBuf,
    /// The server.
    pub(crate) mixs: PathBuf,
    /// The Prometheus adapter as a process of its own.
    pub(crate) adapter: PathBuf,
}

/// Which server.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// Ours.
    Ours(PathBuf),
    /// That of Istio 1.3.
    Original(PathBuf),
}

/// The Prometheus adapter as a process of its own.
#[derive(Debug)]
pub(crate) struct Adapter {
    process: Process,
    /// Its gRPC port.
    pub(crate) port: u16,
    scrape: u16,
}

impl Adapter {
    /// Starts ours.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn ours(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let [port, admin, scrape] = free_ports()?;
        let mut command = Command::new(program);
        for (flag, port) in
            [("--address", port), ("--monitoringAddress", admin), ("--prometheusAddress", scrape)]
        {
            command.arg(flag).arg(format!("127.0.0.1:{port}"));
        }
        let process = Process::start("adapter", command, folder)?;
        let mut processes = [process];
        wait_ok(admin, "/readyz", &mut processes).await?;
        let [process] = processes;
        Ok(Self { process, port, scrape })
    }

    /// Starts the sample of Istio 1.3.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn original(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let [port, scrape] = free_ports()?;
        let mut command = Command::new(program);
        command.arg("--port").arg(port.to_string()).arg("--prometheusport").arg(scrape.to_string());
        let process = Process::start("original-adapter", command, folder)?;
        let mut processes = [process];
        wait_ok(scrape, "/metrics", &mut processes).await?;
        let [process] = processes;
        Ok(Self { process, port, scrape })
    }
}

/// Everything that answers the calls of a workload.
#[derive(Debug)]
pub(crate) struct Deployment {
    processes: Vec<Process>,
    /// Port of the Mixer API on loopback.
    pub(crate) port: u16,
    scrape: u16,
    /// From the start of the server until it was ready.
    pub(crate) ready_after: Duration,
}

impl Deployment {
    /// Starts a server with these resources. The folder must not exist yet.
    ///
    /// # Errors
    /// It does not become ready.
    pub(crate) async fn start(
        server: &Server,
        resources: &[Value],
        adapter: Option<Adapter>,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let config = folder.join("config");
        configuration::write(&config, resources)?;
        let [port, admin, hosted] = free_ports()?;
        let (mut command, ready, hosted) = match server {
            Server::Ours(program) => (Command::new(program), "/readyz", hosted),
            Server::Original(program) => (Command::new(program), "/version", ORIGINAL_SCRAPE_PORT),
        };
        command.arg("server").arg("--configStoreURL").arg(format!("fs://{}", config.display()));
        command.arg("--address").arg(format!("tcp://127.0.0.1:{port}"));
        match server {
            Server::Ours(_) => {
                command.arg("--monitoringAddress").arg(format!("127.0.0.1:{admin}"));
                command.arg("--prometheusAddress").arg(format!("127.0.0.1:{hosted}"));
            }
            Server::Original(_) => {
                let [introspection] = free_ports()?;
                command.arg("--monitoringPort").arg(admin.to_string());
                command.arg("--ctrlz_port").arg(introspection.to_string());
                command.args(["--useAdapterCRDs=false", "--useTemplateCRDs=false"]);
            }
        }
        let start = Instant::now();
        let mut processes = vec![Process::start("mixs", command, folder)?];
        wait_ok(admin, ready, &mut processes).await?;
        let ready_after = start.elapsed();
        let scrape = adapter.as_ref().map_or(hosted, |adapter| adapter.scrape);
        processes.extend(adapter.map(|adapter| adapter.process));
        Ok(Self { processes, port, scrape, ready_after })
    }

    /// The processes whose CPU counts; the server is the first.
    ///
    /// # Errors
    /// One of them has ended.
    pub(crate) fn pids(&mut self) -> anyhow::Result<Vec<u32>> {
        self.processes
            .iter_mut()
            .map(|process| {
                process.still_running()?;
                process.id().context("a running process has an id")
            })
            .collect()
    }

    /// How many requests, and how many kinds of them, the Prometheus adapter has counted.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(crate) async fn counted(&self) -> anyhow::Result<Counted> {
        let (status, text) = get(&client(), self.scrape, "/metrics").await?;
        anyhow::ensure!(status == 200, "127.0.0.1:{}/metrics answers {status}", self.scrape);
        Ok(Counted::of(&text))
    }
}

/// What an exposition says about requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    /// `istio_requests_total`.
    pub(crate) requests: f64,
    /// `istio_request_duration_seconds_count`.
    pub(crate) durations: f64,
    /// Series of `istio_requests_total`.
    pub(crate) series: usize,
}

impl Counted {
    fn of(exposition: &str) -> Self {
        Self {
            requests: sum_samples(exposition, "istio_requests_total", ""),
            durations: sum_samples(exposition, "istio_request_duration_seconds_count", ""),
            series: exposition.lines().filter(|line| line.starts_with("istio_requests_total{")).count(),
        }
    }

    /// Compares with what was sent.
    ///
    /// # Errors
    /// It is not the same.
    pub(crate) fn expect(self, bags: u64) -> anyhow::Result<()> {
        let expected = bags as f64;
        anyhow::ensure!(
            self.requests == expected && self.durations == expected,
            "{bags} bags were answered, but istio_requests_total is {} and \
             istio_request_duration_seconds_count {}; look for dropped instances in the server's log",
            self.requests,
            self.durations
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
