//! What the fake has seen.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::IngestApi;

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Metrics that were kept, with the fields of `common` filled in.
    pub metrics: Vec<Json>,
    /// Spans that were kept, with the attributes of `common` filled in.
    pub spans: Vec<Json>,
    /// Log entries that were kept, with the fields of `common` filled in.
    pub logs: Vec<Json>,
    /// Events that were kept.
    pub events: Vec<Json>,
    /// All requests, kept or not, in order.
    pub requests: Vec<SeenRequest>,
    /// Ids of all requests, kept or not, in order.
    pub request_ids: Vec<String>,
    /// Requests whose id was known, so that their items were not kept again.
    pub duplicates: usize,
    /// Rules that were broken.
    pub faults: Vec<String>,
}

impl Seen {
    pub(super) fn keep(&mut self, api: IngestApi, items: Vec<Json>) {
        match api {
            IngestApi::Metric => self.metrics.extend(items),
            IngestApi::Trace => self.spans.extend(items),
            IngestApi::Log => self.logs.extend(items),
            IngestApi::Event => self.events.extend(items),
        }
    }

    /// How many different request ids there were.
    pub fn distinct_ids(&self) -> usize {
        let mut ids = self.request_ids.clone();
        ids.sort();
        ids.dedup();
        ids.len()
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// Where it went; none for other paths.
    pub api: Option<IngestApi>,
    /// Its `x-request-id`.
    pub id: String,
    /// Its `Api-Key`.
    pub key: String,
    /// The host that it was for.
    pub host: String,
    /// Whether it came as to a proxy.
    pub proxied: bool,
    /// When it had arrived, by tokio's clock.
    pub at: Instant,
    /// The items in it, kept or not; empty when a rule was broken.
    pub items: Vec<Json>,
    /// What was answered; none when the connection was reset.
    pub status: Option<u16>,
}
