//! The port of a process that may open few files, with more clients than that: it serves on, and stays small.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::process::Stdio;

use mixer_proto::template::checknothing::HandleCheckNothingRequest;
use mixer_rpc::template::checknothing::handle_check_nothing_service_client::HandleCheckNothingServiceClient;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Files that the process may open.
const FILES: usize = 64;

/// Clients that come at once where those beyond the limit are closed.
const CLIENTS: usize = 300;

/// Clients that come at once where those beyond the limit wait: the kernel lets no more than 128 wait in some places.
const WAITING_CLIENTS: usize = 120;

/// Memory that the process may take, in kilobytes.
const MOST_MEMORY: u64 = 100_000;

struct Process {
    child: Child,
    address: SocketAddr,
    monitoring: SocketAddr,
}

async fn start(flags: &[&str]) -> Process {
    let program = env!("CARGO_BIN_EXE_mixer-denier-adapter");
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\""), program])
        .args([
            "--address=127.0.0.1:0",
            "--monitoringAddress=127.0.0.1:0",
            "--logFormat=json",
            "--drainDelay=0s",
        ])
        .args(flags)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let line: serde_json::Value = loop {
        let line = log.next_line().await.unwrap().unwrap();
        if line.contains("adapter serves") {
            break serde_json::from_str(&line).unwrap();
        }
    };
    // Nobody reads the rest, and the pipe must not fill up.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    let address = |name: &str| line["fields"][name].as_str().unwrap().parse().unwrap();
    Process { child, address: address("address"), monitoring: address("monitoring") }
}

impl Process {
    async fn answers(&self) -> bool {
        let target = format!("http://{}", self.address);
        let Ok(mut client) = HandleCheckNothingServiceClient::connect(target).await else { return false };
        let answer = client.handle_check_nothing(HandleCheckNothingRequest::default()).await;
        answer.is_ok_and(|answer| answer.into_inner().status.unwrap().code == 9)
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.monitoring).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Resident memory in kilobytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    async fn crowd(&self, clients: usize) -> Vec<TcpStream> {
        let mut crowd = Vec::with_capacity(clients);
        for _ in 0..clients {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // As a client of HTTP/2 begins; a connection that was closed at once does not take it.
            let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
            crowd.push(stream);
        }
        crowd
    }
}

#[tokio::test]
async fn clients_beyond_the_limit_are_closed_and_the_monitoring_port_stays_open() {
    let mut process = start(&[]).await;
    let crowd = process.crowd(CLIENTS).await;
    let metrics = process.get("/metrics").await;
    assert!(metrics.contains("mixer_adapter_refused_total{reason=\"connections\"}"), "{metrics}");
    assert!(process.memory() < MOST_MEMORY, "{} kB", process.memory());
    drop(crowd);
    while !process.answers().await {}
    assert!(process.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn a_process_that_runs_out_of_files_serves_when_clients_have_gone() {
    // More than there are files for: accepting fails.
    let mut process = start(&["--maxConnections=100000"]).await;
    let crowd = process.crowd(WAITING_CLIENTS).await;
    assert!(process.memory() < MOST_MEMORY, "{} kB", process.memory());
    assert!(process.child.try_wait().unwrap().is_none());
    drop(crowd);
    while !process.answers().await {}
}
