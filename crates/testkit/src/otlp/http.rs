//! The HTTP half: paths, types, sizes and answers.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::http::request::Parts;
use mixer_proto::google::rpc::Status;
use prost::Message as _;
use serde_json::json;

use super::{Answer, Export, OtlpReply, OtlpRequest, State, grpc, gunzip, json};

/// What a collector takes, before compression and after.
const MAX_BODY: usize = 20 << 20;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(super) fn answer(state: &State, parts: &Parts, body: &Bytes) -> Answer {
    let refuse = |status: u16, fault: String| {
        state.fault(fault.clone());
        told(status, &fault, PROTOBUF)
    };
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signal = match parts.uri.path() {
        "/v1/metrics" => "metrics",
        "/v1/logs" => "logs",
        "/v1/traces" => "traces",
        other => return refuse(404, format!("path {other}")),
    };
    if parts.method != "POST" {
        return refuse(405, format!("method {}", parts.method));
    }
    let kind = header("content-type").to_owned();
    if kind != PROTOBUF && kind != JSON {
        return refuse(415, format!("content-type {kind:?}"));
    }
    if header("content-length") != body.len().to_string() {
        return refuse(411, "no content-length".to_owned());
    }
    let compressed = header("content-encoding") == "gzip";
    let message = match header("content-encoding") {
        "" => Ok(body.clone()),
        "gzip" => gunzip(body),
        other => Err(format!("content-encoding {other:?}")),
    };
    let message = match message {
        Ok(message) => message,
        Err(fault) => return refuse(400, fault),
    };
    let bytes = message.len();
    if bytes.max(body.len()) > MAX_BODY {
        return refuse(413, format!("a message of {bytes} bytes"));
    }
    let is_json = kind == JSON;
    let export = if is_json { json::read(signal, &message) } else { Export::decode(signal, &message) };
    let items = export.as_ref().map_or(0, Export::items);
    let headers = parts.headers.clone();
    let protocol = if is_json { "http/json" } else { "http/protobuf" };
    let request = OtlpRequest { signal, protocol, headers, items, bytes, compressed };
    match state.take(request, export) {
        Err(fault) => told(400, &fault, &kind),
        Ok(reply) => replied(reply, signal, &kind),
    }
}

fn replied(reply: OtlpReply, signal: &str, kind: &str) -> Answer {
    match reply {
        OtlpReply::Take => {
            let body = if kind == JSON { Bytes::from_static(b"{}") } else { Bytes::new() };
            plain(200, None, body, kind)
        }
        OtlpReply::Partial { rejected, message } => partial(signal, (rejected, &message), kind),
        OtlpReply::Http { status, retry_after } => match told(status, "scripted", kind) {
            Answer::Response(mut response) => {
                if let Some(retry_after) = retry_after.and_then(|text| text.parse().ok()) {
                    response.headers_mut().insert("retry-after", retry_after);
                }
                Answer::Response(response)
            }
            other => other,
        },
        // A collector that speaks gRPC alone.
        OtlpReply::Grpc { .. } => plain(501, None, Bytes::new(), "text/plain"),
        OtlpReply::Cut => Answer::Cut,
        OtlpReply::Hang => Answer::Hang,
    }
}

fn partial(signal: &str, (rejected, message): (i64, &str), kind: &str) -> Answer {
    if kind != JSON {
        return plain(200, None, grpc::partial(rejected, message).into(), kind);
    }
    let name = match signal {
        "metrics" => "rejectedDataPoints",
        "logs" => "rejectedLogRecords",
        _ => "rejectedSpans",
    };
    let answer = json!({"partialSuccess": {name: rejected.to_string(), "errorMessage": message}});
    plain(200, None, answer.to_string().into(), kind)
}

/// A refusal: `google.rpc.Status` in the form of the request.
fn told(status: u16, message: &str, kind: &str) -> Answer {
    let body = match kind {
        JSON => json!({"code": 0, "message": message}).to_string().into(),
        _ => {
            let status = Status { message: message.to_owned(), ..Status::default() };
            Bytes::from(status.encode_to_vec())
        }
    };
    plain(status, None, body, kind)
}

/// Any answer.
pub(super) fn plain(status: u16, retry_after: Option<&str>, body: Bytes, kind: &str) -> Answer {
    let mut response = Response::builder().status(status).header("content-type", kind);
    if let Some(retry_after) = retry_after {
        response = response.header("retry-after", retry_after);
    }
    Answer::Response(response.body(Full::new(body).boxed_unsync()).unwrap_or_default())
}
