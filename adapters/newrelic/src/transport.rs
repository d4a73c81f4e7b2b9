//! The two ways to New Relic, its ingest APIs and OTLP, behind one backend: what waits has the form of its way.

use bytes::Bytes;
use mixer_adapter_sdk::delivery::http::Answer;
use mixer_adapter_sdk::delivery::otlp::{self, Exporter};
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload, RequestId};
use mixer_adapter_sdk::typed::Refused;

use crate::api::Ingest;
use crate::endpoints::Api;
use crate::otlp::{NoForm, Resource};

/// One thing that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// As the ingest APIs take it.
    Json(Vec<u8>),
    /// As OTLP has it.
    Otlp(otlp::Item),
}

impl Item {
    fn json(&self) -> Option<&[u8]> {
        match self {
            Self::Json(json) => Some(json),
            Self::Otlp(_) => None,
        }
    }

    fn otlp(&self) -> Option<&otlp::Item> {
        match self {
            Self::Otlp(item) => Some(item),
            Self::Json(_) => None,
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Json(json) => json.len() + 1,
            Self::Otlp(item) => item.size(),
        }
    }
}

/// Which form things get before they wait.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// That in which they are made.
    Json,
    /// That of OTLP, with what all resources have in common.
    Otlp(Resource),
}

impl Form {
    /// The item of a metric, span, log entry or event as JSON.
    ///
    /// # Errors
    ///
    /// It has no form in OTLP.
    pub(crate) fn item(&self, api: Api, json: Vec<u8>) -> Result<Item, NoForm> {
        match self {
            Self::Json => Ok(Item::Json(json)),
            Self::Otlp(resource) => Ok(Item::Otlp(crate::otlp::item(api, &json, resource)?)),
        }
    }
}

/// A way to New Relic for one kind of data.
#[derive(Debug)]
pub(crate) enum Transport {
    /// One of the ingest APIs.
    Ingest(Ingest),
    /// One signal of OTLP.
    Otlp(Exporter),
}

impl Transport {
    /// The name in log lines.
    pub(crate) fn name(&self, api: Api) -> &'static str {
        match (self, api) {
            (Self::Ingest(_), api) => api.name(),
            (Self::Otlp(_), Api::Metric) => "OTLP endpoint for metrics",
            (Self::Otlp(_), Api::Trace) => "OTLP endpoint for spans",
            (Self::Otlp(_), Api::Log | Api::Event) => "OTLP endpoint for log records",
        }
    }

    /// Sends a payload of one item at once. What the ingest API answered; OTLP answers nothing that could be told.
    ///
    /// # Errors
    ///
    /// Why New Relic did not take it.
    pub(crate) async fn test(&self, item: Item) -> Result<Option<Answer>, String> {
        let body = self.encode(&[item]).map_err(|refused| refused.detail)?;
        let payload = Payload { body, request_id: RequestId::random(), items: 1, attempt: 1 };
        let outcome = match self {
            Self::Ingest(ingest) => match ingest.post(&payload).await {
                Ok(answer) if answer.status.is_success() => return Ok(Some(answer)),
                Ok(answer) => return Err(answer.text()),
                Err(outcome) => outcome,
            },
            Self::Otlp(exporter) => exporter.send(&payload).await,
        };
        match outcome {
            Outcome::Delivered => Ok(None),
            Outcome::Retry { detail, .. } | Outcome::Drop { detail, .. } | Outcome::Partly { detail, .. } => {
                Err(detail)
            }
            Outcome::Split => Err("the payload is too large".to_owned()),
        }
    }
}

impl Backend for Transport {
    type Item = Item;

    fn size(&self, item: &Item) -> usize {
        item.size()
    }

    fn encode(&self, items: &[Item]) -> Result<Bytes, Refused> {
        match self {
            Self::Ingest(ingest) => Ok(ingest.encode(items.iter().filter_map(Item::json))),
            Self::Otlp(exporter) => {
                let items: Vec<_> = items.iter().filter_map(Item::otlp).cloned().collect();
                exporter.encode(&items)
            }
        }
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<Item>> {
        match self {
            Self::Ingest(ingest) => Some(ingest.decode(body)?.into_iter().map(Item::Json).collect()),
            Self::Otlp(exporter) => Some(exporter.decode(body)?.into_iter().map(Item::Otlp).collect()),
        }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        match self {
            Self::Ingest(ingest) => ingest.send(payload).await,
            Self::Otlp(exporter) => exporter.send(payload).await,
        }
    }
}
