//! A strict fake of the Metric API of New Relic: what the documentation forbids is answered with 400 and kept as a fault,
//! where the real one would answer 202 and lose the data without telling.

mod rules;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A running fake. It stops with its runtime.
#[derive(Clone, Debug)]
pub struct FakeNewRelic {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    key: String,
    script: Mutex<VecDeque<(u16, Option<u64>)>>,
    seen: Mutex<Seen>,
    changed: Notify,
}

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Metrics that were accepted, with the fields of `common` filled in.
    pub metrics: Vec<Json>,
    /// Request ids of all requests, accepted or not.
    pub request_ids: Vec<String>,
    /// Rules that were broken.
    pub faults: Vec<String>,
}

impl FakeNewRelic {
    /// Starts a fake of an account with this key.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn start(key: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = State {
            key: key.to_owned(),
            script: Mutex::default(),
            seen: Mutex::default(),
            changed: Notify::new(),
        };
        let fake = Self { address, state: Arc::new(state) };
        tokio::spawn(accept(listener, fake.state.clone()));
        Ok(fake)
    }

    /// The URL of its Metric API.
    pub fn metrics_url(&self) -> String {
        format!("http://{}/metric/v1", self.address)
    }

    /// Answers the next request, if it breaks no rule, with this status, and with `Retry-After` seconds.
    pub fn script(&self, status: u16, retry_after: Option<u64>) {
        self.state.script.lock().push_back((status, retry_after));
    }

    /// What has arrived.
    pub fn seen(&self) -> Seen {
        self.state.seen.lock().clone()
    }

    /// Waits until so many requests have arrived.
    pub async fn requests(&self, count: usize) -> Seen {
        loop {
            let changed = self.state.changed.notified();
            let seen = self.seen();
            if seen.request_ids.len() >= count {
                return seen;
            }
            changed.await;
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answer(&state, request).await) }
        });
        // A client that goes away ends its connection.
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let checked = rules::check(&parts, &body, &state.key);
    let (status, retry_after) = {
        let mut seen = state.seen.lock();
        let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        seen.request_ids.push(id.to_owned());
        match checked {
            Err(refused) => {
                seen.faults.push(refused.fault);
                (refused.status, None)
            }
            Ok(metrics) => {
                let (status, retry_after) = state.script.lock().pop_front().unwrap_or((202, None));
                if status == 202 {
                    seen.metrics.extend(metrics);
                }
                (status, retry_after)
            }
        }
    };
    state.changed.notify_waiters();
    let mut response = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    let body = Bytes::from_static(b"{\"requestId\":\"f0e7bfff-001a-b000-0000-01682bcf4565\"}");
    response.body(Full::new(body)).unwrap_or_default()
}
