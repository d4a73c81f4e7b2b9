//! Calls of the adapter with the dimensions of the mesh's own instances, so that items have a real length. Each item
//! carries its number, by which the backend knows it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mixer_proto::policy::v1beta1::value::Value as OneOf;
use mixer_proto::policy::v1beta1::{TimeStamp, Value};
use mixer_proto::template::{logentry, metric, tracespan};
use prost::Message as _;
use prost_types::{Any, Timestamp};

/// Instances of a call.
pub(crate) const BATCH: u64 = 100;
/// Services that items are about.
const SERVICES: u64 = 1000;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Samples of counters.
    Metrics,
    /// Spans.
    Spans,
    /// Log entries.
    Logs,
}

impl Kind {
    /// A word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Spans => "spans",
            Self::Logs => "logs",
        }
    }
}

/// A call with the items from this number on: its path, and the request.
pub(crate) fn message(kind: Kind, first: u64, config: &Any) -> (&'static str, Bytes) {
    let adapter_config = Some(config.clone());
    let dedup_id = format!("bench-{first}");
    let numbers = first..first + BATCH;
    match kind {
        Kind::Metrics => {
            let instances = numbers.map(|_| sample(first)).collect();
            let request = metric::HandleMetricRequest { instances, adapter_config, dedup_id };
            (SAMPLES, request.encode_to_vec().into())
        }
        Kind::Spans => {
            let instances = numbers.map(span).collect();
            let request = tracespan::HandleTraceSpanRequest { instances, adapter_config, dedup_id };
            ("/tracespan.HandleTraceSpanService/HandleTraceSpan", request.encode_to_vec().into())
        }
        Kind::Logs => {
            let instances = numbers.map(entry).collect();
            let request = logentry::HandleLogEntryRequest { instances, adapter_config, dedup_id };
            ("/logentry.HandleLogEntryService/HandleLogEntry", request.encode_to_vec().into())
        }
    }
}

/// The full names of the instances that are sent.
pub(crate) const SAMPLE: &str = "requestcount.instance.istio-system";
const SPAN: &str = "span.instance.istio-system";
const ENTRY: &str = "accesslog.instance.istio-system";

fn text(text: impl Into<String>) -> Value {
    Value { value: Some(OneOf::StringValue(text.into())) }
}

fn number(number: i64) -> Value {
    Value { value: Some(OneOf::Int64Value(number)) }
}

/// What the mesh's own instances carry, in number and in length.
fn dimensions(about: u64) -> impl Iterator<Item = (String, Value)> {
    let service = about % SERVICES;
    let values = [
        text("destination"),
        text(format!("frontend-{}", service % 10)),
        text("shop"),
        text("cluster.local/ns/shop/sa/frontend"),
        text(format!("backend-{service}")),
        text("shop"),
        text(format!("backend-{service}")),
        text(format!("backend-{service}.shop.svc.cluster.local")),
        text("http"),
        number(200),
        text("-"),
        text("mutual_tls"),
    ];
    DIMENSIONS.iter().map(|name| (*name).to_owned()).zip(values)
}

/// The names of the dimensions.
pub(crate) const DIMENSIONS: [&str; 12] = [
    "reporter",
    "source.workload",
    "source.workload.namespace",
    "source.principal",
    "destination.workload",
    "destination.workload.namespace",
    "destination.service.name",
    "destination.service",
    "request.protocol",
    "response.code",
    "response.flags",
    "connection.securityPolicy",
];

fn now() -> Option<TimeStamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let value = Timestamp { seconds, nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default() };
    Some(TimeStamp { value: Some(value) })
}

/// A call with so many samples, each about a service of its own, from this one on.
pub(crate) fn samples(first: u64, count: u64, config: &Any) -> Bytes {
    let sample = |about| metric::InstanceMsg {
        name: SAMPLE.to_owned(),
        value: Some(number(1)),
        dimensions: dimensions(about).collect(),
        ..Default::default()
    };
    let instances = (first..first + count).map(sample).collect();
    let (adapter_config, dedup_id) = (Some(config.clone()), format!("bench-{first}"));
    metric::HandleMetricRequest { instances, adapter_config, dedup_id }.encode_to_vec().into()
}

/// The path of calls with samples.
pub(crate) const SAMPLES: &str = "/metric.HandleMetricService/HandleMetric";

/// The samples of a call have a series of their own.
fn sample(first: u64) -> metric::InstanceMsg {
    let call = i64::try_from(first / BATCH).unwrap_or(i64::MAX);
    let call = ("soak.call".to_owned(), number(call));
    metric::InstanceMsg {
        name: SAMPLE.to_owned(),
        value: Some(number(1)),
        dimensions: dimensions(first).chain([call]).collect(),
        ..Default::default()
    }
}

fn span(about: u64) -> tracespan::InstanceMsg {
    tracespan::InstanceMsg {
        name: SPAN.to_owned(),
        trace_id: format!("{about:032x}"),
        span_id: format!("{about:016x}"),
        span_name: "backend.shop.svc.cluster.local:80/*".to_owned(),
        start_time: now(),
        end_time: now(),
        span_tags: dimensions(about).collect(),
        http_status_code: 200,
        source_name: "frontend".to_owned(),
        destination_name: "backend".to_owned(),
        api_protocol: "http".to_owned(),
        ..Default::default()
    }
}

fn entry(about: u64) -> logentry::InstanceMsg {
    let mut variables: BTreeMap<String, Value> = dimensions(about).collect();
    variables.insert("message".to_owned(), text(format!("GET /items/{}/reviews {about}", about % 7)));
    logentry::InstanceMsg {
        name: ENTRY.to_owned(),
        variables: variables.into_iter().collect(),
        timestamp: now(),
        severity: "Info".to_owned(),
        ..Default::default()
    }
}
