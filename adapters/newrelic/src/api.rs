//! The ingest APIs: how items become a payload, and what an answer means.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::delivery::http::{Answer, Credential, HttpClient, gzip};
use mixer_adapter_sdk::delivery::{Outcome, Payload};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::endpoints::{Api, Target};
use crate::json::Object;

/// What a payload may have before compression when it is taken apart; far more than any has.
const MAX_JSON: u64 = 64 << 20;

/// Sends to one of the ingest APIs.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) api: Api,
    pub(crate) client: HttpClient,
    pub(crate) key: std::sync::Arc<Credential>,
    pub(crate) target: Target,
    /// What goes before the items of a payload.
    head: Vec<u8>,
}

impl Ingest {
    /// An API whose payloads have these attributes in common. Events have no place for them; they bring them along.
    pub(crate) fn new(
        api: Api,
        client: HttpClient,
        key: std::sync::Arc<Credential>,
        target: Target,
        common: &[(Box<str>, Box<str>)],
    ) -> Self {
        Self { api, client, key, target, head: head(api, common) }
    }

    /// What was answered, or what follows from no answer.
    pub(crate) async fn post(&self, payload: &Payload) -> Result<Answer, Outcome> {
        // A key that cannot be sent may be replaced: its file is looked at again.
        let unusable = |detail: String| Outcome::Retry { after: None, detail };
        let key = self.key.header().map_err(|error| unusable(error.to_string()))?;
        let url = self.target.url(self.api, self.key.get().expose());
        let url = url.ok_or_else(|| unusable(format!("the URL of the {} is not usable", self.api.name())))?;
        let id = HeaderValue::from_str(&payload.request_id.to_string());
        let id = id.map_err(|_| unusable("the request id cannot be sent".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(HeaderName::from_static("api-key"), key);
        headers.insert(HeaderName::from_static("x-request-id"), id);
        if self.api == Api::Trace {
            headers.insert(HeaderName::from_static("data-format"), HeaderValue::from_static("newrelic"));
            headers.insert(HeaderName::from_static("data-format-version"), HeaderValue::from_static("1"));
        }
        let answer = self.client.post(&url, headers, payload.body.clone()).await;
        answer.map_err(|error| error.outcome())
    }

    /// The payload of items as JSON.
    pub(crate) fn encode<'a>(&self, items: impl Iterator<Item = &'a [u8]> + Clone) -> Bytes {
        let size: usize = items.clone().map(|item| item.len() + 1).sum();
        let mut body = Vec::with_capacity(self.head.len() + size + 4);
        body.extend_from_slice(&self.head);
        for (index, item) in items.enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(item);
        }
        body.extend_from_slice(self.tail());
        gzip(&body)
    }

    /// The items of a payload that [`Ingest::encode`] has made; none when it is no such payload.
    pub(crate) fn decode(&self, body: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut json = Vec::new();
        GzDecoder::new(body).take(MAX_JSON).read_to_end(&mut json).ok()?;
        let items = json.strip_prefix(&*self.head)?.strip_suffix(self.tail())?;
        let items = [b"[", items, b"]"].concat();
        let items: Vec<&RawValue> = serde_json::from_slice(&items).ok()?;
        Some(items.into_iter().map(|item| item.get().as_bytes().to_vec()).collect())
    }

    /// What goes behind the items of a payload.
    fn tail(&self) -> &'static [u8] {
        if self.api == Api::Event { b"]" } else { b"]}]" }
    }

    /// Sends a payload once.
    pub(crate) async fn send(&self, payload: &Payload) -> Outcome {
        match self.post(payload).await {
            Ok(answer) => {
                // What is wrong with the data is told later, in the account, under the id of this answer.
                tracing::debug!(
                    api = self.api.name(),
                    status = answer.status.as_u16(),
                    answer_id = answer_id(&answer),
                    request_id = %payload.request_id,
                    items = payload.items,
                    attempt = payload.attempt,
                    "New Relic answered"
                );
                outcome(&answer)
            }
            Err(outcome) => outcome,
        }
    }
}

/// What goes before the items of a payload.
fn head(api: Api, common: &[(Box<str>, Box<str>)]) -> Vec<u8> {
    let items = match api {
        Api::Metric => "metrics",
        Api::Trace => "spans",
        Api::Log => "logs",
        Api::Event => return b"[".to_vec(),
    };
    let mut head = Object::new();
    if !common.is_empty() {
        head.begin("common");
        head.begin("attributes");
        for (name, value) in common {
            head.text(name, value);
        }
        head.end();
        head.end();
    }
    [b"[", &*head.into_open_array(items)].concat()
}

/// The id by which New Relic knows the request: `requestId`, or `uuid` of events.
pub(crate) fn answer_id(answer: &Answer) -> Option<String> {
    let body: Json = serde_json::from_slice(&answer.body).ok()?;
    let id = body.get("requestId").or_else(|| body.get("uuid"))?;
    // It comes from elsewhere and goes into a log line.
    Some(id.as_str()?.chars().filter(|c| c.is_ascii_graphic()).take(64).collect())
}

/// What follows from an answer of the ingest APIs: these statuses are for ever, everything else that is no success is
/// tried again.
fn outcome(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        200..=299 => Outcome::Delivered,
        413 => Outcome::Split,
        400 | 401 | 403 | 404 | 405 | 409 | 410 | 411 | 414 | 415 | 431 => answer.never(),
        _ => answer.again(),
    }
}

#[cfg(test)]
mod tests;
