//! An adapter written against the protocol alone, for three templates and sessions, which can be wrong in many ways.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mixer_adapter_sdk::AdapterInfo;
use mixer_adapter_test::conform::Target;
use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::google::rpc;
use mixer_proto::policy::v1beta1::{Value, value};
use mixer_proto::template::listentry::HandleListEntryRequest;
use mixer_proto::template::metric::HandleMetricRequest;
use mixer_proto::template::quota::HandleQuotaRequest;
use mixer_rpc::raw::HandlerService;
use parking_lot::Mutex;
use prost::Message;
use prost_types::Any;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tonic::{Code, Request, Status};

const SESSION: &str = "google.protobuf.Any.type_url";
const LIMIT: i64 = 10;

/// How a template's call is answered once its configuration is accepted.
type Method = fn(&State, &[u8], &Option<Any>) -> Result<Bytes, Status>;

/// What is wrong with the toy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    SessionsOnly,
    IgnoresConfig,
    DiesOnMissingConfig,
    LeaksSessions,
    RunsOutOfSessions,
    OneSessionForAll,
    KnowsEverySession,
    AcceptsEveryConfigInValidate,
    LosesFractions,
    LosesNanos,
    RoundsNumbers,
    AnswersLate,
    ForgetsDedup,
    RefusesRepetition,
    WrongQuotaName,
    GrantsTooMuch,
    RefusesUnknownFields,
    RefusesPaddedLengths,
    RefusesEmptyReport,
    DropsInstances,
    PanicsOnEmptyInstance,
    NegativeCaching,
    AcceptsTruncated,
    AnswersUnknownMethod,
}

/// A running toy.
pub(crate) struct Toy {
    pub(crate) address: SocketAddr,
    pub(crate) scrape: SocketAddr,
    pub(crate) dry_run: PathBuf,
    tasks: [JoinHandle<()>; 2],
    _folder: tempfile::TempDir,
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct State {
    fault: Fault,
    dry_run: Mutex<std::fs::File>,
    first_config: Mutex<Option<Vec<u8>>>,
    sessions: Mutex<HashSet<String>>,
    made: AtomicUsize,
    left: Mutex<i64>,
    grants: Mutex<HashMap<String, i64>>,
    seen: Mutex<HashSet<String>>,
    counters: Mutex<HashMap<String, f64>>,
    dead: Notify,
}

impl Toy {
    pub(crate) async fn start(fault: Fault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dry_run = folder.path().join("dry-run");
        let state = Arc::new(State {
            fault,
            dry_run: Mutex::new(std::fs::File::create(&dry_run).unwrap()),
            first_config: Mutex::default(),
            sessions: Mutex::default(),
            made: AtomicUsize::new(0),
            left: Mutex::new(LIMIT),
            grants: Mutex::default(),
            seen: Mutex::default(),
            counters: Mutex::default(),
            dead: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scrape = http.local_addr().unwrap();
        let tasks = [tokio::spawn(serve(listener, state.clone())), tokio::spawn(expose(http, state.clone()))];
        Self { address, scrape, dry_run, tasks, _folder: folder }
    }

    pub(crate) fn target(&self) -> Target {
        let list = mixer_list_adapter::adapter();
        let info = AdapterInfo { templates: &["listentry", "metric", "quota"], ..*list.info() };
        Target::new(self.address.to_string()).info(&info).unwrap().params("overrides: [a]").unwrap()
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let service = service(&state);
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            // Everything ends: connections with the set, the port with the listener.
            () = state.dead.notified() => return,
        };
        let service = service.clone();
        connections.spawn(async move {
            let answer = hyper::service::service_fn(move |request| {
                use tower::Service as _;
                service.clone().call(request)
            });
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            drop(connection.serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

async fn expose(listener: TcpListener, state: Arc<State>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let mut text = String::new();
        for (mark, sum) in &*state.counters.lock() {
            let _ = writeln!(text, "toy_total{{conform=\"{mark}\"}} {sum}");
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
        let _ = stream.write_all(format!("{head}{text}").as_bytes()).await;
    }
}

fn service(state: &Arc<State>) -> HandlerService {
    let mut service = HandlerService::new();
    let methods: [(&str, Method); 3] = [
        ("/listentry.HandleListEntryService/HandleListEntry", State::list_entry),
        ("/metric.HandleMetricService/HandleMetric", State::metric),
        ("/quota.HandleQuotaService/HandleQuota", State::quota),
    ];
    for (path, method) in methods {
        let state = state.clone();
        service = service.method(path, move |request: Request<Bytes>| {
            let state = state.clone();
            async move { state.answer(request, method).await }
        });
    }
    for name in ["Validate", "CreateSession", "CloseSession"] {
        let state = state.clone();
        let path = format!("/istio.mixer.adapter.model.v1beta1.InfrastructureBackend/{name}");
        service = service.method(path, move |request: Request<Bytes>| {
            std::future::ready(state.session(name, request.into_inner()))
        });
    }
    if state.fault == Fault::AnswersUnknownMethod {
        let path = "/listentry.HandleListEntryService/HandleConformNothing";
        service = service.method(path, |_| std::future::ready(Ok(Bytes::new())));
    }
    service
}

/// The fields that all requests have.
#[derive(Clone, PartialEq, Message)]
struct Common {
    #[prost(message, optional, tag = "2")]
    config: Option<Any>,
    #[prost(string, tag = "3")]
    dedup_id: String,
}

impl State {
    async fn answer(&self, request: Request<Bytes>, method: Method) -> Result<Bytes, Status> {
        let late = request.metadata().get("grpc-timeout").is_some_and(|timeout| timeout == "300m");
        if late && self.fault == Fault::AnswersLate {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        let bytes = request.into_inner();
        let common = match Common::decode(bytes.clone()) {
            Ok(common) => common,
            Err(_) if self.fault == Fault::AcceptsTruncated => return Ok(Bytes::new()),
            Err(error) => return Err(Status::invalid_argument(error.to_string())),
        };
        if self.fault == Fault::RefusesPaddedLengths
            && bytes.windows(2).take(5).any(|pair| pair[0] >= 0x80 && pair[1] == 0)
        {
            return Err(Status::invalid_argument("a length is not minimal"));
        }
        if self.fault == Fault::RefusesUnknownFields && bytes.ends_with(b"from the future") {
            return Err(Status::invalid_argument("what is this?"));
        }
        let new = self.seen.lock().insert(common.dedup_id.clone());
        if self.fault == Fault::RefusesRepetition && !new {
            return Err(Status::already_exists("seen already"));
        }
        self.check_config(&common.config).await?;
        method(self, &bytes, &common.config)
    }

    async fn check_config(&self, config: &Option<Any>) -> Result<(), Status> {
        match config {
            None if self.fault == Fault::DiesOnMissingConfig => {
                self.dead.notify_one();
                std::future::pending().await
            }
            None if self.fault == Fault::SessionsOnly => Err(Status::failed_precondition("no session")),
            None => Ok(()),
            Some(any) if any.type_url == SESSION => {
                let id = String::from_utf8_lossy(&any.value).into_owned();
                let known = self.sessions.lock().contains(&id);
                match known || self.fault == Fault::KnowsEverySession {
                    true => Ok(()),
                    false => Err(Status::not_found("no such session")),
                }
            }
            Some(any) => {
                self.first_config.lock().get_or_insert_with(|| any.value.clone());
                match <() as Message>::decode(&*any.value) {
                    Err(error) if self.fault != Fault::IgnoresConfig => {
                        Err(Status::new(Code::InvalidArgument, error.to_string()))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn show(&self, template: &str, config: &Option<Any>, instance: Json) {
        let mut config = config.as_ref().map(|any| any.value.clone()).unwrap_or_default();
        if self.fault == Fault::IgnoresConfig {
            config = self.first_config.lock().clone().unwrap_or_default();
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, &config);
        let sha: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let line = json!({"template": template, "instance": instance, "handler_config_sha256": sha});
        writeln!(self.dry_run.lock(), "{line}").unwrap();
    }

    fn json(&self, value: &Value) -> Json {
        let fraction = |nanos: i32| match self.fault {
            Fault::LosesFractions => 0,
            _ => nanos,
        };
        match value.value.as_ref() {
            None => Json::Null,
            Some(value::Value::StringValue(text)) => json!(text),
            Some(value::Value::Int64Value(number)) if self.fault == Fault::RoundsNumbers => {
                json!(*number as f64)
            }
            Some(value::Value::Int64Value(number)) => json!(number),
            Some(value::Value::DoubleValue(number)) => json!(number),
            Some(value::Value::BoolValue(truth)) => json!(truth),
            Some(value::Value::IpAddressValue(ip)) => {
                json!(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(&*ip.value).unwrap()).to_string())
            }
            Some(value::Value::TimestampValue(time)) => {
                let time = time.value.unwrap();
                let nanos = if self.fault == Fault::LosesNanos { 0 } else { time.nanos };
                json!(mixer_adapter_sdk::Timestamp::from_proto(time.seconds, nanos).unwrap().to_string())
            }
            Some(value::Value::DurationValue(duration)) => {
                let duration = duration.value.unwrap();
                json!(format!("{}.{:09}s", duration.seconds, fraction(duration.nanos)))
            }
            Some(other) => panic!("{other:?}"),
        }
    }

    fn map(&self, values: &std::collections::BTreeMap<String, Value>) -> Json {
        values.iter().map(|(key, value)| (key.clone(), self.json(value))).collect()
    }

    fn list_entry(&self, bytes: &[u8], config: &Option<Any>) -> Result<Bytes, Status> {
        let request = HandleListEntryRequest::decode(bytes).unwrap();
        let value = request.instance.unwrap_or_default().value;
        assert!(value.is_some() || self.fault != Fault::PanicsOnEmptyInstance, "nothing to look up");
        self.show("listentry", config, json!({"value": self.json(&value.unwrap_or_default())}));
        let seconds = if self.fault == Fault::NegativeCaching { -1 } else { 5 };
        let result = model::CheckResult {
            valid_duration: Some(prost_types::Duration { seconds, nanos: 0 }),
            valid_use_count: 5,
            ..Default::default()
        };
        Ok(result.encode_to_vec().into())
    }

    fn metric(&self, bytes: &[u8], config: &Option<Any>) -> Result<Bytes, Status> {
        let request = HandleMetricRequest::decode(bytes).unwrap();
        if request.instances.is_empty() && self.fault == Fault::RefusesEmptyReport {
            return Err(Status::invalid_argument("no instances"));
        }
        let most = if self.fault == Fault::DropsInstances { 1000 } else { usize::MAX };
        for instance in request.instances.iter().take(most) {
            let value = instance.value.clone().unwrap_or_default();
            let mark = match instance.dimensions.get("conform").and_then(|value| value.value.as_ref()) {
                Some(value::Value::StringValue(mark)) => mark.clone(),
                _ => String::new(),
            };
            let shown = self.json(&value);
            let seconds = |text: &str| text.trim_end_matches('s').parse().unwrap_or(0.0);
            let number = shown.as_f64().unwrap_or_else(|| seconds(shown.as_str().unwrap_or_default()));
            *self.counters.lock().entry(mark).or_default() += number;
            self.show(
                "metric",
                config,
                json!({"value": shown, "dimensions": self.map(&instance.dimensions),
                "monitored_resource_dimensions": self.map(&instance.monitored_resource_dimensions)}),
            );
        }
        Ok(Bytes::new())
    }

    fn quota(&self, bytes: &[u8], config: &Option<Any>) -> Result<Bytes, Status> {
        let request = HandleQuotaRequest::decode(bytes).unwrap();
        let dimensions = request.instance.unwrap_or_default().dimensions;
        self.show("quota", config, json!({"dimensions": self.map(&dimensions)}));
        let mut quotas = std::collections::BTreeMap::new();
        for (name, params) in request.quota_request.unwrap_or_default().quotas {
            let name = if self.fault == Fault::WrongQuotaName { "quota".to_owned() } else { name };
            let mut granted = self.allocate(params.amount, &request.dedup_id);
            if self.fault == Fault::GrantsTooMuch && params.amount == 3 {
                granted = 4;
            }
            let result = model::quota_result::Result { granted_amount: granted, ..Default::default() };
            quotas.insert(name, result);
        }
        Ok(model::QuotaResult { quotas }.encode_to_vec().into())
    }

    fn allocate(&self, amount: i64, dedup_id: &str) -> i64 {
        if let Some(before) = self.grants.lock().get(dedup_id).filter(|_| self.fault != Fault::ForgetsDedup) {
            return *before;
        }
        let mut left = self.left.lock();
        let granted = amount.min(*left);
        *left = (*left - granted).min(LIMIT);
        self.grants.lock().insert(dedup_id.to_owned(), granted);
        granted
    }

    fn session(&self, method: &str, bytes: Bytes) -> Result<Bytes, Status> {
        let invalid = |any: Option<Any>| any.is_some_and(|any| <() as Message>::decode(&*any.value).is_err());
        let status = |code: i32| Some(rpc::Status { code, ..Default::default() });
        Ok(match method {
            "Validate" => {
                let request = model::ValidateRequest::decode(bytes).unwrap();
                let lax = self.fault == Fault::AcceptsEveryConfigInValidate;
                let code = if invalid(request.adapter_config) && !lax { 3 } else { 0 };
                model::ValidateResponse { status: status(code) }.encode_to_vec().into()
            }
            "CreateSession" => {
                let number = self.made.fetch_add(1, Ordering::SeqCst);
                if self.fault == Fault::RunsOutOfSessions && number >= 100 {
                    return Err(Status::resource_exhausted("no more sessions"));
                }
                let number = if self.fault == Fault::OneSessionForAll { 0 } else { number };
                let id = format!("session-{number}");
                self.sessions.lock().insert(id.clone());
                model::CreateSessionResponse { session_id: id, status: status(0) }.encode_to_vec().into()
            }
            _ => {
                let id = model::CloseSessionRequest::decode(bytes).unwrap().session_id;
                let known = match self.fault {
                    Fault::LeaksSessions => self.sessions.lock().contains(&id),
                    _ => self.sessions.lock().remove(&id),
                };
                model::CloseSessionResponse { status: status(if known { 0 } else { 5 }) }
                    .encode_to_vec()
                    .into()
            }
        })
    }
}
