//! A running server with the recording adapter, its clients, and shorthand for configuration and attributes.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use mixer_attribute::Value;
use mixer_config::{Problem, ReadOptions, parse_documents};
use mixer_listen::ListenAddress;
use mixer_proto::mixer::v1::check_request::QuotaParams;
use mixer_proto::mixer::v1::{CheckRequest, CheckResponse, CompressedAttributes, ReportRequest};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_server::app::{AppOptions, Bound, RunError, Timing};
use mixer_server::config::{ConfigSource, ConfigUpdate, Content};
use mixer_server::grpc::GrpcOptions;
use mixer_server::shedding;
use mixer_server::stop::Stop;
use mixer_testkit::Recorder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

/// One handler, checks of the path, reports of the path, a quota by user.
pub(crate) const CONFIG: &str = "
    handler h {compiledAdapter: recording}
    instance path {compiledTemplate: listentry, params: {value: request.path | \"none\"}}
    instance seen {compiledTemplate: metric, params: {value: request.path | \"none\"}}
    instance tokens {compiledTemplate: quota, params: {dimensions: {user: source.user | \"nobody\"}}}
    rule check {actions: [{handler: h, instances: [path]}]}
    rule report {actions: [{handler: h, instances: [seen]}]}
    rule quota {actions: [{handler: h, instances: [tokens]}]}
";

/// The name of the handler of [`CONFIG`].
pub(crate) const HANDLER: &str = "h.istio-system";

/// A running server.
pub(crate) struct World {
    pub(crate) recorder: Recorder,
    pub(crate) grpc: ListenAddress,
    pub(crate) admin: String,
    pub(crate) stop: Stop,
    updates: mpsc::UnboundedSender<ConfigUpdate>,
    pub(crate) running: JoinHandle<Result<(), RunError>>,
}

/// Options on loopback, with short times.
pub(crate) fn options() -> AppOptions {
    let loopback = || ListenAddress::Tcp("127.0.0.1:0".to_owned());
    AppOptions {
        grpc_address: loopback(),
        admin_address: loopback(),
        grpc: GrpcOptions::default(),
        tls: None,
        shedding: shedding::Options::default(),
        compile: Default::default(),
        engine: Default::default(),
        compat: false,
        request_threads: NonZero::new(2).unwrap(),
        timing: Timing { drain: Duration::from_secs(60), ..Timing::default() },
        liveness_file: None,
        readiness_file: None,
    }
}

/// Options that give the original's answers.
pub(crate) fn compat() -> AppOptions {
    let mut options = options();
    options.compat = true;
    options.compile.compat = true;
    options.engine.compat = true;
    options
}

/// Lines of `kind name {spec}` as resources of the default namespace.
pub(crate) fn content(lines: &str) -> Content {
    let document = |line: &str| {
        let (kind, rest) = line.split_once(' ').expect("kind name {spec}");
        let (name, spec) = rest.split_once(' ').expect("kind name {spec}");
        let (api, namespace) = ("config.istio.io/v1alpha2", "istio-system");
        format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"
        )
    };
    let text: String = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(document).collect();
    let (resources, problems) = parse_documents("test.yaml", &text, &ReadOptions::default());
    assert!(problems.is_empty(), "{problems:?}");
    Content { resources, problems: Vec::<Problem>::new() }
}

impl World {
    /// A server with [`CONFIG`] that is ready.
    pub(crate) async fn new() -> Self {
        Self::start(options(), CONFIG).await
    }

    /// A server that is ready.
    pub(crate) async fn start(options: AppOptions, config: &str) -> Self {
        let world = Self::unconfigured(options).await;
        world.configure(config);
        world.ready().await;
        world
    }

    /// A server that waits for its configuration.
    pub(crate) async fn unconfigured(options: AppOptions) -> Self {
        let recorder = Recorder::new();
        let (updates, receiver) = mpsc::unbounded_channel();
        let state = futures::stream::unfold(receiver, |mut receiver: mpsc::UnboundedReceiver<_>| async {
            Some((receiver.recv().await?, receiver))
        });
        let source =
            ConfigSource { description: "the test".to_owned(), updates: state.boxed(), applied: None };
        let bound = Bound::bind(options, recorder.registry(), source).await.unwrap();
        let (grpc, admin) = (bound.addresses().grpc.clone(), bound.addresses().admin.to_string());
        let stop = Stop::default();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { bound.run(&stop).await }
        });
        Self { recorder, grpc, admin, stop, updates, running }
    }

    /// Changes the configuration, some time soon.
    pub(crate) fn configure(&self, config: &str) {
        self.update(ConfigUpdate { content: Some(content(config)), unavailable: None });
    }

    /// Changes the state of the source, some time soon.
    pub(crate) fn update(&self, update: ConfigUpdate) {
        assert!(self.updates.send(update).is_ok(), "the server has ended");
    }

    /// Waits until `/readyz` says so.
    pub(crate) async fn ready(&self) {
        self.until("/readyz", |status, _| status == 200).await;
    }

    /// Asks the admin port until the answer is right. The asking itself is what lets time pass.
    pub(crate) async fn until(&self, path: &str, right: impl Fn(u16, &str) -> bool) -> String {
        loop {
            let (status, body) = self.get(path).await;
            if right(status, &body) {
                return body;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Status and body of a page of the admin port.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        request(&self.admin, "GET", path).await
    }

    /// The value of a line of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// The address of the gRPC port as a client writes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// A new connection.
    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(self.url()).unwrap().connect().await.unwrap()
    }

    /// A client of the Mixer API on a new connection.
    pub(crate) async fn client(&self) -> MixerClient<Channel> {
        MixerClient::new(self.channel().await)
    }

    /// One check on a new connection.
    pub(crate) async fn check(&self, attributes: &str) -> Result<CheckResponse, Status> {
        self.client().await.check(check_request(attributes)).await.map(tonic::Response::into_inner)
    }

    /// One report on a new connection.
    pub(crate) async fn report(&self, request: ReportRequest) -> Result<(), Status> {
        self.client().await.report(request).await.map(|_| ())
    }

    /// Stops at once and waits for the end.
    pub(crate) async fn end(self) {
        for _ in 0..3 {
            self.stop.request();
        }
        self.running.await.unwrap().unwrap();
    }
}

/// One HTTP/1.1 request; status and body of the answer.
pub(crate) async fn request(address: &str, method: &str, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// `name=text name=text` as attributes; a text of digits is a number.
pub(crate) fn attributes(text: &str) -> CompressedAttributes {
    let pairs: Vec<(&str, Value<'_>)> = text
        .split_whitespace()
        .map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=value");
            let number = value.parse().map(Value::Int64);
            (name, number.unwrap_or_else(|_| Value::Text(value.as_bytes().into())))
        })
        .collect();
    mixer_wire::compress(pairs.iter().map(|(name, value)| (*name, value)), 0)
}

/// A check of these attributes.
pub(crate) fn check_request(text: &str) -> CheckRequest {
    CheckRequest { attributes: Some(attributes(text)), ..CheckRequest::default() }
}

/// The same, asking for quotas: name, amount.
pub(crate) fn quota_request(text: &str, quotas: &[(&str, i64)]) -> CheckRequest {
    let quotas = quotas
        .iter()
        .map(|(name, amount)| ((*name).to_owned(), QuotaParams { amount: *amount, best_effort: true }));
    CheckRequest { quotas: quotas.collect(), deduplication_id: "id".to_owned(), ..check_request(text) }
}

/// A report of bags that stand for themselves.
pub(crate) fn report_request(bags: &[&str]) -> ReportRequest {
    ReportRequest {
        attributes: bags.iter().map(|bag| attributes(bag)).collect(),
        repeated_attributes_semantics: 1,
        ..ReportRequest::default()
    }
}

/// A gate that keeps the answers of the handler back, closed.
pub(crate) fn gate(recorder: &Recorder) -> Arc<tokio::sync::Notify> {
    let gate = Arc::new(tokio::sync::Notify::new());
    recorder.script(HANDLER, |script| script.gate = Some(gate.clone()));
    gate
}

/// Waits until the handler has been called.
pub(crate) async fn called(recorder: &Recorder) {
    while recorder.take_calls().is_empty() {
        tokio::task::yield_now().await;
    }
}
