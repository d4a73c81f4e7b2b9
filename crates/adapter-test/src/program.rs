//! An adapter as a program: started on a free port, waited for, ended with its value.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mixer_harness::{Process, free_ports};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::error::TestError;

/// How long a program may take until it listens.
const START: Duration = Duration::from_secs(30);

/// How often it is tried meanwhile.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(OsString, OsString)>,
}

impl Program {
    /// A program that takes the flags of the SDK: it is told `--address=127.0.0.1:PORT --noMonitoring`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::bare(path).argument("--address={address}").argument("--noMonitoring")
    }

    /// A program that is told nothing; arguments say where `{address}` or `{port}` go.
    pub fn bare(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// The program of a package of the workspace in which the test runs, built by cargo in the test's profile; it is
    /// called like its package and takes the flags of the SDK.
    ///
    /// # Errors
    /// Cargo cannot build it.
    pub async fn of_package(package: &str) -> Result<Self, TestError> {
        let cannot = |message: String| TestError::Start(format!("package {package}: {message}"));
        let here = std::env::current_exe().map_err(|error| cannot(error.to_string()))?;
        // target/debug/deps/test
        let profile = here.ancestors().nth(2).unwrap_or(&here);
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--package", package, "--bins", "--target-dir"]);
        command.arg(profile.parent().unwrap_or(profile));
        if profile.ends_with("release") {
            command.arg("--release");
        }
        let status = command.status().await.map_err(|error| cannot(format!("cargo: {error}")))?;
        if !status.success() {
            return Err(cannot(format!("cargo cannot build it ({status})")));
        }
        Ok(Self::new(profile.join(package)))
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One more argument. `{address}` in it becomes the address on which to serve (`127.0.0.1:PORT`), `{port}`
    /// its port.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn environment(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    /// It cannot be started, it ends, or it does not listen within 30 seconds; the error has its last lines.
    pub async fn start(&self) -> Result<Running, TestError> {
        let cannot = |message: String| TestError::Start(message);
        let [port] = free_ports().map_err(|error| cannot(format!("no free port: {error}")))?;
        let address = format!("127.0.0.1:{port}");
        let folder = TempDir::new().map_err(|error| cannot(format!("no temporary folder: {error}")))?;
        let mut command = Command::new(&self.path);
        let port = port.to_string();
        command
            .args(self.arguments.iter().map(|a| a.replace("{address}", &address).replace("{port}", &port)));
        command.envs(self.environment.iter().cloned());
        let mut process = Process::start("adapter", command, folder.path())
            .map_err(|error| cannot(format!("{error:#}")))?;
        let listening = async {
            loop {
                process.still_running().map_err(|error| cannot(format!("{error:#}")))?;
                if TcpStream::connect(&address).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        };
        match tokio::time::timeout(START, listening).await {
            Ok(listens) => listens?,
            Err(_) => {
                let output = process.output();
                return Err(cannot(format!("nothing listens at {address} after {START:?}:\n{output}")));
            }
        }
        Ok(Running { process, address, _folder: folder })
    }
}

/// A running program, killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    address: String,
    _folder: TempDir,
}

impl Running {
    /// Where it serves gRPC.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has written to standard output and standard error.
    pub fn output(&self) -> String {
        self.process.output()
    }
}
