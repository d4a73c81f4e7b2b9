//! The HTTP side of the fake.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::rules::{self, Refused};
use super::{IngestApi, Scripted, Seen, SeenRequest};

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

#[derive(Debug)]
pub(super) struct State {
    keys: Vec<String>,
    script: Mutex<VecDeque<Scripted>>,
    seen: Mutex<Seen>,
    known: Mutex<Known>,
    changed: Notify,
}

/// What is known of earlier requests.
#[derive(Debug, Default)]
struct Known {
    /// The payload that each request id stands for.
    payloads: HashMap<String, Bytes>,
    /// Ids of requests whose items were kept.
    kept: HashSet<String>,
    /// Ids of the spans that were kept, by trace.
    spans: HashSet<(String, String)>,
}

impl State {
    pub(super) fn new(keys: &[&str]) -> Self {
        Self {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            script: Mutex::default(),
            seen: Mutex::default(),
            known: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn script(&self, answer: Scripted) {
        self.script.lock().push_back(answer);
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        // A client that goes away ends its connection, and so does a reset.
        tokio::spawn(async move {
            let _ = serve(stream, state).await;
        });
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    let stream = stream.into_std()?;
    // A second handle of the socket, by which it can be told to end with a reset.
    let handle = Arc::new(stream.try_clone()?);
    let stream = TcpStream::from_std(stream)?;
    let service = service_fn(move |request: Request<Incoming>| {
        let (state, handle) = (state.clone(), handle.clone());
        async move {
            match answer(&state, request).await {
                Some(answer) => Ok(answer),
                None => {
                    socket2::SockRef::from(&*handle).set_linger(Some(Duration::ZERO))?;
                    Err(io::Error::from(io::ErrorKind::ConnectionReset))
                }
            }
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    served.map_err(io::Error::other)
}

/// None when the connection is to be reset.
async fn answer(state: &State, request: Request<Incoming>) -> Option<Answer> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let api = IngestApi::ALL.into_iter().find(|api| api.path() == parts.uri.path());
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut seen = SeenRequest {
        api,
        id: header("x-request-id"),
        key: header("api-key"),
        host: parts.uri.host().map_or_else(|| header("host"), str::to_owned),
        proxied: parts.uri.host().is_some(),
        at: Instant::now(),
        items: Vec::new(),
        status: None,
    };
    let checked = rules::check(&parts, &body, &state.keys, api);
    let checked = checked.and_then(|items| state.known.lock().check(api, &seen.id, &body, items));
    let (scripted, number) = {
        let mut all = state.seen.lock();
        let scripted = match checked {
            Err(refused) => {
                all.faults.push(refused.fault);
                Scripted::Status { status: refused.status, retry_after: None }
            }
            Ok(items) => {
                let scripted = state.script.lock().pop_front().unwrap_or(success(api));
                seen.items.clone_from(&items);
                if let Some(api) = api.filter(|_| scripted.keeps()) {
                    match state.known.lock().keep(api, &seen.id, &items) {
                        true => all.keep(api, items),
                        false => all.duplicates += 1,
                    }
                }
                scripted
            }
        };
        seen.status = match scripted {
            Scripted::Status { status, .. } => Some(status),
            Scripted::SlowBody(_) | Scripted::Late(_) => Some(202),
            Scripted::ResetAfterBody | Scripted::Reset => None,
        };
        all.request_ids.push(seen.id.clone());
        all.requests.push(seen);
        (scripted, all.requests.len())
    };
    state.changed.notify_waiters();
    if scripted.resets() {
        return None;
    }
    Some(respond(api, scripted, number).await)
}

/// What the API answers when all is well.
fn success(api: Option<IngestApi>) -> Scripted {
    let status = if api == Some(IngestApi::Event) { 200 } else { 202 };
    Scripted::Status { status, retry_after: None }
}

async fn respond(api: Option<IngestApi>, scripted: Scripted, number: usize) -> Answer {
    let id = format!("f0e7bfff-001a-b000-0000-{number:012}");
    let body = match api {
        Some(IngestApi::Event) => json!({"success": true, "uuid": id}),
        _ => json!({"requestId": id}),
    };
    let body = Bytes::from(body.to_string());
    let mut response = Response::builder();
    let full = |body| Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let body = match scripted {
        Scripted::Status { status, retry_after } => {
            response = response.status(status);
            if let Some(seconds) = retry_after {
                response = response.header("retry-after", seconds);
            }
            full(body)
        }
        Scripted::SlowBody(time) => {
            response = response.status(202).header("content-length", body.len());
            let late = futures::stream::once(async move {
                tokio::time::sleep(time).await;
                Ok(Frame::data(body))
            });
            StreamBody::new(late.boxed()).boxed_unsync()
        }
        Scripted::Late(time) => {
            tokio::time::sleep(time).await;
            response = response.status(202);
            full(body)
        }
        // These are not answered.
        Scripted::ResetAfterBody | Scripted::Reset => full(Bytes::new()),
    };
    response.body(body).unwrap_or_default()
}

impl Known {
    /// An id stands for one payload, whatever becomes of it.
    fn check(
        &mut self,
        api: Option<IngestApi>,
        id: &str,
        body: &Bytes,
        items: Vec<Json>,
    ) -> Result<Vec<Json>, Refused> {
        let known = self.payloads.entry(id.to_owned()).or_insert_with(|| body.clone());
        if known != body {
            return Err(Refused::bad(format!("request id {id} stands for another payload already")));
        }
        if api == Some(IngestApi::Trace) && !self.kept.contains(id) {
            // A span that is sent again tears its trace apart.
            if let Some(twice) = items.iter().map(span_id).find(|id| self.spans.contains(id)) {
                return Err(Refused::bad(format!("span {twice:?} was sent before")));
            }
        }
        Ok(items)
    }

    /// Whether the items are new.
    fn keep(&mut self, api: IngestApi, id: &str, items: &[Json]) -> bool {
        if api == IngestApi::Trace {
            self.spans.extend(items.iter().map(span_id));
        }
        self.kept.insert(id.to_owned())
    }
}

fn span_id(span: &Json) -> (String, String) {
    let text = |name: &str| span.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    (text("trace.id"), text("id"))
}
