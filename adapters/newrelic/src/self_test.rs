//! `--selfTest`: one marked item for each API in use, and what New Relic said.

use std::time::SystemTime;

use mixer_adapter_sdk::{ErrorKind, HandlerError};

use crate::api::answer_id;
use crate::endpoints::Api;
use crate::json::Object;
use crate::time::millis;
use crate::transport::{Form, Transport};

/// The name by which the items are found in the account.
const NAME: &str = "mixer.selftest";
/// The type of the event.
const EVENT_TYPE: &str = "MixerSelfTest";

/// Tests each API, also when one fails.
pub(crate) async fn run(
    apis: impl Iterator<Item = (Api, &Transport)>,
    form: &Form,
) -> Result<(), HandlerError> {
    let mut problems = Vec::new();
    for (api, transport) in apis {
        let item = form.item(api, item(api, millis(SystemTime::now())));
        let tested = match item {
            Ok(item) => transport.test(item).await,
            Err(error) => Err(error.to_string()),
        };
        let api = transport.name(api);
        match tested {
            Ok(None) => tracing::info!(
                "the {api} took the item {NAME}; when it does not show up in the account, look there for the event NrIntegrationError"
            ),
            Ok(Some(answer)) => {
                let status = answer.status.as_u16();
                let answer_id = answer_id(&answer).unwrap_or_default();
                tracing::info!(
                    status,
                    answer_id,
                    "the {api} took the item {NAME}; when it does not show up in the account, look there for the event NrIntegrationError with this requestId"
                );
            }
            Err(problem) => {
                tracing::error!("the {api} did not take the item {NAME}: {problem}");
                problems.push(format!("{api}: {problem}"));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(HandlerError::new(ErrorKind::Unavailable, problems.join("; "))),
    }
}

/// An item that says what it is.
fn item(api: Api, now: u64) -> Vec<u8> {
    let mut item = Object::new();
    match api {
        Api::Metric => {
            item.text("name", NAME);
            item.text("type", "gauge");
            item.int("value", 1);
            item.uint("timestamp", now);
        }
        Api::Trace => {
            let id = fresh_id();
            item.text("id", id.get(..16).unwrap_or(&id));
            item.text("trace.id", &id);
            item.uint("timestamp", now);
        }
        Api::Log => {
            item.uint("timestamp", now);
            item.text("message", "self-test of the Mixer adapter");
        }
        Api::Event => {
            item.text("eventType", EVENT_TYPE);
            item.uint("timestamp", now);
        }
    }
    if api != Api::Event {
        item.begin("attributes");
    }
    item.text("selftest", "true");
    item.text("adapter", concat!("mixer-newrelic-adapter/", env!("CARGO_PKG_VERSION")));
    if api == Api::Trace {
        item.text("name", NAME);
        item.text("service.name", "mixer-newrelic-adapter");
        item.int("duration.ms", 1);
    }
    if api != Api::Event {
        item.end();
    }
    item.finish()
}

/// 32 hexadecimal digits that nobody else has.
fn fresh_id() -> String {
    mixer_adapter_sdk::delivery::RequestId::random().to_string().replace('-', "")
}
