//! An adapter that does what instance names and configuration tell it to, and a running server of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_sdk::templates::{TemplateService, Variety};
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::{
    Adapter, AdapterInfo, Any, BoxFuture, BuildError, Call, CheckResult, FieldProblem, Handler, HandlerError,
    HandlerSpec, ListenAddress, Process, QuotaCall, QuotaResult, ReportCall, ReportOutcome, ServeArgs,
    Server, Status, code, params,
};
use mixer_proto::policy::v1beta1::Uri as Mode;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::sync::{Notify, oneshot};
use tonic::transport::{Channel, Endpoint};

/// A template of the adapter's own.
pub(crate) const KEYVAL: TemplateService = TemplateService {
    template: "keyval",
    service: "keyval.HandleKeyvalService",
    method: "HandleKeyval",
    variety: Variety::CheckWithOutput,
    descriptor: &[],
};

const INFO: AdapterInfo = AdapterInfo {
    name: "toy",
    aliases: &[],
    description: "Does what it is told.",
    templates: &["listentry", "metric", "quota", "kubernetes", "keyval"],
    config_descriptor: &[],
    config_message: "toy.Params",
};

/// What the adapter saw, and what it waits for.
#[derive(Default)]
pub(crate) struct Toy {
    pub(crate) builds: AtomicUsize,
    pub(crate) closes: AtomicUsize,
    pub(crate) specs: Mutex<Vec<HandlerSpec>>,
    pub(crate) seen: Mutex<Vec<String>>,
    /// Signalled when a call whose instance is named `wait…` has arrived.
    pub(crate) arrived: Notify,
    /// What such a call waits for.
    pub(crate) release: Notify,
}

#[derive(Clone)]
struct ToyAdapter(Arc<Toy>);

impl Adapter for ToyAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        match params::decode::<Mode>(&spec.params) {
            Err(problem) => vec![problem],
            Ok(mode) if mode.value == "invalid" => {
                vec![FieldProblem::new("a", "is missing"), FieldProblem::new("b[2]", "must be positive")]
            }
            Ok(mode) if mode.value == "panic" => panic!("validate"),
            Ok(_) => Vec::new(),
        }
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            self.0.builds.fetch_add(1, Ordering::SeqCst);
            let unbuildable = spec.params.ends_with(b"unbuildable");
            self.0.specs.lock().push(spec);
            if unbuildable {
                return Err(BuildError("port 1 is taken".to_owned()));
            }
            Ok(Arc::new(ToyHandler(self.0.clone())) as Arc<dyn Handler>)
        })
    }
}

struct ToyHandler(Arc<Toy>);

impl ToyHandler {
    async fn obey(&self, instance: &str) {
        self.0.seen.lock().push(instance.to_owned());
        if instance.starts_with("wait") {
            self.0.arrived.notify_one();
            self.0.release.notified().await;
        }
        assert!(!instance.starts_with("panic"), "told to");
    }
}

impl Handler for ToyHandler {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        Box::pin(async move {
            self.obey(call.instance).await;
            if call.instance == "deadline" {
                let left = call.deadline.map(|deadline| deadline.duration_since(std::time::Instant::now()));
                return Ok(CheckResult { valid_duration: left.unwrap_or_default(), ..Default::default() });
            }
            if call.instance.starts_with("ok") {
                return Ok(CheckResult::default());
            }
            let detail = Any { type_url: "type.googleapis.com/x".to_owned(), value: call.bytes };
            let status =
                Status { code: code::PERMISSION_DENIED, message: "no".to_owned(), details: vec![detail] };
            Ok(CheckResult { status, valid_duration: Duration::from_millis(1500), valid_use_count: 7 })
        })
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        Box::pin(async move {
            let mut outcome = ReportOutcome::complete();
            for instance in call.batch.iter() {
                self.obey(instance.name).await;
                let value = MetricView::parse(instance.bytes).and_then(|view| view.value());
                if !matches!(value, Ok(Some(_))) {
                    outcome.drop_one("no_value", || instance.name.to_owned());
                }
            }
            Ok(outcome)
        })
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        Box::pin(async move {
            self.obey(call.call.instance).await;
            self.0.seen.lock().push(format!("{} {}", call.dedup_id, call.best_effort));
            Ok(QuotaResult {
                status: Status::new(code::RESOURCE_EXHAUSTED, "less than wanted"),
                valid_duration: Duration::from_secs(9),
                amount: call.amount - 1,
            })
        })
    }

    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        let output = mixer_proto::template::kubernetes::OutputMsg {
            source_namespace: call.instance.to_owned(),
            ..Default::default()
        };
        Box::pin(std::future::ready(Ok(output.encode_to_vec().into())))
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        let output = Mode { value: format!("output for {}", call.instance) }.encode_to_vec().into();
        let result = CheckResult { valid_use_count: 3, ..Default::default() };
        Box::pin(std::future::ready(Ok((result, output))))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.closes.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

/// A server of the toy adapter.
pub(crate) struct Running {
    pub(crate) toy: Arc<Toy>,
    pub(crate) address: ListenAddress,
    pub(crate) channel: Channel,
    pub(crate) monitoring: std::net::SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: tokio::task::JoinHandle<Result<(), mixer_adapter_sdk::ServeError>>,
}

pub(crate) fn adapter(toy: &Arc<Toy>) -> Arc<dyn Adapter> {
    Arc::new(ToyAdapter(toy.clone()))
}

pub(crate) fn process() -> Process {
    Process::new(adapter(&Arc::new(Toy::default()))).template(KEYVAL)
}

pub(crate) fn quick() -> ServeArgs {
    ServeArgs { drain_delay: Duration::ZERO, ..Default::default() }
}

pub(crate) async fn run() -> Running {
    run_with(quick()).await
}

pub(crate) async fn run_with(args: ServeArgs) -> Running {
    let toy = Arc::new(Toy::default());
    let server = Server::of(Process::new(adapter(&toy)).template(KEYVAL), args).await.unwrap();
    run_server(toy, server).await
}

/// A server that its own channel cannot reach, because it speaks TLS.
pub(crate) async fn serve_with(args: ServeArgs) -> Running {
    let toy = Arc::new(Toy::default());
    let server = Server::of(Process::new(adapter(&toy)).template(KEYVAL), args).await.unwrap();
    start(toy, server)
}

pub(crate) async fn run_server(toy: Arc<Toy>, server: Server) -> Running {
    let running = start(toy, server);
    let channel = connect(&running.address).await;
    Running { channel, ..running }
}

fn start(toy: Arc<Toy>, server: Server) -> Running {
    let address = server.address();
    let monitoring = server.monitoring_address().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async {
        // A test that ends without stopping drops the sender, which stops as well.
        let _ = stopped.await;
    }));
    let channel = Endpoint::from_static("http://nowhere").connect_lazy();
    Running { toy, address, channel, monitoring, stop, ended }
}

pub(crate) async fn connect(address: &ListenAddress) -> Channel {
    let target = match address {
        ListenAddress::Unix(path) => format!("unix://{}", path.display()),
        tcp => format!("http://{tcp}"),
    };
    Endpoint::from_shared(target).unwrap().connect().await.unwrap()
}

/// A configuration that says what to do.
pub(crate) fn mode(mode: &str) -> Option<prost_types::Any> {
    let value = Mode { value: mode.to_owned() }.encode_to_vec();
    Some(prost_types::Any { type_url: "type.googleapis.com/toy.Params".to_owned(), value })
}

/// Calls a method with a message of any type.
pub(crate) async fn call(
    channel: &Channel,
    path: &'static str,
    message: impl prost::Message,
) -> Result<Bytes, tonic::Status> {
    let request = tonic::Request::new(Bytes::from(message.encode_to_vec()));
    let mut client = tonic::client::Grpc::new(channel.clone());
    let path = http::uri::PathAndQuery::from_static(path);
    mixer_rpc::raw::unary(&mut client, path, request).await.map(tonic::Response::into_inner)
}

/// A check of an instance without value.
pub(crate) async fn check(
    channel: &Channel,
    name: &str,
    adapter_config: Option<prost_types::Any>,
) -> Result<mixer_proto::adapter::v1beta1::CheckResult, tonic::Status> {
    let request = mixer_proto::template::listentry::HandleListEntryRequest {
        instance: Some(mixer_proto::template::listentry::InstanceMsg { name: name.to_owned(), value: None }),
        adapter_config,
        dedup_id: String::new(),
    };
    let mut client =
        mixer_rpc::template::listentry::handle_list_entry_service_client::HandleListEntryServiceClient::new(
            channel.clone(),
        );
    client.handle_list_entry(request).await.map(tonic::Response::into_inner)
}

/// A GET of the monitoring port: status and body.
pub(crate) async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    request(address, "GET", path).await
}

/// A request to the monitoring port: status and body.
pub(crate) async fn request(address: std::net::SocketAddr, method: &str, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
