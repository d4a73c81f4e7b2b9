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
use mixer_adapter_sdk::http::{HttpServer, Responder, text};
use mixer_adapter_sdk::{BindError, ListenAddress};
use tokio::sync::Mutex;

use crate::exposition::{self, Format};
use crate::store::Store;

/// How long a scrape may go on when the port is closed.
const GRACE: Duration = Duration::from_secs(5);

/// Answers below this size are not worth compressing.
const COMPRESS_FROM: usize = 1024;

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
    Arc::new(move |request| {
        let store = store.clone();
        Box::pin(async move {
            if request.uri.path() != "/metrics" {
                return text(StatusCode::NOT_FOUND, "not found; metrics are at /metrics\n");
            }
            // Many series take longer to write than a task should.
            let written = tokio::task::spawn_blocking(move || scrape(&store, &request));
            written.await.unwrap_or_else(|error| {
                tracing::error!(%error, "writing the metrics failed");
                text(StatusCode::INTERNAL_SERVER_ERROR, "writing the metrics failed; see the log\n")
            })
        })
    })
}

fn scrape(store: &Store, request: &Parts) -> Response<Bytes> {
    let format = Format::negotiate(&all(&request.headers, header::ACCEPT));
    let body = exposition::render(&store.families(), format).into_bytes();
    let wants_gzip = accepts_gzip(&all(&request.headers, header::ACCEPT_ENCODING));
    let (body, encoding) = match wants_gzip && body.len() >= COMPRESS_FROM {
        true => match gzip(&body) {
            Ok(compressed) => (compressed, Some(HeaderValue::from_static("gzip"))),
            Err(_) => (body, None),
        },
        false => (body, None),
    };
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    response
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

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
