//! SIGTERM in the middle of work.

use std::sync::Arc;

use mixer_proto::mixer::v1::{CheckRequest, CheckResponse};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_testkit::{GrpcAdapter, Method, Recorder};
use tokio::sync::Notify;
use tonic::Status;

use crate::program::{ConfigDir, Program};

/// A gRPC adapter whose answer waits for a gate, a server that asks it, and a check under way.
struct MidWork {
    program: Program,
    runtime: tokio::runtime::Runtime,
    check: tokio::task::JoinHandle<Result<CheckResponse, Status>>,
    gate: Arc<Notify>,
    _adapter: GrpcAdapter,
    _directory: ConfigDir,
}

impl MidWork {
    fn start(flags: &[&str]) -> Self {
        let recorder = Recorder::new();
        let gate = Arc::new(Notify::new());
        recorder.script("lists", |script| script.gate = Some(gate.clone()));
        let path = "/listentry.HandleListEntryService/HandleListEntry";
        let adapter = GrpcAdapter::start(&recorder, "lists", &[(path, Method::Check)]).unwrap();
        let address = adapter.address();
        let directory = ConfigDir::new(&format!(
            "adapter lists {{session_based: false, templates: [listentry]}}
             handler lists {{adapter: lists, connection: {{address: '{address}'}}}}
             instance path {{template: listentry, params: {{value: '\"x\"'}}}}
             rule all {{actions: [{{handler: lists, instances: [path]}}]}}"
        ));
        let mut program = Program::start(&[&[directory.flag().as_str()], flags].concat()).ready();
        let url = format!("http://{}", program.grpc());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let check = runtime.spawn(async move {
            let mut client = MixerClient::connect(url).await.unwrap();
            client.check(CheckRequest::default()).await.map(tonic::Response::into_inner)
        });
        while recorder.take_calls().is_empty() {
            std::thread::yield_now();
        }
        Self { program, runtime, check, gate, _adapter: adapter, _directory: directory }
    }

    fn answer(self) -> (Result<CheckResponse, Status>, Program) {
        let answer = self.runtime.block_on(self.check).unwrap();
        self.runtime.shutdown_background();
        (answer, self.program)
    }
}

#[test]
fn a_call_under_way_is_answered() {
    let mut work = MidWork::start(&["--drainDuration=0s"]);
    work.program.signal("TERM");
    work.program.wait_for("closing: no new connections");
    work.gate.notify_one();
    let (answer, program) = work.answer();
    assert_eq!(answer.unwrap().precondition.unwrap().status.unwrap().code, 0);
    let (status, log, _) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.last().unwrap().contains("stopped"), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("cut off")), "{log:#?}");
}

#[test]
fn readiness_fails_first_and_a_second_signal_shortens_the_wait() {
    let mut work = MidWork::start(&["--drainDuration=600s"]);
    work.program.signal("INT");
    let text = work.program.until("/readyz", |status, _| status == 503);
    assert_eq!(text, "not ready, waiting for: draining\n");
    let address = work.program.grpc();
    std::net::TcpStream::connect(address).expect("connections are still taken");
    work.program.signal("TERM");
    work.program.wait_for("closing: no new connections");
    work.gate.notify_one();
    let (answer, program) = work.answer();
    answer.unwrap();
    assert_eq!(program.end().0.code(), Some(0));
}

#[test]
fn whoever_is_late_is_named() {
    let work = MidWork::start(&["--drainDuration=0s", "--terminationDrainDuration=400ms"]);
    work.program.signal("TERM");
    let (answer, program) = work.answer();
    assert!(answer.is_err());
    let (status, log, _) = program.end();
    assert_eq!(status.code(), Some(0));
    let late = "cut off: 1 calls of istio.mixer.v1.Mixer/Check are still running";
    assert!(log.iter().any(|line| line.contains(late)), "{log:#?}");
}
