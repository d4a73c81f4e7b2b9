//! The self test: one marked data point, log record and span, and what the collectors answer.

use std::sync::Arc;
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::{Collector, Pipeline, RequestId};
use mixer_adapter_sdk::{ErrorKind, HandlerError};

use crate::map::{Attributes, nanos};
use mixer_adapter_sdk::delivery::otlp::{Exporter, Item, MetricHead, Signal, Writer};

/// The name of everything that the self test sends.
const NAME: &str = "mixer.self_test";

/// Sends something of each signal.
///
/// # Errors
///
/// What the collectors said that did not take it. One that knows nothing of a signal, as a store of traces knows no metrics, is
/// no error as long as another signal is taken.
pub(crate) async fn run<A, B, C>(
    metrics: &Pipeline<A, Exporter>,
    logs: &Pipeline<B, Exporter>,
    traces: &Pipeline<C, Exporter>,
) -> Result<(), HandlerError>
where
    A: Collector<Item = Item>,
    B: Collector<Item = Item>,
    C: Collector<Item = Item>,
{
    let now = SystemTime::now();
    let answers = [
        (Signal::Metrics, metrics.self_test(&[data_point(now)]).await),
        (Signal::Logs, logs.self_test(&[log_record(now)]).await),
        (Signal::Traces, traces.self_test(&[span(now)]).await),
    ];
    let is_taken = answers.iter().any(|(_, answer)| answer.is_ok());
    let mut errors = Vec::new();
    for (signal, answer) in answers {
        let signal = signal.name();
        match answer {
            Ok(()) => tracing::info!(signal, "the collector took the self test"),
            Err(error) if is_taken && is_unknown(&error.to_string()) => {
                tracing::warn!(signal, "the collector does not take this signal: {error}");
            }
            Err(error) => errors.push(format!("{signal}: {error}")),
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(HandlerError::new(ErrorKind::Unavailable, errors.join("; "))),
    }
}

/// Whether a collector says that it has no such path or service.
fn is_unknown(error: &str) -> bool {
    error.contains("answered 404") || error.contains("answered Unimplemented")
}

fn resource(writer: &mut Writer) {
    let mut resource = Attributes::default();
    resource.put(crate::map::SERVICE_NAME, NAME);
    resource.write_resource(writer);
}

fn data_point(now: SystemTime) -> Item {
    let mut fields = Writer::default();
    fields.text(1, NAME);
    let head = MetricHead { fields: fields.into_bytes(), data: 5, tail: Vec::new() };
    Item::new(resource, Some(Arc::new(head)), |point| {
        point.fixed64(3, nanos(now));
        point.double(4, 1.0);
    })
}

fn log_record(now: SystemTime) -> Item {
    Item::new(resource, None, |record| {
        record.fixed64(1, nanos(now));
        record.varint(2, 9);
        record.message(5, |any| any.text(1, NAME));
        record.fixed64(11, nanos(now));
    })
}

fn span(now: SystemTime) -> Item {
    let id = RequestId::random();
    let (_, half) = id.as_bytes().split_at(8);
    Item::new(resource, None, |span| {
        span.bytes(1, id.as_bytes());
        span.bytes(2, half);
        span.text(5, NAME);
        span.varint(6, 1);
        span.fixed64(7, nanos(now));
        span.fixed64(8, nanos(now));
    })
}
