//! The port that Prometheus scrapes: open for as long as a handler uses it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mixer_adapter_sdk::http::{Body, ClientGone, HttpServer, Responder, text};
use mixer_adapter_sdk::{BindError, ListenAddress};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::exposition::{self, Exposition};
use crate::store::Store;

/// How long a scrape may go on when the port is closed.
const GRACE: Duration = Duration::from_secs(5);

/// Scrapes that are answered at the same time.
const MAX_SCRAPES: usize = 8;

/// Size of the parts in which a compressed answer is sent.
const COMPRESSED_PART: usize = 32 * 1024;

/// The port, when it is open.
#[derive(Debug)]
pub(crate) struct ScrapePort {
    address: ListenAddress,
    store: Arc<Store>,
    open: Mutex<Weak<HttpServer>>,
}

/// Keeps the port open.
#[derive(Debug)]
pub(crate) struct ScrapeLease(Arc<HttpServer>);

impl ScrapePort {
    pub(crate) fn new(address: ListenAddress, store: Arc<Store>) -> Self {
        Self { address, store, open: Mutex::default() }
    }

    /// Opens the port, unless it is open.
    pub(crate) async fn lease(&self) -> Result<ScrapeLease, BindError> {
        let mut open = self.open.lock().await;
        if let Some(server) = open.upgrade() {
            return Ok(ScrapeLease(server));
        }
        let server =
            Arc::new(HttpServer::start("Prometheus", &self.address, responder(self.store.clone())).await?);
        tracing::info!(address = %server.local_addr(), "metrics are served at /metrics");
        *open = Arc::downgrade(&server);
        Ok(ScrapeLease(server))
    }

    /// Where it is open.
    pub(crate) async fn address(&self) -> Option<SocketAddr> {
        self.open.lock().await.upgrade().map(|server| server.local_addr())
    }
}

impl ScrapeLease {
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// Closes the port when nobody else needs it.
    pub(crate) async fn release(self) {
        if let Some(server) = Arc::into_inner(self.0) {
            server.stop(GRACE).await;
        }
    }
}

fn responder(store: Arc<Store>) -> Responder {
    let room = Arc::new(Semaphore::new(MAX_SCRAPES));
    Arc::new(move |request| {
        let (store, room) = (store.clone(), room.clone());
        Box::pin(async move {
            if request.uri.path() != "/metrics" {
                return text(StatusCode::NOT_FOUND, "not found; metrics are at /metrics\n");
            }
            match room.try_acquire_owned() {
                Ok(permit) => scrape(store, &request, permit),
                Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at the same time\n"),
            }
        })
    })
}

/// Starts to answer a scrape. The answer is written on a thread of its own while the client reads.
fn scrape(store: Arc<Store>, request: &Parts, permit: OwnedSemaphorePermit) -> Response<Body> {
    let form = Exposition::negotiate(&all(&request.headers, header::ACCEPT));
    let compress = accepts_gzip(&all(&request.headers, header::ACCEPT_ENCODING));
    let (sender, body) = Body::parts();
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let send = |part| runtime.block_on(sender.send(part));
        let written = match compress {
            true => write_compressed(&store, form, send),
            false => write(&store, form, |part| send(Bytes::copy_from_slice(part))),
        };
        let ended = written.and_then(|()| runtime.block_on(sender.finish()));
        if let Err(error) = ended {
            tracing::debug!(%error, "a scrape was not completed");
        }
        drop(permit);
    });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn write(
    store: &Store,
    form: Exposition,
    mut sink: impl FnMut(&[u8]) -> Result<(), ClientGone>,
) -> Result<(), ClientGone> {
    let families = store.families();
    match form {
        Exposition::Text(format) => exposition::render(&families, format, |part| sink(part.as_bytes())),
        Exposition::Protobuf => exposition::render_protobuf(&families, sink),
    }
}

fn write_compressed(
    store: &Store,
    form: Exposition,
    send: impl Fn(Bytes) -> Result<(), ClientGone>,
) -> Result<(), ClientGone> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write(store, form, |part| {
        // Writing to a vector does not fail.
        let _ = encoder.write_all(part);
        let compressed = encoder.get_mut();
        if compressed.len() < COMPRESSED_PART {
            return Ok(());
        }
        send(std::mem::take(compressed).into())
    })?;
    send(encoder.finish().unwrap_or_default().into())
}

/// All values of a header as one list.
fn all(headers: &HeaderMap, name: header::HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        is_gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
