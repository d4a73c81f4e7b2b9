//! The admin port: metrics, probes and version over HTTP, on a runtime of its own so that a slow scrape never adds
//! latency to a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::accept::accept_tcp;
use crate::readiness::Readiness;
use crate::version::BuildInfo;

/// Scrapers and probes that are served at once; more wait.
const MAX_CONNECTIONS: usize = 256;

/// A client that has not sent its request by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";

/// What the admin port tells about.
#[derive(Debug)]
pub(crate) struct Admin {
    /// Served at `/metrics`.
    pub metrics: Registry,
    /// Served at `/readyz`.
    pub readiness: Readiness,
    /// Why the configuration source cannot be read at the moment; told at `/readyz`, where it changes nothing.
    pub unavailable: watch::Receiver<Option<Arc<str>>>,
    /// Served at `/version`.
    pub build: BuildInfo,
}

impl Admin {
    /// Answers requests for as long as the future is polled.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        // The semaphore is never closed, so this loop has no other end than being dropped.
        while let Ok(permit) = room.clone().acquire_owned().await {
            let stream = accept_tcp(&listener).await;
            let admin = self.clone();
            tokio::spawn(async move {
                admin.connection(stream).await;
                drop(permit);
            });
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(move |request: Request<Incoming>| {
            let response = self.respond(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "admin connection ended");
        }
    }

    fn respond(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
        }
        match path {
            "/metrics" => self.scrape(),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready(),
            "/version" => text(StatusCode::OK, self.build.to_string()),
            _ => text(StatusCode::NOT_FOUND, "not found; try /metrics, /healthz, /readyz or /version\n"),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let waiting = self.readiness.waiting();
        let unavailable = self.unavailable.borrow().clone();
        if waiting.is_ready() {
            // The last good configuration serves: taking every server away would make an outage of two.
            let told = unavailable.map(|reason| {
                format!("configuration cannot be read at the moment, the last good one serves: {reason}\n")
            });
            return text(StatusCode::OK, format!("ready\n{}", told.unwrap_or_default()));
        }
        let names: Vec<_> = waiting.names().collect();
        let told = unavailable.map(|reason| format!("configuration cannot be read: {reason}\n"));
        let told = format!("not ready, waiting for: {}\n{}", names.join(", "), told.unwrap_or_default());
        text(StatusCode::SERVICE_UNAVAILABLE, told)
    }

    fn scrape(&self) -> Response<Full<Bytes>> {
        let encoder = TextEncoder::new();
        let mut buffer = Vec::new();
        if let Err(error) = encoder.encode(&self.metrics.gather(), &mut buffer) {
            tracing::error!(%error, "metrics cannot be encoded");
            return text(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be encoded: {error}\n"));
        }
        response(StatusCode::OK, prometheus::TEXT_FORMAT, buffer)
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    response(status, TEXT, body)
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
