//! A process with a spool that is killed, stopped and started again: what it has acknowledged arrives, under the ids that
//! it had.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::Parser as _;
use mixer_adapter_sdk::{AdapterArgs, Process, Server};
use mixer_proto::template::logentry::{HandleLogEntryRequest, InstanceMsg};
use mixer_rpc::template::logentry::handle_log_entry_service_client::HandleLogEntryServiceClient;
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::transport::Channel;

use super::pusher::{Fake, Params, Pusher};

/// What a child gets: the flags of its process.
const FLAGS: &str = "MIXER_TEST_PUSHER";

#[derive(Debug, clap::Parser)]
struct Flags {
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// The adapter process, when this test is run as one; else nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(flags) = std::env::var(FLAGS) else { return };
    let flags = Flags::parse_from(std::iter::once("pusher").chain(flags.split(' ')));
    let server = match Server::of(Process::typed(Pusher), flags.adapter.serve).await {
        Ok(server) => server,
        Err(error) => {
            println!("failed: {error}");
            return;
        }
    };
    println!("serves {}", server.address());
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let stop = async move {
        terminate.recv().await;
    };
    let ended = server.run(stop).await;
    println!("ended {}", ended.is_ok());
}

/// A running adapter process. It is killed when it is dropped.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(spool: &Path, more: &str) -> Self {
        let flags = format!(
            "--address=127.0.0.1:0 --noMonitoring --drainDelay=0s --shutdownGrace=30s --spoolDirectory={}{more}",
            spool.display()
        );
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--nocapture"])
            .env(FLAGS, flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The rest of the first line that begins so.
    fn says(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        let found = lines.find_map(|line| line.split_once(word).map(|(_, rest)| rest.trim().to_owned()));
        found.unwrap_or_else(|| panic!("the process ended before it said {word:?}"))
    }

    async fn client(&mut self) -> HandleLogEntryServiceClient<Channel> {
        let address = self.says("serves");
        HandleLogEntryServiceClient::connect(format!("http://{address}")).await.unwrap()
    }

    /// Stops it in order.
    fn terminate(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(self.says("ended"), "true");
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn report(
    client: &mut HandleLogEntryServiceClient<Channel>,
    params: &Params,
    names: std::ops::Range<u32>,
) -> Result<(), tonic::Status> {
    let instances = names.map(|name| InstanceMsg { name: name.to_string(), ..Default::default() });
    let config = prost_types::Any { type_url: "x/pusher.Params".to_owned(), value: params.encode_to_vec() };
    let request = HandleLogEntryRequest {
        instances: instances.collect(),
        adapter_config: Some(config),
        ..Default::default()
    };
    client.handle_log_entry(request).await.map(drop)
}

/// Reports names one after the other until the process dies, and tells those that were acknowledged.
async fn report_until_dead(
    mut client: HandleLogEntryServiceClient<Channel>,
    params: Params,
    first: u32,
    acked: mpsc::UnboundedSender<u32>,
) {
    for name in first.. {
        if report(&mut client, &params, name..name + 1).await.is_err() {
            return;
        }
        let _ = acked.send(name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_arrives_after_kills() {
    for more in ["", " --spoolFsync=always"] {
        let directory = tempfile::tempdir().unwrap();
        let fake = Fake::start(503).await;
        let params = fake.params();
        let mut acked = Vec::new();
        for round in 0..4u32 {
            // Some rounds die while the backend is away, some while it takes what there is.
            fake.answer(if round % 2 == 0 { 503 } else { 200 });
            let mut running = Running::start(directory.path(), more);
            let client = running.client().await;
            let (sender, mut receiver) = mpsc::unbounded_channel();
            for task in 0..4 {
                let first = (round * 4 + task) * 100_000;
                tokio::spawn(report_until_dead(client.clone(), params.clone(), first, sender.clone()));
            }
            drop(sender);
            for _ in 0..100 {
                acked.push(receiver.recv().await.expect("it lives"));
            }
            drop(running);
            while let Some(name) = receiver.recv().await {
                acked.push(name);
            }
        }
        fake.answer(200);
        let _running = Running::start(directory.path(), more);
        acked.sort_unstable();
        let has_all = |names: &[u32]| acked.iter().all(|name| names.binary_search(name).is_ok());
        let arrived = fake.until(|arrived| has_all(&arrived.names())).await;
        // A payload that came again had its old id, which `arrived` counts once.
        let mut names = arrived.names();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "nothing came under two ids");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_flushes_and_what_cannot_be_sent_in_time_goes_out_after_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(200).await;
    let params = Params { harvest_millis: 3_600_000, close_millis: 20_000, ..fake.params() };
    let mut running = Running::start(directory.path(), "");
    let mut client = running.client().await;
    report(&mut client, &params, 0..10).await.unwrap();
    running.terminate();
    let arrived = fake.arrived();
    assert_eq!((arrived.names(), arrived.counted()), ((0..10).collect(), 10.0));

    fake.answer(503);
    let params = Params { close_millis: 100, ..params };
    let mut running = Running::start(directory.path(), "");
    let mut client = running.client().await;
    report(&mut client, &params, 10..20).await.unwrap();
    running.terminate();
    fake.forget();
    fake.answer(200);
    let mut running = Running::start(directory.path(), "");
    running.says("serves");
    let arrived = fake.until(|arrived| arrived.names().len() >= 10 && arrived.counted() >= 10.0).await;
    assert_eq!((arrived.names(), arrived.counted()), ((10..20).collect(), 10.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_need_directories_of_their_own() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fake = Fake::start(200).await;
    let mut first = Running::start(one.path(), "");
    let mut to_first = first.client().await;
    let failed = Running::start(one.path(), "").says("failed:");
    assert!(failed.contains("--spoolDirectory") && failed.contains("another process"), "{failed}");
    let mut second = Running::start(two.path(), "");
    let mut to_second = second.client().await;
    report(&mut to_first, &fake.params(), 0..5).await.unwrap();
    report(&mut to_second, &fake.params(), 5..10).await.unwrap();
    let arrived = fake.until(|arrived| arrived.names().len() >= 10).await;
    assert_eq!(arrived.names(), (0..10).collect::<Vec<_>>());
    // A lock does not outlive its process.
    drop(first);
    Running::start(one.path(), "").says("serves");
}
