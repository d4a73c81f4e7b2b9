//! A strict fake of Google Cloud: Monitoring, Logging and Trace over JSON, Monitoring over gRPC too, token endpoints and the
//! metadata server. What the documentation forbids is refused as the APIs refuse it, and kept as a fault.

mod entries;
mod grpc;
mod messages;
mod monitoring;
mod series;
mod spans;
mod tokens;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use monitoring::Monitoring;
use tokens::Tokens;

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A running fake of one project. It stops with its runtime.
#[derive(Clone, Debug)]
pub struct FakeGoogle {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    project: String,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    seen: GoogleSeen,
    replies: VecDeque<GoogleReply>,
    tokens: Tokens,
    monitoring: Monitoring,
    /// Log, time and insert id of each entry.
    entries: std::collections::HashSet<(String, String, String)>,
}

/// How a call to an API is answered that would be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoogleReply {
    /// With this status, and `Retry-After` seconds; nothing is written.
    Status(u16, Option<u64>),
    /// Everything is written, and the answer is this status all the same.
    WrittenBut(u16),
    /// The first so many points or entries are refused with this google.rpc.Code; the others are written.
    Partly(usize, i64),
    /// As it should be. Stands between others.
    Well,
}

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct GoogleSeen {
    /// Method or path and status of each answer, the token endpoints' and the metadata server's included.
    pub answers: Vec<(String, u16)>,
    /// `TimeSeries` that were written, in the JSON of proto3 without defaults.
    pub series: Vec<Json>,
    /// `MetricDescriptor`s that were made.
    pub descriptors: Vec<Json>,
    /// `LogEntry`s that were written, each insert id once.
    pub entries: Vec<Json>,
    /// Entries that had been written before.
    pub duplicate_entries: usize,
    /// `Span`s that were written.
    pub spans: Vec<Json>,
    /// How many points were refused for coming late or too often.
    pub out_of_order: usize,
    /// The header `x-goog-user-project` of each call to an API.
    pub quota_projects: Vec<String>,
    /// Rules that were broken.
    pub faults: Vec<String>,
}

impl GoogleSeen {
    /// How many answers the calls of this path have had.
    pub fn answers_of(&self, path: &str) -> usize {
        self.answers.iter().filter(|(answered, _)| answered.contains(path)).count()
    }
}

/// An error of an API.
#[derive(Debug)]
struct Refused {
    code: i64,
    message: String,
    /// `@type` and message.
    detail: Option<(&'static str, Json)>,
}

impl Refused {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None }
    }
}

impl FakeGoogle {
    /// Starts a fake of a project.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback, or the keys cannot be read.
    pub async fn start(project: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = State {
            seen: GoogleSeen::default(),
            replies: VecDeque::new(),
            tokens: Tokens::new(address, project)?,
            monitoring: Monitoring::default(),
            entries: std::collections::HashSet::new(),
        };
        let (project, changed) = (project.to_owned(), Notify::new());
        let shared = Arc::new(Shared { address, project, state: Mutex::new(state), changed });
        tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared })
    }

    /// The address of its APIs: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address as the metadata server (GCE_METADATA_HOST), and for clients that speak gRPC.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The file of a service account's key: `key-1` or `key-2`.
    pub fn service_account(&self, key: &str) -> String {
        self.shared.state.lock().tokens.service_account(key)
    }

    /// The file of a user, as gcloud leaves it.
    pub fn authorized_user(&self) -> String {
        self.shared.state.lock().tokens.authorized_user()
    }

    /// The file of a federated identity, with this `credential_source`. The word that is taken for it is
    /// `subject-token`; it stands at `/subject` for who sends the header `x-subject: yes`.
    pub fn external_account(&self, source: &Json, impersonated: bool) -> String {
        self.shared.state.lock().tokens.external_account(source, impersonated)
    }

    /// A key of the service account is not taken any more, and no token made with any key.
    pub fn revoke(&self, key: &str) {
        self.shared.state.lock().tokens.revoke(key);
    }

    /// No token that was given until now is taken any more.
    pub fn expire_tokens(&self) {
        self.shared.state.lock().tokens.expire();
    }

    /// How long the next tokens are good.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.shared.state.lock().tokens.lifetime = lifetime;
    }

    /// Answers the next calls to the APIs that break no rule like this, one after the other.
    pub fn script(&self, replies: impl IntoIterator<Item = GoogleReply>) {
        self.shared.state.lock().replies.extend(replies);
    }

    /// Answers the next requests for tokens with these statuses.
    pub fn script_tokens(&self, statuses: impl IntoIterator<Item = u16>) {
        self.shared.state.lock().tokens.script.extend(statuses);
    }

    /// What has arrived.
    pub fn seen(&self) -> GoogleSeen {
        self.shared.state.lock().seen.clone()
    }

    /// Waits until what has arrived is enough.
    pub async fn wait(&self, enough: impl Fn(&GoogleSeen) -> bool) -> GoogleSeen {
        loop {
            let changed = self.shared.changed.notified();
            let seen = self.seen();
            if enough(&seen) {
                return seen;
            }
            changed.await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let shared = shared.clone();
            async move { Ok::<_, Infallible>(answer(&shared, request).await) }
        });
        // A client that goes away ends its connection.
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let response = {
        let mut state = shared.state.lock();
        let state = &mut *state;
        let response = if header(&parts, "content-type").starts_with("application/grpc") {
            grpc::answer(state, &shared.project, &path, &body)
        } else if let Some(response) = state.tokens.answer(&parts, &body) {
            response
        } else {
            api(state, shared, &parts, &body)
        };
        state.seen.answers.push((path, response.status().as_u16()));
        response
    };
    shared.changed.notify_waiters();
    response
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn respond(status: u16, json: &Json) -> Response<Body> {
    let body = http_body_util::Full::new(Bytes::from(json.to_string())).boxed_unsync();
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(body).unwrap_or_default()
}

/// A call to one of the APIs over JSON.
fn api(state: &mut State, shared: &Shared, parts: &Parts, body: &Bytes) -> Response<Body> {
    state.seen.quota_projects.push(header(parts, "x-goog-user-project").to_owned());
    let result = authorised(state, shared, parts)
        .and_then(|()| unpacked(parts, body))
        .and_then(|body| route(state, shared, parts.uri.path(), &body));
    match result {
        Ok(json) => respond(200, &json),
        Err(Answer::Refused(refused)) => error(status_of(refused.code), &refused, None),
        Err(Answer::Scripted(status, retry_after)) => {
            let refused = Refused::new(code_of(status), "as the test wants it");
            error(status, &refused, retry_after)
        }
    }
}

/// Why a call is not answered well.
enum Answer {
    Refused(Refused),
    Scripted(u16, Option<u64>),
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

fn authorised(state: &mut State, shared: &Shared, parts: &Parts) -> Result<(), Answer> {
    let descriptor = parts.uri.path().contains("/metricDescriptors/");
    if parts.method != if descriptor { "GET" } else { "POST" } {
        return Err(fault(state, 5, format!("method {}", parts.method)));
    }
    let Some(token) = header(parts, "authorization").strip_prefix("Bearer ") else {
        return Err(fault(state, 16, "no token".to_owned()));
    };
    let api = match parts.uri.path() {
        path if path.starts_with("/v3/") => "monitoring",
        path if path.ends_with("entries:write") => "logging",
        _ => "cloudtrace",
    };
    match state.tokens.is_good(token, api, &format!("http://{}/token", shared.address)) {
        true => Ok(()),
        false => Err(Refused::new(16, "Request had invalid authentication credentials.").into()),
    }
}

fn unpacked(parts: &Parts, body: &Bytes) -> Result<Vec<u8>, Answer> {
    if parts.method == "POST" && header(parts, "content-type") != "application/json" {
        return Err(Refused::new(3, "no JSON").into());
    }
    match header(parts, "content-encoding") {
        "" => Ok(body.to_vec()),
        "gzip" => {
            let mut plain = Vec::new();
            let read = GzDecoder::new(&body[..]).read_to_end(&mut plain);
            read.map(|_| plain).map_err(|_| Refused::new(3, "no gzip").into())
        }
        other => Err(Refused::new(3, format!("Content-Encoding {other}")).into()),
    }
}

fn route(state: &mut State, shared: &Shared, path: &str, body: &[u8]) -> Result<Json, Answer> {
    let project = &shared.project;
    if let Some((_, kind)) = path.split_once("/metricDescriptors/") {
        return Ok(monitoring::get_descriptor(state, kind)?);
    }
    let name = match path.trim_start_matches('/') {
        "v2/entries:write" => "WriteLogEntriesRequest",
        own if own == format!("v3/projects/{project}/timeSeries") => "CreateTimeSeriesRequest",
        own if own == format!("v3/projects/{project}/metricDescriptors") => "MetricDescriptor",
        own if own == format!("v2/projects/{project}/traces:batchWrite") => "BatchWriteSpansRequest",
        other => return Err(fault(state, 5, format!("path {other}"))),
    };
    let message = messages::of_json(name, body).map_err(|message| fault(state, 3, message))?;
    call(state, project, name, &message)
}

/// A call, in whatever form it came.
fn call(state: &mut State, project: &str, name: &str, message: &Json) -> Result<Json, Answer> {
    let reply = state.replies.pop_front().unwrap_or(GoogleReply::Well);
    if let GoogleReply::Status(status, retry_after) = reply {
        return Err(Answer::Scripted(status, retry_after));
    }
    let refuse = match reply {
        GoogleReply::Partly(count, code) => (count, code),
        _ => (0, 0),
    };
    let answer = match name {
        "CreateTimeSeriesRequest" => monitoring::create_time_series(state, project, message, refuse),
        "MetricDescriptor" => monitoring::create_descriptor(state, project, message),
        "WriteLogEntriesRequest" => entries::write(state, project, message, refuse),
        _ => spans::batch_write(state, project, message),
    };
    let json = answer.inspect_err(|refused| {
        if refuse.0 == 0 && refused.code != 6 {
            state.seen.faults.push(refused.message.clone());
        }
    })?;
    match reply {
        GoogleReply::WrittenBut(status) => Err(Answer::Scripted(status, None)),
        _ => Ok(json),
    }
}

fn fault(state: &mut State, code: i64, message: String) -> Answer {
    state.seen.faults.push(message.clone());
    Refused::new(code, message).into()
}

fn error(status: u16, refused: &Refused, retry_after: Option<u64>) -> Response<Body> {
    let mut error = json!({"code": status, "message": refused.message, "status": code_name(refused.code)});
    if let (Some((kind, detail)), Some(error)) = (&refused.detail, error.as_object_mut()) {
        let mut detail = detail.clone();
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("@type".to_owned(), format!("type.googleapis.com/{kind}").into());
        }
        error.insert("details".to_owned(), json!([detail]));
    }
    let mut response = respond(status, &json!({"error": error}));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// google.rpc.Code and HTTP status, as google/rpc/code.proto pairs them.
const CODES: &[(i64, &str, u16)] = &[
    (3, "INVALID_ARGUMENT", 400),
    (4, "DEADLINE_EXCEEDED", 504),
    (5, "NOT_FOUND", 404),
    (6, "ALREADY_EXISTS", 409),
    (7, "PERMISSION_DENIED", 403),
    (8, "RESOURCE_EXHAUSTED", 429),
    (13, "INTERNAL", 500),
    (14, "UNAVAILABLE", 503),
    (16, "UNAUTHENTICATED", 401),
];

fn status_of(code: i64) -> u16 {
    CODES.iter().find(|(own, _, _)| *own == code).map_or(500, |(_, _, status)| *status)
}

fn code_of(status: u16) -> i64 {
    CODES.iter().find(|(_, _, own)| *own == status).map_or(2, |(code, _, _)| *code)
}

fn code_name(code: i64) -> &'static str {
    CODES.iter().find(|(own, _, _)| *own == code).map_or("UNKNOWN", |(_, name, _)| name)
}
