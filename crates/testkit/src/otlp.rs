//! A strict fake of an OpenTelemetry collector, gRPC and HTTP at one port: what the specification of OTLP forbids is refused and
//! kept as a fault, where a real collector would take it and lose or mangle it later.

pub mod flat;
mod grpc;
mod http;
mod json;
mod rules;
mod series;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use mixer_proto::otlp::collector::logs::ExportLogsServiceRequest;
use mixer_proto::otlp::collector::metrics::ExportMetricsServiceRequest;
use mixer_proto::otlp::collector::trace::ExportTraceServiceRequest;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// A running fake. It stops with its runtime.
#[derive(Clone, Debug)]
pub struct FakeCollector {
    address: SocketAddr,
    has_tls: bool,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    script: Mutex<VecDeque<OtlpReply>>,
    always: Mutex<Option<OtlpReply>>,
    seen: Mutex<OtlpSeen>,
    series: Mutex<series::Series>,
    changed: Notify,
}

/// How a request is answered that breaks no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtlpReply {
    /// Everything is taken.
    Take,
    /// So many items are rejected; with 0, a warning.
    Partial {
        /// How many.
        rejected: i64,
        /// Why.
        message: String,
    },
    /// A status of HTTP, which over gRPC is what a proxy in between answers.
    Http {
        /// The status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<String>,
    },
    /// A status of gRPC.
    Grpc {
        /// The code.
        code: i32,
        /// The text.
        message: String,
        /// `google.rpc.RetryInfo` in the details.
        retry_info: Option<Duration>,
    },
    /// The connection is cut instead.
    Cut,
    /// There is never an answer.
    Hang,
}

/// One request.
#[derive(Clone, Debug)]
pub struct OtlpRequest {
    /// `metrics`, `logs` or `traces`.
    pub signal: &'static str,
    /// `grpc`, `http/protobuf` or `http/json`.
    pub protocol: &'static str,
    /// Its headers.
    pub headers: HeaderMap,
    /// Data points, log records or spans in it.
    pub items: usize,
    /// Bytes of the message before compression.
    pub bytes: usize,
    /// Whether it was compressed.
    pub compressed: bool,
}

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct OtlpSeen {
    /// Metrics that were taken.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Log records that were taken.
    pub logs: Vec<ExportLogsServiceRequest>,
    /// Spans that were taken.
    pub traces: Vec<ExportTraceServiceRequest>,
    /// All requests that could be read, taken or not.
    pub requests: Vec<OtlpRequest>,
    /// Rules that were broken.
    pub faults: Vec<String>,
}

/// What becomes of a call.
enum Answer {
    Response(Response<Body>),
    Cut,
    Hang,
}

/// A message of one of the signals.
enum Export {
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Traces(ExportTraceServiceRequest),
}

impl FakeCollector {
    /// Starts a fake, with TLS if there is an acceptor for it.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn start(tls: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, has_tls) = (listener.local_addr()?, tls.is_some());
        let fake = Self { address, has_tls, state: Arc::default() };
        tokio::spawn(accept(listener, tls, fake.state.clone()));
        Ok(fake)
    }

    /// Its URL, for gRPC and as the base for HTTP. With TLS by name, `localhost`.
    pub fn endpoint(&self) -> String {
        match self.has_tls {
            true => format!("https://localhost:{}", self.address.port()),
            false => format!("http://{}", self.address),
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next request, if it breaks no rule, like this.
    pub fn script(&self, reply: OtlpReply) {
        self.state.script.lock().push_back(reply);
    }

    /// Answers every request without a script like this; with nothing, it is taken.
    pub fn always(&self, reply: Option<OtlpReply>) {
        *self.state.always.lock() = reply;
    }

    /// What has arrived.
    pub fn seen(&self) -> OtlpSeen {
        self.state.seen.lock().clone()
    }

    /// Waits until what has arrived is as wanted.
    pub async fn until(&self, wanted: impl Fn(&OtlpSeen) -> bool) -> OtlpSeen {
        loop {
            let changed = self.state.changed.notified();
            let seen = self.seen();
            if wanted(&seen) {
                return seen;
            }
            changed.await;
        }
    }
}

impl State {
    /// Notes a request that could be read, and says how it is answered.
    fn take(&self, request: OtlpRequest, export: Result<Export, String>) -> Result<OtlpReply, String> {
        let checked = export.and_then(|export| {
            rules::check(&export)?;
            Ok(export)
        });
        let reply = match checked {
            Err(fault) => Err(fault),
            Ok(export) => {
                let scripted = self.script.lock().pop_front();
                let reply = scripted.or_else(|| self.always.lock().clone()).unwrap_or(OtlpReply::Take);
                let is_taken = matches!(reply, OtlpReply::Take | OtlpReply::Partial { .. });
                if is_taken { self.keep(export).map(|()| reply) } else { Ok(reply) }
            }
        };
        let mut seen = self.seen.lock();
        seen.requests.push(request);
        if let Err(fault) = &reply {
            seen.faults.push(fault.clone());
        }
        drop(seen);
        self.changed.notify_waiters();
        reply
    }

    fn keep(&self, export: Export) -> Result<(), String> {
        match export {
            Export::Metrics(request) => {
                self.series.lock().check(&request)?;
                self.seen.lock().metrics.push(request);
            }
            Export::Logs(request) => self.seen.lock().logs.push(request),
            Export::Traces(request) => self.seen.lock().traces.push(request),
        }
        Ok(())
    }

    /// Notes a request that could not be read.
    fn fault(&self, fault: String) {
        self.seen.lock().faults.push(fault);
        self.changed.notify_waiters();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, state).await,
                // A client that does not trust us goes away.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let cut = Arc::new(Notify::new());
    let (for_calls, for_connection) = (cut.clone(), cut);
    let service = service_fn(move |request: Request<Incoming>| {
        let (state, cut) = (state.clone(), for_calls.clone());
        async move { answer(&state, request, &cut).await }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // A client that goes away ends its connection.
    tokio::select! {
        _ = connection => {}
        () = for_connection.notified() => {}
    }
}

/// No error ever: a connection is cut by dropping it.
async fn answer(
    state: &State,
    request: Request<Incoming>,
    cut: &Notify,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    // The whole body is read first, so that nobody takes a cut for a refusal of the rest.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let is_grpc = parts.version == hyper::Version::HTTP_2 && !parts.uri.path().starts_with("/v1/");
    let answer = match is_grpc {
        true => grpc::answer(state, &parts, &body),
        false => http::answer(state, &parts, &body),
    };
    match answer {
        Answer::Response(response) => return Ok(response),
        Answer::Cut => cut.notify_one(),
        Answer::Hang => {}
    }
    std::future::pending().await
}

/// What `gzip` has made.
fn gunzip(body: &[u8]) -> Result<Bytes, String> {
    use std::io::Read as _;
    let mut message = Vec::new();
    let read = flate2::read::GzDecoder::new(body).read_to_end(&mut message);
    read.map_err(|error| format!("the body is not gzip: {error}"))?;
    Ok(message.into())
}
