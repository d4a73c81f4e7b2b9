//! Cloud Logging: `entries.write` of API v2, with partial success: what the API refuses of a call does not hold up the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use mixer_adapter_sdk::delivery::http::{Answer, Url};
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload};
use mixer_adapter_sdk::typed::Refused;
use serde::Deserialize;

use crate::api::{Api, GoogleError, code_name, word};
use crate::items;

/// The field of the entries in a call.
const FIELD: &str = "entries";
const PARTIAL: &str = "google.logging.v2.WriteLogEntriesPartialErrors";

/// Sends entries.
#[derive(Debug)]
pub(crate) struct Logging {
    api: Api,
    write: Url,
}

/// google.logging.v2.WriteLogEntriesPartialErrors
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partial {
    /// By the place in the call.
    log_entry_errors: BTreeMap<String, Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Logging {
    pub(crate) fn new(api: Api, endpoint: &Url) -> Result<Self, url::ParseError> {
        // The colon makes no scheme of it: the path is not the beginning.
        Ok(Self { api, write: endpoint.join("./v2/entries:write")? })
    }

    fn judge(&self, answer: &Answer, payload: &Payload) -> Outcome {
        let error = GoogleError::read(answer).unwrap_or_default();
        let Some(partial) = error.detail::<Partial>(PARTIAL) else { return self.api.outcome(answer) };
        let first = partial.log_entry_errors.iter().next();
        let (reason, detail) = match first {
            Some((place, status)) => {
                let name = code_name(status.code);
                let message: String = status.message.chars().take(200).collect();
                (word(name), format!("; the first is number {place}: {name} {message}"))
            }
            None => ("unknown", String::new()),
        };
        let refused = partial.log_entry_errors.len();
        let detail = format!("{refused} of {} entries were not written{detail}", payload.items);
        Outcome::Partly { refused, reason, detail }
    }
}

impl Backend for Logging {
    /// An entry as JSON.
    type Item = Vec<u8>;

    fn size(&self, item: &Vec<u8>) -> usize {
        item.len() + 1
    }

    fn encode(&self, items: &[Vec<u8>]) -> Result<Bytes, Refused> {
        Ok(items::compressed(FIELD, items, ",\"partialSuccess\":true"))
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<Vec<u8>>> {
        items::items_of_compressed(body, FIELD)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        match self.api.post(&self.write, payload.body.clone(), true, payload.attempt).await {
            Ok(answer) => self.judge(&answer, payload),
            Err(outcome) => outcome,
        }
    }
}
