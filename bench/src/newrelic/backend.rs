//! A backend that speaks New Relic's ingest protocol and only counts: fast enough not to be the limit, away when it is
//! told to be, and asking for patience once.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::ledger::{Ledger, Shared};

/// The backend's address and what it is told.
pub(crate) struct Backend {
    address: SocketAddr,
    shared: Arc<State>,
    /// Nobody when it is down.
    running: Option<JoinSet<()>>,
}

struct State {
    ledger: Arc<Shared>,
    tls: Mutex<Arc<ServerConfig>>,
    /// Seconds that the next request asks for; 0 for none.
    retry_after: AtomicU32,
    /// The JSON of the payloads that were taken, if somebody wants it.
    payloads: Mutex<Option<Vec<Vec<u8>>>>,
}

impl Backend {
    /// Starts on a port of loopback.
    ///
    /// # Errors
    /// None is free.
    pub(crate) async fn start(
        port: u16,
        tls: Arc<ServerConfig>,
        ledger: Arc<Shared>,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let shared = Arc::new(State {
            ledger,
            tls: Mutex::new(tls),
            retry_after: AtomicU32::new(0),
            payloads: Mutex::default(),
        });
        let mut backend = Self { address, shared, running: None };
        backend.up().await?;
        Ok(backend)
    }

    /// The JSON of the payloads that were taken since the last time; from the first time on they are kept.
    pub(crate) fn payloads(&self) -> Vec<Vec<u8>> {
        self.shared.payloads.lock().replace(Vec::new()).unwrap_or_default()
    }

    /// Ends every connection, and refuses new ones.
    pub(crate) async fn down(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.shutdown().await;
        }
    }

    /// Listens again.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn up(&mut self) -> anyhow::Result<()> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        let listener = socket.listen(64)?;
        let mut running = JoinSet::new();
        running.spawn(accept(listener, self.shared.clone()));
        self.running = Some(running);
        Ok(())
    }

    /// Shows another certificate from now on, also to those who are connected: they must come again.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn renew(&mut self, tls: Arc<ServerConfig>) -> anyhow::Result<()> {
        *self.shared.tls.lock() = tls;
        self.down().await;
        self.up().await
    }

    /// Asks the next caller for so many seconds of patience.
    pub(crate) fn ask_for_patience(&self, seconds: u32) {
        self.shared.retry_after.store(seconds, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and with them their connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = TlsAcceptor::from(state.tls.lock().clone());
        let state = state.clone();
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let state = state.clone();
                async move { Ok::<_, Infallible>(answer(&state, request).await) }
            });
            // A client that goes away ends its connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    // Half a request is none.
    let Ok(body) = body.collect().await else { return status(400) };
    let patience = state.retry_after.swap(0, Ordering::Relaxed);
    if patience > 0 {
        state.ledger.lock().refused += 1;
        let mut answer = status(429);
        answer.headers_mut().insert("retry-after", patience.into());
        return answer;
    }
    let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let json = unzip(&body.to_bytes());
    let read = json.and_then(|json| {
        let batches = serde_json::from_slice::<Vec<Batch>>(&json)?;
        if let Some(payloads) = &mut *state.payloads.lock() {
            payloads.push(json);
        }
        Ok(batches)
    });
    let mut ledger = state.ledger.lock();
    match read {
        Ok(batches) if !id.is_empty() => {
            if ledger.is_new(id) {
                batches.iter().for_each(|batch| batch.enter(&mut ledger));
            }
            status(202)
        }
        Ok(_) => {
            ledger.faults.push(format!("{}: no x-request-id", parts.uri));
            status(400)
        }
        Err(error) => {
            ledger.faults.push(format!("{}: {error}", parts.uri));
            status(400)
        }
    }
}

fn status(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"requestId\":\"soak\"}")));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn unzip(body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut json = Vec::new();
    GzDecoder::new(body).read_to_end(&mut json)?;
    Ok(json)
}

/// One element of the array that each of the APIs takes; only what is counted.
#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    logs: Vec<Log>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    r#type: String,
    value: serde_json::Value,
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    #[serde(rename = "soak.call")]
    call: u64,
}

#[derive(Debug, Deserialize)]
struct Span {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Log {
    message: String,
}

impl Batch {
    fn enter(&self, ledger: &mut Ledger) {
        for metric in self.metrics.iter().filter(|metric| metric.r#type == "count") {
            ledger.count(metric.attributes.call, metric.value.as_f64().unwrap_or_default());
        }
        for span in &self.spans {
            match u64::from_str_radix(&span.id, 16) {
                Ok(number) => ledger.spans.arrive(number),
                Err(error) => ledger.faults.push(format!("span id {:?}: {error}", span.id)),
            }
        }
        for log in &self.logs {
            match log.message.rsplit(' ').next().unwrap_or_default().parse() {
                Ok(number) => ledger.logs.arrive(number),
                Err(error) => ledger.faults.push(format!("message {:?}: {error}", log.message)),
            }
        }
    }
}
