//! Cloud Monitoring: `projects.timeSeries.create` of API v3, and the descriptors that go before.

mod descriptor;
mod summary;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_sdk::delivery::http::{Answer, Url};
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload};
use mixer_adapter_sdk::typed::Refused;
use parking_lot::Mutex;
use serde_json::Value as Json;

use crate::api::{Api, GoogleError, describe};
use crate::items;
use crate::series::{CALL_SERIES, SeriesItem};

pub(crate) use descriptor::Descriptor;
use descriptor::Made;

/// The field of the series in a call.
const FIELD: &str = "timeSeries";

/// Sends points.
#[derive(Debug)]
pub(crate) struct Monitoring {
    api: Api,
    time_series: Url,
    descriptors: Url,
    /// Descriptors that payloads under way need and that are not made yet.
    wanted: Mutex<Vec<Arc<Descriptor>>>,
}

impl Monitoring {
    /// Of a project.
    ///
    /// # Errors
    ///
    /// The project is not one that can stand in a URL.
    pub(crate) fn new(api: Api, endpoint: &Url, project: &str) -> Result<Self, url::ParseError> {
        Ok(Self {
            api,
            time_series: endpoint.join(&format!("./v3/projects/{project}/timeSeries"))?,
            descriptors: endpoint.join(&format!("./v3/projects/{project}/metricDescriptors"))?,
            wanted: Mutex::default(),
        })
    }

    /// Makes the descriptors that are wanted. One that the API does not take is no reason to keep points back: they say
    /// themselves of which kind they are.
    async fn describe(&self, attempt: u32) -> Result<(), Outcome> {
        loop {
            let next = self.wanted.lock().last().cloned();
            let Some(descriptor) = next else { return Ok(()) };
            if descriptor.is_due() {
                let mut answer = self.api.post(&self.descriptors, descriptor.body(), false, attempt).await?;
                if matches!(answer.status.as_u16(), 400 | 409)
                    && let Some(body) = self.with_known_labels(&descriptor).await?
                {
                    answer = self.api.post(&self.descriptors, body, false, attempt).await?;
                }
                settle(&descriptor, &answer)?;
            }
            self.wanted.lock().retain(|other| !Arc::ptr_eq(other, &descriptor));
        }
    }

    /// A descriptor with the labels of the one that the API has: labels are added, and not taken away. None when that is no
    /// help.
    async fn with_known_labels(&self, descriptor: &Descriptor) -> Result<Option<Bytes>, Outcome> {
        let url = format!("{}/{}", self.descriptors, descriptor.metric_type());
        let Ok(url) = url.parse() else { return Ok(None) };
        let answer = self.api.get(&url).await?;
        Ok(match answer.status.is_success() {
            true => descriptor.with_labels_of(&answer.body),
            false => None,
        })
    }

    /// What follows from an answer. Points of a call that failed in part are not sent again: those that were written would
    /// come twice, and for the others it is too late when their series goes on.
    fn judge(&self, answer: &Answer, payload: &Payload) -> Outcome {
        let error = GoogleError::read(answer);
        if let Some(error) = &error
            && let Some(summary) = summary::read(error)
        {
            return summary::outcome(&summary, error, payload);
        }
        match (answer.status.as_u16(), error) {
            // Only these are retried, says the documentation, but for what others than the API say.
            (500, Some(error)) => Outcome::Drop { reason: "internal", detail: error.text() },
            _ => self.api.outcome(answer),
        }
    }

    /// Writes a point past everything that waits, and says what the API answered.
    pub(crate) async fn self_test(&self, item: SeriesItem) -> Result<String, String> {
        let failed = |outcome: Outcome| match outcome {
            Outcome::Retry { detail, .. } | Outcome::Drop { detail, .. } | Outcome::Partly { detail, .. } => {
                detail
            }
            Outcome::Split | Outcome::Delivered => "the point was refused".to_owned(),
        };
        let body = self.encode(&[item]).map_err(|refused| refused.detail)?;
        self.describe(1).await.map_err(failed)?;
        let answer = self.api.post(&self.time_series, body, false, 1).await.map_err(failed)?;
        match answer.status.is_success() {
            true => Ok(answer.text()),
            false => Err(failed(self.api.outcome(&answer))),
        }
    }
}

/// What became of a descriptor.
fn settle(descriptor: &Descriptor, answer: &Answer) -> Result<(), Outcome> {
    let metric = descriptor.metric_type();
    match answer.status.as_u16() {
        200..=299 => {
            tracing::info!(metric, "a metric descriptor was made");
            descriptor.settle(Made::Yes);
        }
        408 | 429 | 500.. => {
            return Err(Outcome::Retry { after: answer.retry_after, detail: describe(answer) });
        }
        _ => {
            let why = describe(answer);
            tracing::error!(
                metric,
                "a metric descriptor was not made, and its points are sent without: {why}"
            );
            descriptor.settle(Made::No);
        }
    }
    Ok(())
}

impl Backend for Monitoring {
    type Item = SeriesItem;

    fn size(&self, item: &SeriesItem) -> usize {
        item.json.len() + 1
    }

    fn encode(&self, items: &[SeriesItem]) -> Result<Bytes, Refused> {
        let mut seen = HashSet::with_capacity(items.len());
        if items.len() > CALL_SERIES || !items.iter().all(|item| seen.insert(item.series)) {
            // Its halves will do.
            return Err(Refused::new("too_large", "a call takes 200 points, and one of each series"));
        }
        let mut wanted = self.wanted.lock();
        for descriptor in items.iter().filter_map(|item| item.descriptor.as_ref()) {
            if descriptor.is_due() && !wanted.iter().any(|other| Arc::ptr_eq(other, descriptor)) {
                wanted.push(descriptor.clone());
            }
        }
        drop(wanted);
        let series: Vec<&[u8]> = items.iter().map(|item| item.json.as_slice()).collect();
        Ok(items::body(FIELD, &series, "").into())
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<SeriesItem>> {
        let series = items::items(body, FIELD)?.into_iter().map(|json| {
            let series: Json = serde_json::from_slice(&json).ok()?;
            let mut identity = DefaultHasher::new();
            for part in ["metric", "resource", "valueType"] {
                series.get(part).map(Json::to_string).hash(&mut identity);
            }
            Some(SeriesItem { series: identity.finish(), json, descriptor: None })
        });
        series.collect()
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        if let Err(outcome) = self.describe(payload.attempt).await {
            return outcome;
        }
        match self.api.post(&self.time_series, payload.body.clone(), false, payload.attempt).await {
            Ok(answer) => self.judge(&answer, payload),
            Err(outcome) => outcome,
        }
    }
}
