//! Cloud Trace: `projects.traces.batchWrite` of API v2. A span that comes twice is one span.

use bytes::Bytes;
use mixer_adapter_sdk::delivery::http::Url;
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload};
use mixer_adapter_sdk::typed::Refused;

use crate::api::Api;
use crate::items;

/// The field of the spans in a call.
const FIELD: &str = "spans";

/// Sends spans.
#[derive(Debug)]
pub(crate) struct Traces {
    api: Api,
    batch_write: Url,
}

impl Traces {
    pub(crate) fn new(api: Api, endpoint: &Url, project: &str) -> Result<Self, url::ParseError> {
        Ok(Self { api, batch_write: endpoint.join(&format!("./v2/projects/{project}/traces:batchWrite"))? })
    }
}

impl Backend for Traces {
    /// A span as JSON.
    type Item = Vec<u8>;

    fn size(&self, item: &Vec<u8>) -> usize {
        item.len() + 1
    }

    fn encode(&self, items: &[Vec<u8>]) -> Result<Bytes, Refused> {
        Ok(items::compressed(FIELD, items, ""))
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<Vec<u8>>> {
        items::items_of_compressed(body, FIELD)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        match self.api.post(&self.batch_write, payload.body.clone(), true, payload.attempt).await {
            Ok(answer) => self.api.outcome(&answer),
            Err(outcome) => outcome,
        }
    }
}
