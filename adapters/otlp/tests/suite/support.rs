//! A handler that sends to a fake collector, and instances for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Batch, Handler, HandlerSpec, ReportCall, ReportOutcome, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::{logentry, metric, tracespan};
use mixer_testkit::{FakeCollector, OtlpSeen};
use prost::Message as _;
use serde_json::{Value as Json, json};

/// Generous: test machines are slow and busy.
pub(crate) const PATIENCE: StdDuration = StdDuration::from_secs(60);

/// A handler and the collector that it sends to.
pub(crate) struct Rig {
    pub(crate) fake: FakeCollector,
    pub(crate) handler: Arc<dyn Handler>,
}

pub(crate) fn spec(params: &Json) -> HandlerSpec {
    let adapter = mixer_otlp_adapter::adapter();
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    HandlerSpec { name: "otlp.istio-system".into(), params, instances: Vec::new() }
}

pub(crate) async fn build(params: &Json) -> Arc<dyn Handler> {
    mixer_otlp_adapter::adapter().build(spec(params)).await.unwrap()
}

/// Puts what is missing into an object.
pub(crate) fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Json::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

impl Rig {
    /// Harvests only when it is closed, unless the configuration says more. Metrics are `sum`, `gauge`, `histogram` and
    /// `exponential`.
    pub(crate) async fn new(more: Json) -> Self {
        let fake = FakeCollector::start(None).await.unwrap();
        let params = Self::params(&fake.endpoint(), more);
        Self { handler: build(&params).await, fake }
    }

    pub(crate) fn params(endpoint: &str, more: Json) -> Json {
        let mut params = json!({
            "exporter": {"endpoint": endpoint},
            "instance_id": "replica-1",
            "metrics_period": "3600s",
            "harvest_period": "3600s",
            "metrics": {
                "sum.instance.ns": {"name": "sum", "type": "SUM"},
                "gauge.instance.ns": {"name": "gauge", "type": "GAUGE"},
                "histogram.instance.ns": {"name": "histogram", "type": "HISTOGRAM", "bounds": [1, 2, 5]},
                "exponential.instance.ns": {"name": "exponential", "type": "EXPONENTIAL_HISTOGRAM"},
            },
        });
        merge(&mut params, &more);
        params
    }

    pub(crate) async fn report(
        &self,
        template: &'static str,
        name: &str,
        instance: Vec<u8>,
    ) -> ReportOutcome {
        let name = format!("{name}.instance.ns");
        let batch = Batch::from_instances([(name.into(), instance.into())]);
        self.handler.report(ReportCall { template, batch, deadline: None }).await.unwrap()
    }

    pub(crate) async fn metric(
        &self,
        name: &str,
        value: Value,
        dimensions: &[(&str, Value)],
    ) -> ReportOutcome {
        self.report("metric", name, metric(value, dimensions)).await
    }

    pub(crate) async fn log(&self, entry: &logentry::InstanceMsg) -> ReportOutcome {
        self.report("logentry", "accesslog", entry.encode_to_vec()).await
    }

    pub(crate) async fn span(&self, span: &tracespan::InstanceMsg) -> ReportOutcome {
        self.report("tracespan", "span", span.encode_to_vec()).await
    }

    /// What arrived until the handler was closed; no rule was broken.
    pub(crate) async fn close(&self) -> OtlpSeen {
        tokio::time::timeout(PATIENCE, self.handler.close()).await.unwrap();
        let seen = self.fake.seen();
        assert_eq!(seen.faults, [] as [String; 0]);
        seen
    }

    /// Waits for what arrives.
    pub(crate) async fn until(&self, wanted: impl Fn(&OtlpSeen) -> bool) -> OtlpSeen {
        let seen = tokio::time::timeout(PATIENCE, self.fake.until(wanted)).await;
        seen.unwrap_or_else(|_| panic!("{:?}", self.fake.seen()))
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(crate) fn policy_value(value: &Value) -> policy::Value {
    policy::Value::decode(value.to_bytes()).unwrap()
}

pub(crate) fn values(values: &[(&str, Value)]) -> BTreeMap<String, policy::Value> {
    values.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value))).collect()
}

pub(crate) fn metric(value: Value, dimensions: &[(&str, Value)]) -> Vec<u8> {
    let instance = metric::InstanceMsg {
        value: Some(policy_value(&value)),
        dimensions: values(dimensions),
        ..Default::default()
    };
    instance.encode_to_vec()
}

pub(crate) fn time(text: &str) -> policy::TimeStamp {
    let time: Timestamp = text.parse().unwrap();
    let (seconds, nanos) = time.to_proto();
    policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) }
}

/// An entry of 2026-03-04T05:06:07.000000008Z.
pub(crate) fn entry(severity: &str, variables: &[(&str, Value)]) -> logentry::InstanceMsg {
    logentry::InstanceMsg {
        variables: values(variables),
        timestamp: Some(time("2026-03-04T05:06:07.000000008Z")),
        severity: severity.to_owned(),
        ..Default::default()
    }
}

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const SPAN: &str = "00f067aa0ba902b7";

/// A span of a server that took 1.5 s.
pub(crate) fn span(tags: &[(&str, Value)]) -> tracespan::InstanceMsg {
    tracespan::InstanceMsg {
        trace_id: TRACE.to_owned(),
        span_id: SPAN.to_owned(),
        span_name: "GET /cart".to_owned(),
        start_time: Some(time("2026-03-04T05:06:07Z")),
        end_time: Some(time("2026-03-04T05:06:08.5Z")),
        span_tags: values(tags),
        ..Default::default()
    }
}

pub(crate) fn reasons(outcome: &ReportOutcome) -> Vec<&str> {
    outcome.dropped.iter().map(|dropped| dropped.reason).collect()
}
