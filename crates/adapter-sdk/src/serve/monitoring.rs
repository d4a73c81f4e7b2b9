//! The monitoring port: metrics and probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use prometheus::{Encoder as _, Registry, TextEncoder};

use crate::http::{Body, Responder, text};

/// Answers /metrics, /healthz and /readyz.
pub(super) fn responder(registry: Registry, ready: Arc<AtomicBool>) -> Responder {
    Arc::new(move |request| {
        let response = match request.uri.path() {
            "/metrics" => scrape(&registry),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if ready.load(Ordering::Relaxed) => text(StatusCode::OK, "ok\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            _ => text(StatusCode::NOT_FOUND, "not found; try /metrics, /healthz or /readyz\n"),
        };
        std::future::ready(response).boxed()
    })
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
