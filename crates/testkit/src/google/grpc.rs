//! The Monitoring API over gRPC, as the official clients speak it.

use std::convert::Infallible;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Response};
use serde_json::{Value as Json, json};

use super::{Answer, Body, Refused, State, call, code_of, messages};

const SERVICE: &str = "/google.monitoring.v3.MetricService/";

pub(super) fn answer(state: &mut State, project: &str, path: &str, body: &Bytes) -> Response<Body> {
    match handle(state, project, path, body) {
        Ok(message) => {
            let mut frame = vec![0];
            frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
            frame.extend_from_slice(&message);
            respond(frame, "0", "", None)
        }
        Err(refused) => {
            let details = refused.detail.as_ref().and_then(|(kind, detail)| details(&refused, kind, detail));
            respond(Vec::new(), &refused.code.to_string(), &refused.message, details)
        }
    }
}

fn handle(state: &mut State, project: &str, path: &str, body: &Bytes) -> Result<Vec<u8>, Refused> {
    // No compression, and the length of one message.
    let message = body.get(5..).unwrap_or_default();
    let read = |name| messages::of_bytes(name, message).map_err(|error| Refused::new(3, error));
    let (mut message, name, answer) = match path.strip_prefix(SERVICE) {
        Some("CreateTimeSeries") => (read("CreateTimeSeriesRequest")?, "CreateTimeSeriesRequest", ""),
        Some("CreateMetricDescriptor") => {
            (read("CreateMetricDescriptorRequest")?, "MetricDescriptor", "MetricDescriptor")
        }
        _ => return Err(Refused::new(12, format!("method {path}"))),
    };
    if message.get("name").and_then(Json::as_str) != Some(&format!("projects/{project}")) {
        return Err(Refused::new(3, format!("name {:?}", message.get("name"))));
    }
    if let Some(message) = message.as_object_mut() {
        // Over JSON it stands in the path.
        message.remove("name");
    }
    let message = message.get("metricDescriptor").cloned().unwrap_or(message);
    match call(state, project, name, &message) {
        Ok(_) if answer.is_empty() => Ok(Vec::new()),
        Ok(json) => messages::to_bytes(answer, &json).map_err(|error| Refused::new(13, error)),
        Err(Answer::Refused(refused)) => Err(refused),
        Err(Answer::Scripted(status, _)) => Err(Refused::new(code_of(status), "as the test wants it")),
    }
}

/// An encoded google.rpc.Status with a detail.
fn details(refused: &Refused, kind: &str, detail: &Json) -> Option<String> {
    let value = messages::to_bytes("CreateTimeSeriesSummary", detail).ok()?;
    let url = format!("type.googleapis.com/{kind}");
    let value = base64::prelude::BASE64_STANDARD.encode(value);
    let any = json!({"typeUrl": url, "value": value});
    let status = json!({"code": refused.code, "message": refused.message, "details": [any]});
    messages::to_bytes("Status", &status).ok().map(|status| BASE64_STANDARD_NO_PAD.encode(status))
}

fn respond(frame: Vec<u8>, status: &str, message: &str, details: Option<String>) -> Response<Body> {
    let message: String = url::form_urlencoded::byte_serialize(message.as_bytes()).collect();
    let mut trailers = HeaderMap::new();
    let all = [
        ("grpc-status", status.to_owned()),
        ("grpc-message", message.replace('+', "%20")),
        ("grpc-status-details-bin", details.unwrap_or_default()),
    ];
    for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Ok(value) = value.parse() {
            trailers.insert(name, value);
        }
    }
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(body.boxed_unsync()).unwrap_or_default()
}
