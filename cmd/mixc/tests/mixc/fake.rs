//! A Mixer that answers what a test says and remembers what it was asked, and a run of the program against it.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mixer_proto::mixer::v1::{CheckRequest, CheckResponse, ReportRequest};
use mixer_rpc::raw::{MixerService, RawMixer};
use prost::Message as _;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

/// What the fake does with a call.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Check(Box<CheckResponse>),
    Bytes(&'static [u8]),
    Fail(Status),
    /// Fails every other call, beginning with the second.
    FailHalf(Status),
    /// Never answers.
    Hang,
}

/// What the fake was asked.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) checks: Vec<CheckRequest>,
    pub(crate) reports: Vec<ReportRequest>,
    /// Whether the last call said how long it may take.
    pub(crate) deadline: bool,
    pub(crate) user_agent: String,
}

struct Fake {
    answer: Answer,
    seen: Arc<Mutex<Seen>>,
}

impl Fake {
    async fn answer(&self, calls: usize) -> Result<Response<Bytes>, Status> {
        match &self.answer {
            Answer::Check(response) => Ok(Response::new(response.encode_to_vec().into())),
            Answer::Bytes(bytes) => Ok(Response::new(Bytes::from_static(bytes))),
            Answer::Fail(status) => Err(status.clone()),
            Answer::FailHalf(status) if calls.is_multiple_of(2) => Err(status.clone()),
            Answer::FailHalf(_) => Ok(Response::new(Bytes::new())),
            Answer::Hang => std::future::pending().await,
        }
    }

    fn note(&self, request: &Request<Bytes>) {
        let mut seen = self.seen.lock().unwrap();
        seen.deadline = request.metadata().contains_key("grpc-timeout");
        seen.user_agent = request.metadata().get("user-agent").unwrap().to_str().unwrap().to_owned();
    }
}

impl RawMixer for Fake {
    async fn check(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        self.note(&request);
        let calls = {
            let mut seen = self.seen.lock().unwrap();
            seen.checks.push(CheckRequest::decode(request.into_inner()).unwrap());
            seen.checks.len()
        };
        self.answer(calls).await
    }

    async fn report(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        self.note(&request);
        let calls = {
            let mut seen = self.seen.lock().unwrap();
            seen.reports.push(ReportRequest::decode(request.into_inner()).unwrap());
            seen.reports.len()
        };
        self.answer(calls).await
    }
}

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
    pub(crate) seen: Seen,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap(),
            seen: Seen::default(),
        }
    }
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mixc"))
}

/// Runs the program without a server.
pub(crate) fn run_alone(args: &[&str]) -> Run {
    program().args(args).output().unwrap().into()
}

/// Runs the program with `--mixer` set to a fake that answers so.
pub(crate) async fn run(answer: Answer, args: &[&str]) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mixer = listener.local_addr().unwrap().to_string();
    let (fake, seen) = fake(answer);
    let server = Server::builder().add_service(fake).serve_with_incoming(TcpListenerStream::new(listener));
    finish(tokio::spawn(server), seen, &mixer, args).await
}

/// The same over TLS.
pub(crate) async fn run_over_tls(tls: ServerTlsConfig, answer: Answer, args: &[&str]) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mixer = listener.local_addr().unwrap().to_string();
    let (fake, seen) = fake(answer);
    let server = Server::builder().tls_config(tls).unwrap().add_service(fake);
    let server = server.serve_with_incoming(TcpListenerStream::new(listener));
    finish(tokio::spawn(server), seen, &mixer, args).await
}

/// The same over a Unix socket.
pub(crate) async fn run_over_unix_socket(socket: &Path, answer: Answer, args: &[&str]) -> Run {
    let listener = UnixListener::bind(socket).unwrap();
    let mixer = format!("unix://{}", socket.display());
    let (fake, seen) = fake(answer);
    let server = Server::builder().add_service(fake).serve_with_incoming(UnixListenerStream::new(listener));
    finish(tokio::spawn(server), seen, &mixer, args).await
}

fn fake(answer: Answer) -> (MixerService<Fake>, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    (MixerService::new(Fake { answer, seen: seen.clone() }), seen)
}

async fn finish<T>(
    server: tokio::task::JoinHandle<T>,
    seen: Arc<Mutex<Seen>>,
    mixer: &str,
    args: &[&str],
) -> Run {
    let mut command = program();
    command.args(args).args(["--mixer", mixer]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    // Far beyond what any run takes: a program that hangs is a failure and not a hang of the tests.
    let output = tokio::time::timeout(Duration::from_secs(60), output).await.expect("it ends").unwrap();
    server.abort();
    let mut run = Run::from(output);
    run.seen = std::mem::take(&mut *seen.lock().unwrap());
    run
}
