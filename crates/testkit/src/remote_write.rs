//! A strict fake of a receiver of Prometheus's remote write, 1.0 and 2.0. What the specifications forbid is answered
//! with 400 and kept as a fault. (Remote-Write 1.0; Remote-Write 2.0-rc.4.)

mod message;
mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A running fake. It stops with its runtime.
#[derive(Clone, Debug)]
pub struct FakeRemoteWrite {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    knows: Knows,
    script: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<WriteRequestSeen>>,
    newest: Mutex<rules::Newest>,
    changed: Notify,
    has_tls: bool,
}

/// Which versions a receiver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// Both; it says what it wrote.
    Both,
    /// 1.0, and 415 for everything else.
    V1,
    /// 1.0, and 400 for everything else.
    V1WithBadRequest,
    /// 1.0, as which it reads everything: a request of 2.0 is an empty one.
    V1WithoutLooking,
}

/// How the next request is answered, if it breaks no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing is written; this status, with `Retry-After` seconds.
    Status(u16, Option<u64>),
    /// Only so many samples are written, and no exemplar: 400.
    Partly(u64),
    /// Everything is written but exemplars: 204.
    WithoutExemplars,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRequestSeen {
    /// 1 or 2; 0 when it does not say.
    pub version: u8,
    /// What it was answered with.
    pub status: u16,
    /// What it holds, if it can be read; written when the status is 204.
    pub points: Vec<WrittenPoint>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// All other headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The rule that it broke.
    pub fault: Option<String>,
}

/// A sample or a histogram of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenPoint {
    /// All labels, `__name__` among them.
    pub labels: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What it is.
    pub value: WrittenValue,
    /// When the series began, in milliseconds since 1970.
    pub start: Option<i64>,
    /// Number of the type in `MetricType`.
    pub metric_type: Option<i32>,
    /// The help text.
    pub help: Option<String>,
    /// The exemplars of its series in the request.
    pub exemplars: Vec<WrittenExemplar>,
}

/// What a point is.
#[derive(Clone, Debug, PartialEq)]
pub enum WrittenValue {
    /// A number.
    Sample(f64),
    /// A native histogram.
    Histogram(NativeHistogram),
}

/// A native histogram of whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeHistogram {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The resolution.
    pub schema: i32,
    /// How far the bucket around zero reaches.
    pub zero_threshold: f64,
    /// How many values are in it.
    pub zero_count: u64,
    /// Values in each bucket that is not empty.
    pub positive: BTreeMap<i32, u64>,
    /// The same for values below zero.
    pub negative: BTreeMap<i32, u64>,
}

/// An exemplar.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenExemplar {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The value that it is an example of.
    pub value: f64,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// Whether this is the value by which a series ends.
fn is_stale(value: f64) -> bool {
    value.to_bits() == 0x7ff0_0000_0000_0002
}

impl WrittenValue {
    /// Whether the series ends here.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Sample(value) => is_stale(*value),
            Self::Histogram(histogram) => is_stale(histogram.sum),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other || (self.is_end() && other.is_end())
    }
}

impl FakeRemoteWrite {
    /// Starts a receiver.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn start(knows: Knows) -> std::io::Result<Self> {
        Self::start_with(knows, None).await
    }

    /// Starts a receiver that speaks TLS, or plaintext without.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn start_with(knows: Knows, tls: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            knows,
            script: Mutex::default(),
            seen: Mutex::default(),
            newest: Mutex::default(),
            changed: Notify::new(),
            has_tls: tls.is_some(),
        });
        tokio::spawn(accept(listener, tls, state.clone()));
        Ok(Self { address, state })
    }

    /// Where it receives.
    pub fn url(&self) -> String {
        match self.state.has_tls {
            true => format!("https://localhost:{}/api/v1/write", self.address.port()),
            false => format!("http://{}/api/v1/write", self.address),
        }
    }

    /// Answers the next request that breaks no rule like this.
    pub fn script(&self, reply: Reply) {
        self.state.script.lock().push_back(reply);
    }

    /// What has arrived.
    pub fn seen(&self) -> Vec<WriteRequestSeen> {
        self.state.seen.lock().clone()
    }

    /// Waits until what has arrived is enough.
    pub async fn wait(&self, enough: impl Fn(&[WriteRequestSeen]) -> bool) -> Vec<WriteRequestSeen> {
        loop {
            let changed = self.state.changed.notified();
            let seen = self.seen();
            if enough(&seen) {
                return seen;
            }
            changed.await;
        }
    }

    /// Waits until so many requests have arrived.
    pub async fn requests(&self, count: usize) -> Vec<WriteRequestSeen> {
        self.wait(|seen| seen.len() >= count).await
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answer(&state, request).await) }
        });
        let tls = tls.clone();
        // A client that goes away, or is refused, ends its connection.
        tokio::spawn(async move {
            let http = http1::Builder::new();
            match tls {
                None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(http.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

/// How a request is answered.
struct Verdict {
    status: u16,
    retry_after: Option<u64>,
    /// Samples, histograms and exemplars that were written.
    written: Option<[u64; 3]>,
    fault: Option<String>,
}

impl Verdict {
    fn of(status: u16) -> Self {
        Self { status, retry_after: None, written: None, fault: None }
    }

    fn fault((status, fault): (u16, String)) -> Self {
        Self { fault: Some(fault), ..Self::of(status) }
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let version = rules::version(&parts, &body);
    let (verdict, points) = match &version {
        Err(fault) => (Verdict::fault(fault.clone()), Vec::new()),
        Ok(version) => judge(state, *version, &body),
    };
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let others = parts.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
    let seen = WriteRequestSeen {
        version: version.unwrap_or_default(),
        status: verdict.status,
        points,
        authorization: parts.headers.get(AUTHORIZATION).map(text),
        headers: others.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        fault: verdict.fault.clone(),
    };
    state.seen.lock().push(seen);
    state.changed.notify_waiters();
    let mut response = Response::builder().status(verdict.status);
    if let Some(seconds) = verdict.retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    for (kind, count) in
        ["Samples", "Histograms", "Exemplars"].iter().zip(verdict.written.into_iter().flatten())
    {
        response = response.header(format!("X-Prometheus-Remote-Write-{kind}-Written"), count);
    }
    response.body(Full::new(verdict.fault.unwrap_or_default().into())).unwrap_or_default()
}

fn judge(state: &State, version: u8, body: &[u8]) -> (Verdict, Vec<WrittenPoint>) {
    match (version, state.knows) {
        (2, Knows::V1) => return (Verdict::of(415), Vec::new()),
        (2, Knows::V1WithBadRequest) => return (Verdict::of(400), Vec::new()),
        (2, Knows::V1WithoutLooking) => return (Verdict::of(204), Vec::new()),
        _ => {}
    }
    let series = match read::series(body, version) {
        Ok(series) => series,
        Err(fault) => return (Verdict::fault((400, fault)), Vec::new()),
    };
    // A request that is not written may come again.
    let mut newest = state.newest.lock();
    let mut tried = newest.clone();
    for one in &series {
        if let Err(fault) = rules::check(one, version, &mut tried) {
            return (Verdict::fault((400, fault)), Vec::new());
        }
    }
    let points: Vec<WrittenPoint> = series.into_iter().flat_map(read::ReadSeries::into_points).collect();
    let histograms =
        points.iter().filter(|point| matches!(point.value, WrittenValue::Histogram(_))).count() as u64;
    let samples = points.len() as u64 - histograms;
    let exemplars = points.iter().map(|point| point.exemplars.len() as u64).sum();
    let reply = state.script.lock().pop_front();
    let (mut verdict, written) = match reply {
        Some(Reply::Status(status, retry_after)) => (Verdict { retry_after, ..Verdict::of(status) }, [0; 3]),
        Some(Reply::Partly(samples)) => (Verdict::of(400), [samples, 0, 0]),
        Some(Reply::WithoutExemplars) => (Verdict::of(204), [samples, histograms, 0]),
        None => (Verdict::of(204), [samples, histograms, exemplars]),
    };
    if verdict.status == 204 {
        *newest = tried;
    }
    verdict.written = Some(written).filter(|_| version == 2);
    (verdict, points)
}
