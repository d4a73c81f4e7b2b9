//! POSTs over HTTP (OTLP 1, OTLP/HTTP): 429, 502, 503 and 504 are worth another try, as is no answer; nothing else is.

use crate::delivery::http::{Answer, HttpClient, Url};
use crate::delivery::{Outcome, Payload};
use ::http::{HeaderMap, HeaderValue, header};
use mixer_proto::google::rpc::Status;
use prost::Message as _;
use serde_json::Value as Json;

use super::{Exporter, Protocol, gunzip, rejected};

impl Exporter {
    pub(super) async fn post(
        &self,
        client: &HttpClient,
        url: &Url,
        mut headers: HeaderMap,
        payload: &Payload,
    ) -> Outcome {
        let is_json = self.protocol == Protocol::HttpJson;
        let content = if is_json { "application/json" } else { "application/x-protobuf" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        if self.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let answer = match client.post(url, headers, payload.body.clone()).await {
            Ok(answer) => answer,
            Err(error) => return error.outcome(),
        };
        match answer.status.as_u16() {
            200..=299 => {
                let (rejected, message) =
                    if is_json { rejected_json(&answer.body) } else { rejected(&answer.body) };
                self.partly(rejected, &message, payload.items)
            }
            429 | 502 | 503 | 504 => told(answer, is_json).again(),
            // The same request is never sent again; its halves are other ones.
            413 => Outcome::Split,
            _ => told(answer, is_json).never(),
        }
    }
}

/// The answer with what its `google.rpc.Status` says in place of the encoded one.
fn told(mut answer: Answer, is_json: bool) -> Answer {
    let message = match is_json {
        true => serde_json::from_slice::<Json>(&answer.body)
            .ok()
            .and_then(|status| status.get("message").and_then(Json::as_str).map(str::to_owned)),
        false => Status::decode(&*answer.body).ok().map(|status| status.message),
    };
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        answer.body = message.into_bytes().into();
    }
    answer
}

/// The same as [`rejected`] of an answer in JSON: a number, or as proto3 writes it, a text.
fn rejected_json(body: &[u8]) -> (i64, String) {
    let answer: Json = serde_json::from_slice(body).unwrap_or_default();
    let partial = answer.get("partialSuccess");
    let message = partial.and_then(|partial| partial.get("errorMessage")).and_then(Json::as_str);
    let counts = ["rejectedDataPoints", "rejectedLogRecords", "rejectedSpans"];
    let count = counts.iter().find_map(|name| partial?.get(name));
    let count = count.and_then(|count| count.as_i64().or_else(|| count.as_str()?.parse().ok()));
    (count.unwrap_or_default(), message.unwrap_or_default().to_owned())
}

/// The request of a body.
pub(super) fn unpacked(body: &[u8], is_compressed: bool) -> Option<Vec<u8>> {
    if is_compressed { gunzip(body) } else { Some(body.to_vec()) }
}
