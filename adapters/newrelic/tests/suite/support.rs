//! A handler of the adapter beside a fake of New Relic, and instances for it.

use std::collections::HashMap;
use std::sync::Arc;

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Batch, BuildError, Handler, HandlerSpec, ReportCall, ReportOutcome, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::{logentry, metric, tracespan};
use mixer_testkit::{FakeNewRelic, IngestApi, Seen};
use prost::Message as _;
use serde_json::{Value as Json, json};

pub(crate) const KEY: &str = "0123456789-ingest";

/// A handler that sends to a fake, and harvests only when it is closed.
pub(crate) struct Rig {
    pub(crate) fake: FakeNewRelic,
    pub(crate) handler: Arc<dyn Handler>,
    _directory: tempfile::TempDir,
}

/// The configuration of a handler.
pub(crate) fn spec(params: &Json) -> HandlerSpec {
    let adapter = mixer_newrelic_adapter::adapter();
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    HandlerSpec { name: "newrelic.istio-system".into(), params, instances: Vec::new() }
}

/// Params of a handler that sends to a fake, with metrics `c` (count), `g` (gauge) and `s` (summary).
pub(crate) fn params(fake: &FakeNewRelic, more: &Json) -> Json {
    let mut params = json!({
        "namespace": "istio",
        "metrics_url": fake.url(IngestApi::Metric),
        "spans_url": fake.url(IngestApi::Trace),
        "logs_url": fake.url(IngestApi::Log),
        "events_url": fake.url(IngestApi::Event),
        "harvest_period": "3600s",
        "metrics": {
            "c.instance.ns": {"name": "c", "type": "COUNT"},
            "g.instance.ns": {"name": "g", "type": "GAUGE"},
            "s.instance.ns": {"name": "s", "type": "SUMMARY"},
        },
    });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// A file with a key.
pub(crate) fn key_file(directory: &tempfile::TempDir, key: &str) -> String {
    let file = directory.path().join(format!("key-{key}"));
    std::fs::write(&file, key).unwrap();
    file.display().to_string()
}

impl Rig {
    pub(crate) async fn new(more: Json) -> Self {
        Self::try_new(more).await.unwrap()
    }

    pub(crate) async fn try_new(more: Json) -> Result<Self, BuildError> {
        let directory = tempfile::tempdir().unwrap();
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let mut params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY)}));
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let handler = mixer_newrelic_adapter::adapter().build(spec(&params)).await?;
        Ok(Self { fake, handler, _directory: directory })
    }

    /// Reports encoded instances.
    pub(crate) async fn send(&self, template: &str, instances: &[(&str, Vec<u8>)]) -> ReportOutcome {
        send(&self.handler, template, instances).await
    }

    /// Reports a sample.
    pub(crate) async fn metric(
        &self,
        metric: &str,
        value: Value,
        dimensions: &[(&str, Value)],
    ) -> ReportOutcome {
        let name = format!("{metric}.instance.ns");
        self.send("metric", &[(name.as_str(), sample(&value, dimensions))]).await
    }

    /// Reports a span.
    pub(crate) async fn span(&self, span: tracespan::InstanceMsg) -> ReportOutcome {
        self.send("tracespan", &[("span.instance.ns", span.encode_to_vec())]).await
    }

    /// Reports a log entry.
    pub(crate) async fn entry(&self, name: &str, entry: logentry::InstanceMsg) -> ReportOutcome {
        self.send("logentry", &[(name, entry.encode_to_vec())]).await
    }

    /// Closes the handler, and looks at what has arrived without breaking a rule.
    pub(crate) async fn close(&self) -> Seen {
        self.handler.close().await;
        let seen = self.fake.seen();
        assert_eq!(seen.faults, [] as [String; 0]);
        seen
    }
}

/// Reports encoded instances.
pub(crate) async fn send(
    handler: &Arc<dyn Handler>,
    template: &str,
    instances: &[(&str, Vec<u8>)],
) -> ReportOutcome {
    let instances = instances.iter().map(|(name, bytes)| ((*name).into(), bytes.clone().into()));
    let batch = Batch::from_instances(instances);
    handler.report(ReportCall { template, batch, deadline: None }).await.unwrap()
}

/// An instance of template `metric`.
pub(crate) fn sample(value: &Value, dimensions: &[(&str, Value)]) -> Vec<u8> {
    let value = Some(policy_value(value));
    metric::InstanceMsg { value, dimensions: values(dimensions), ..Default::default() }.encode_to_vec()
}

/// A span that ended a second ago, after 1.5 ms.
pub(crate) fn a_span(id: &str) -> tracespan::InstanceMsg {
    let now = Timestamp::now().seconds();
    tracespan::InstanceMsg {
        trace_id: "463ac35c9f6413ad48485a3953bb6124".into(),
        span_id: id.into(),
        span_name: "/reviews".into(),
        start_time: time(now - 1, 250_000_000),
        end_time: time(now - 1, 251_500_000),
        ..Default::default()
    }
}

/// A moment of an instance.
pub(crate) fn time(seconds: i64, nanos: i32) -> Option<policy::TimeStamp> {
    Some(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) })
}

pub(crate) fn policy_value(value: &Value) -> policy::Value {
    policy::Value::decode(value.to_bytes()).unwrap()
}

/// Dimensions, tags or variables.
pub(crate) fn values<M: FromIterator<(String, policy::Value)>>(values: &[(&str, Value)]) -> M {
    values.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value))).collect()
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The reasons for which instances were dropped.
pub(crate) fn reasons(outcome: &ReportOutcome) -> HashMap<&'static str, u64> {
    outcome.dropped.iter().map(|dropped| (dropped.reason, dropped.count)).collect()
}

/// One of each kind of value, with what text and JSON make of it.
pub(crate) fn every_kind() -> Vec<(&'static str, Value)> {
    let map = [("b", "2"), ("a", "1")].map(|(key, value)| (key.into(), value.into()));
    vec![
        ("STRING", text("reviews")),
        ("STRING with a number", text("2.5")),
        ("INT64", Value::Int64(7)),
        ("DOUBLE", Value::Double(1.5)),
        ("BOOL", Value::Bool(true)),
        ("IP_ADDRESS", Value::Ip(vec![10, 0, 0, 1].into())),
        ("TIMESTAMP", Value::Timestamp(Timestamp::from_proto(1_600_000_000, 123_456_789).unwrap())),
        ("DURATION", Value::Duration(mixer_adapter_sdk::Duration::from_nanos(1_500_250_000))),
        ("EMAIL_ADDRESS", Value::Email("a@example.com".into())),
        ("DNS_NAME", Value::Dns("reviews.default.svc".into())),
        ("URI", Value::Uri("https://example.com/x".into())),
        ("STRING_MAP", Value::StringMap(map.into())),
    ]
}
