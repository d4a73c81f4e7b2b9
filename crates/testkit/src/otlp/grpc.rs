//! The gRPC half: frames, metadata and statuses by hand, so that everything can be checked and everything can be answered.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response};
use mixer_proto::google::rpc::Status;
use mixer_proto::otlp::collector::trace::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message as _;

use super::{Answer, Export, OtlpReply, OtlpRequest, State, gunzip};

/// What a collector takes, before compression.
const MAX_MESSAGE: usize = 4 << 20;

const INVALID_ARGUMENT: i32 = 3;
const RESOURCE_EXHAUSTED: i32 = 8;
const UNIMPLEMENTED: i32 = 12;

pub(super) fn answer(state: &State, parts: &Parts, body: &[u8]) -> Answer {
    let signal = match parts.uri.path() {
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => "metrics",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => "logs",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => "traces",
        other => {
            state.fault(format!("path {other}"));
            return status(UNIMPLEMENTED, "no such method", &[]);
        }
    };
    let (message, compressed) = match message(parts, body) {
        Ok(message) => message,
        Err(fault) => {
            state.fault(fault.clone());
            return status(INVALID_ARGUMENT, &fault, &[]);
        }
    };
    let bytes = message.len();
    if bytes > MAX_MESSAGE {
        state.fault(format!("a message of {bytes} bytes"));
        return status(RESOURCE_EXHAUSTED, "grpc: received message larger than max", &[]);
    }
    let export = Export::decode(signal, &message);
    let items = export.as_ref().map_or(0, Export::items);
    let headers = parts.headers.clone();
    let request = OtlpRequest { signal, protocol: "grpc", headers, items, bytes, compressed };
    match state.take(request, export) {
        Err(fault) => status(INVALID_ARGUMENT, &fault, &[]),
        Ok(OtlpReply::Take) => taken(&[]),
        Ok(OtlpReply::Partial { rejected, message }) => taken(&partial(rejected, &message)),
        Ok(OtlpReply::Grpc { code, message, retry_info }) => {
            let details = retry_info.map(|delay| details(code, &message, delay)).unwrap_or_default();
            status(code, &message, &details)
        }
        Ok(OtlpReply::Http { status, retry_after }) => {
            super::http::plain(status, retry_after.as_deref(), Bytes::new(), "")
        }
        Ok(OtlpReply::Cut) => Answer::Cut,
        Ok(OtlpReply::Hang) => Answer::Hang,
    }
}

/// The message of a request, and whether it was compressed.
fn message(parts: &Parts, body: &[u8]) -> Result<(Bytes, bool), String> {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if parts.method != "POST" {
        return Err(format!("method {}", parts.method));
    }
    if !matches!(header("content-type"), "application/grpc" | "application/grpc+proto") {
        return Err(format!("content-type {:?}", header("content-type")));
    }
    if header("te") != "trailers" {
        return Err("no te: trailers".to_owned());
    }
    let (Some(flag), Some(length), Some(content)) = (body.first(), body.get(1..5), body.get(5..)) else {
        return Err("no message".to_owned());
    };
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if length != content.len() {
        return Err(format!("a message of {length} bytes in {} bytes", content.len()));
    }
    match (flag, header("grpc-encoding")) {
        (0, "" | "identity") => Ok((Bytes::copy_from_slice(content), false)),
        (1, "gzip") => Ok((gunzip(content)?, true)),
        (flag, encoding) => Err(format!("a message with flag {flag} and grpc-encoding {encoding:?}")),
    }
}

/// The answer with rejected items; its numbers are the same for all signals.
pub(super) fn partial(rejected: i64, message: &str) -> Vec<u8> {
    let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message: message.to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
}

fn details(code: i32, message: &str, delay: std::time::Duration) -> Vec<u8> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct RetryInfo {
        #[prost(message, optional, tag = "1")]
        retry_delay: Option<prost_types::Duration>,
    }
    let info = RetryInfo { retry_delay: delay.try_into().ok() };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    Status { code, message: message.to_owned(), details: vec![detail] }.encode_to_vec()
}

fn taken(message: &[u8]) -> Answer {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", hyper::http::HeaderValue::from_static("0"));
    let frames = [Ok(Frame::data(frame.freeze())), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    Answer::Response(response().body(body).unwrap_or_default())
}

fn status(code: i32, message: &str, details: &[u8]) -> Answer {
    use base64::Engine as _;
    let mut response = response().header("grpc-status", code).header("grpc-message", message);
    if !details.is_empty() {
        let details = base64::engine::general_purpose::STANDARD_NO_PAD.encode(details);
        response = response.header("grpc-status-details-bin", details);
    }
    Answer::Response(response.body(Full::default().boxed_unsync()).unwrap_or_default())
}

fn response() -> hyper::http::response::Builder {
    Response::builder().header("content-type", "application/grpc")
}
