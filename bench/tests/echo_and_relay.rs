//! The yardsticks as processes: an echo server, and a relay that calls it and reports a sample of both.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use mixer_harness::{Process, free_ports};
use tokio::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mixer-bench");

#[tokio::test]
async fn a_relay_counts_calls_bags_and_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let [port] = free_ports().unwrap();
    let echo = start_echo(port, folder.path());
    let message = folder.path().join("message");
    std::fs::write(&message, vec![7; 300_000]).unwrap();
    let mut relay = Command::new(PROGRAM);
    relay.arg("relay").arg("--message").arg(&message);
    relay.args(["--port", &port.to_string(), "--server", &echo.id().unwrap().to_string()]);
    relay.args(["--bags", "100", "--callers", "2", "--seconds", "0.2"]);
    let output = relay.output().await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let sample: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let calls = sample["calls"].as_u64().unwrap();
    assert!(calls > 0, "{sample}");
    assert_eq!(sample["bags"].as_u64().unwrap(), calls * 100, "{sample}");
    let cpu = sample["cpu"].as_array().unwrap();
    let used =
        |process: &serde_json::Value| process["secs"].as_u64().unwrap() + process["nanos"].as_u64().unwrap();
    assert!(cpu.len() == 2 && cpu.iter().all(|process| used(process) > 0), "client and server: {sample}");
}

#[tokio::test]
async fn a_relay_without_message_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let mut relay = Command::new(PROGRAM);
    relay.arg("relay").arg("--message").arg(&missing).args(["--port", "1", "--server", "1"]);
    relay.args(["--bags", "1", "--callers", "1", "--seconds", "0.1"]);
    let output = relay.output().await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("missing"), "{error}");
}

fn start_echo(port: u16, folder: &Path) -> Process {
    let mut command = Command::new(PROGRAM);
    command.args(["--threads", "1", "echo", "--port", &port.to_string()]);
    Process::start("echo", command, folder).unwrap()
}
