//! The monitoring port: metrics and probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use http::{HeaderValue, Method, Response, StatusCode, header};
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::logs;
use crate::http::{Body, Responder, text};

/// The methods that the port takes.
pub(super) const METHODS: &[Method] = &[Method::GET, Method::HEAD, Method::PUT];

/// Answers /metrics, /healthz, /readyz and /logging.
pub(super) fn responder(registry: Registry, ready: Arc<AtomicBool>) -> Responder {
    Arc::new(move |request| {
        let response = match request.uri.path() {
            "/logging" if request.method == Method::PUT => set_level(request.uri.query().unwrap_or_default()),
            _ if request.method == Method::PUT => text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
            "/metrics" => scrape(&registry),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if ready.load(Ordering::Relaxed) => text(StatusCode::OK, "ok\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/logging" => match logs::level() {
                Some(level) => text(StatusCode::OK, format!("{level}\n")),
                None => text(StatusCode::NOT_FOUND, "logging was not set up by the SDK\n"),
            },
            _ => text(StatusCode::NOT_FOUND, "not found; try /metrics, /healthz, /readyz or /logging\n"),
        };
        std::future::ready(response).boxed()
    })
}

/// `PUT /logging?level=info,h2=warn`.
fn set_level(query: &str) -> Response<Body> {
    let Some(level) = query.split('&').find_map(|pair| pair.strip_prefix("level=")) else {
        return text(StatusCode::BAD_REQUEST, "say which level: PUT /logging?level=debug\n");
    };
    match logs::set_level(level) {
        Ok(()) => text(StatusCode::OK, format!("{level}\n")),
        Err(error) => text(StatusCode::BAD_REQUEST, format!("level {level:?} was not set: {error}\n")),
    }
}

fn scrape(registry: &Registry) -> Response<Body> {
    let encoder = TextEncoder::new();
    let mut body = Vec::new();
    if let Err(error) = encoder.encode(&registry.gather(), &mut body) {
        return text(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be written: {error}\n"));
    }
    let mut response = text(StatusCode::OK, body);
    if let Ok(format) = HeaderValue::from_str(encoder.format_type()) {
        response.headers_mut().insert(header::CONTENT_TYPE, format);
    }
    response
}
