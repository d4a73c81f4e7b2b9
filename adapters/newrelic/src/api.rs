//! The Metric API: how metrics become a payload, and what its answers mean.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::delivery::http::{Answer, Credential, HttpClient, gzip};
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload};
use mixer_adapter_sdk::typed::Refused;

use crate::config::Target;

/// Sends to the Metric API.
#[derive(Debug)]
pub(crate) struct MetricApi {
    pub(crate) client: HttpClient,
    pub(crate) key: Credential,
    pub(crate) target: Target,
}

impl Backend for MetricApi {
    /// A metric as JSON.
    type Item = Vec<u8>;

    fn size(&self, item: &Vec<u8>) -> usize {
        item.len() + 1
    }

    fn encode(&self, items: &[Vec<u8>]) -> Result<Bytes, Refused> {
        let metrics = items.join(&b',');
        Ok(gzip(&[b"[{\"metrics\":[", &metrics[..], b"]}]"].concat()))
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        // A key that cannot be sent may be replaced: its file is looked at again.
        let unusable = |detail: String| Outcome::Retry { after: None, detail };
        let key = match self.key.header() {
            Ok(key) => key,
            Err(error) => return unusable(error.to_string()),
        };
        let Some(url) = self.target.url(self.key.get().expose()) else {
            return unusable("the URL of the Metric API is not usable".to_owned());
        };
        let Ok(id) = HeaderValue::from_str(&payload.request_id.to_string()) else {
            return unusable("the request id cannot be sent".to_owned());
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(HeaderName::from_static("api-key"), key);
        headers.insert(HeaderName::from_static("x-request-id"), id);
        match self.client.post(&url, headers, payload.body.clone()).await {
            Ok(answer) => {
                // What is wrong with the data is told later, in the account, under the id of this answer.
                tracing::debug!(request_id = %payload.request_id, items = payload.items, "{}", answer.text());
                outcome(&answer)
            }
            Err(error) => error.outcome(),
        }
    }
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
