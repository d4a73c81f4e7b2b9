//! Rotel, a collector of OpenTelemetry, as a counterpart that passes on what it takes.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::{Process, free_ports};

/// How long the collector may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A running collector.
#[derive(Debug)]
pub struct Rotel {
    /// The process.
    pub process: Process,
    ports: [u16; 2],
}

/// Starts this program, which passes on by OTLP over HTTP what it takes, and waits until it can be reached.
///
/// # Errors
/// It does not come up.
pub async fn rotel(program: &Path, behind: &str, logs: &Path) -> anyhow::Result<Rotel> {
    let ports = free_ports::<2>()?;
    let [http, grpc] = ports;
    let mut command = Command::new(program);
    command.arg("start").args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
    command.args(["--otlp-exporter-endpoint", behind, "--batch-timeout", "100ms"]);
    command.args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"]);
    command.arg("--otlp-http-endpoint").arg(format!("127.0.0.1:{http}"));
    command.arg("--otlp-grpc-endpoint").arg(format!("127.0.0.1:{grpc}"));
    let mut rotel = Rotel { process: Process::start("rotel", command, logs)?, ports };
    let connected = async {
        for port in ports {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                rotel.process.still_running()?;
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, connected).await.context("Rotel does not come up")??;
    Ok(rotel)
}

impl Rotel {
    /// Where it takes OTLP over HTTP.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Where it takes OTLP over gRPC.
    pub fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }
}
