//! Metric instances become metrics that the Metric API takes, and arrive whatever it answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Batch, Duration, Handler, HandlerSpec, ReportCall, ReportOutcome, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_testkit::{FakeNewRelic, Seen};
use prost::Message;
use serde_json::{Map, Value as Json, json};

const KEY: &str = "0123456789-ingest";

/// `metric.InstanceMsg`.
#[derive(Clone, PartialEq, Message)]
struct InstanceMsg {
    #[prost(message, optional, tag = "1")]
    value: Option<policy::Value>,
    #[prost(btree_map = "string, message", tag = "2")]
    dimensions: std::collections::BTreeMap<String, policy::Value>,
}

fn policy_value(value: &Value) -> policy::Value {
    policy::Value::decode(value.to_bytes()).unwrap()
}

struct Rig {
    fake: FakeNewRelic,
    handler: Arc<dyn Handler>,
    _directory: tempfile::TempDir,
}

fn spec(params: &Json) -> HandlerSpec {
    let adapter = mixer_newrelic_adapter::adapter();
    let info = adapter.info();
    let params = encode(info, &params.to_string()).unwrap();
    HandlerSpec { name: "newrelic.istio-system".into(), params, instances: Vec::new() }
}

impl Rig {
    /// With metrics `c` (count), `g` (gauge) and `s` (summary). Harvests only when it is closed.
    async fn new(more: Json) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, KEY).unwrap();
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let mut params = json!({
            "namespace": "istio",
            "api_key_file": file,
            "metrics_url": fake.metrics_url(),
            "harvest_period": "3600s",
            "metrics": {
                "c.instance.ns": {"name": "c", "type": "COUNT"},
                "g.instance.ns": {"name": "g", "type": "GAUGE"},
                "s.instance.ns": {"name": "s", "type": "SUMMARY"},
            },
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let handler = mixer_newrelic_adapter::adapter().build(spec(&params)).await.unwrap();
        Self { fake, handler, _directory: directory }
    }

    async fn report(&self, metric: &str, value: Value, dimensions: &[(&str, Value)]) -> ReportOutcome {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value)));
        let instance = InstanceMsg { value: Some(policy_value(&value)), dimensions: dimensions.collect() };
        let name = format!("{metric}.instance.ns");
        let batch = Batch::from_instances([(name.into(), instance.encode_to_vec().into())]);
        self.handler.report(ReportCall { template: "metric", batch, deadline: None }).await.unwrap()
    }

    async fn close(&self) -> Seen {
        self.handler.close().await;
        let seen = self.fake.seen();
        assert_eq!(seen.faults, [] as [String; 0]);
        seen
    }
}

/// The metrics without what time says.
fn plain(seen: &Seen) -> Vec<Json> {
    let mut metrics = seen.metrics.clone();
    for metric in &mut metrics {
        let metric = metric.as_object_mut().unwrap();
        metric.remove("timestamp").unwrap();
        assert_eq!(metric.remove("interval.ms").is_some(), metric["type"] != "gauge");
    }
    metrics.sort_by_key(ToString::to_string);
    metrics
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[tokio::test]
async fn kinds_of_values_become_numbers() {
    let check = async |value: Value, number: Result<f64, &str>| {
        let rig = Rig::new(json!({})).await;
        for metric in ["c", "g", "s"] {
            let outcome = rig.report(metric, value.clone(), &[]).await;
            let reasons: Vec<_> = outcome.dropped.iter().map(|dropped| dropped.reason).collect();
            assert_eq!(reasons, number.err().into_iter().collect::<Vec<_>>(), "{metric} {value:?}");
        }
        let found = plain(&rig.close().await);
        let Ok(n) = number else { return assert_eq!(found, [] as [Json; 0]) };
        let wanted = [
            json!({"name": "istio.c", "type": "count", "value": n}),
            json!({"name": "istio.g", "type": "gauge", "value": n}),
            json!({"name": "istio.s", "type": "summary", "value": {"count": 1, "sum": n, "min": n, "max": n}}),
        ];
        assert_eq!(found, wanted, "{value:?}");
    };
    check(Value::Int64(7), Ok(7.0)).await;
    check(Value::Double(1.5), Ok(1.5)).await;
    check(text("2.5"), Ok(2.5)).await;
    check(Value::Duration(Duration::from_nanos(1_500_250_000)), Ok(1500.25)).await;
    check(text("x"), Err("not_a_number")).await;
    check(Value::Bool(true), Err("not_a_number")).await;
    check(Value::Timestamp(Timestamp::now()), Err("not_a_number")).await;
    check(Value::Double(f64::NAN), Err("not_finite")).await;
    check(Value::Double(f64::INFINITY), Err("not_finite")).await;
}

#[tokio::test]
async fn samples_are_put_together() {
    let rig = Rig::new(json!({"cluster_name": "west"})).await;
    for number in [3.0, 1.0, 2.0] {
        for metric in ["c", "g", "s"] {
            rig.report(metric, Value::Double(number), &[("app", text("a"))]).await;
        }
    }
    let refused = rig.report("c", Value::Int64(-1), &[]).await;
    assert_eq!(refused.dropped[0].reason, "negative_count");
    let refused = rig.report("unknown", Value::Int64(1), &[]).await;
    assert_eq!(refused.dropped[0].reason, "unknown_instance");
    let attributes = json!({"app": "a", "cluster.name": "west"});
    let summary = json!({"count": 3, "sum": 6.0, "min": 1.0, "max": 3.0});
    let wanted = [
        json!({"name": "istio.c", "type": "count", "value": 6.0, "attributes": attributes}),
        json!({"name": "istio.g", "type": "gauge", "value": 2.0, "attributes": attributes}),
        json!({"name": "istio.s", "type": "summary", "value": summary, "attributes": attributes}),
    ];
    assert_eq!(plain(&rig.close().await), wanted);
}

#[tokio::test]
async fn dimensions_become_attributes_that_the_api_takes() {
    let check = async |dimensions: &[(&str, Value)], attributes: Json| {
        let rig = Rig::new(json!({})).await;
        rig.report("c", Value::Int64(1), dimensions).await;
        let found = rig.close().await.metrics;
        assert_eq!(found[0]["attributes"], attributes);
    };
    let ip = Value::Ip(vec![10, 0, 0, 1].into());
    let map = Value::StringMap([("b", "2"), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into());
    let time = Value::Timestamp(Timestamp::from_proto(1_600_000_000, 123_456_789).unwrap());
    let duration = Value::Duration(Duration::from_nanos(1_500_000));
    let numbers = [("i", Value::Int64(i64::MAX)), ("d", Value::Double(0.5)), ("b", Value::Bool(true))];
    check(&numbers, json!({"i": i64::MAX, "d": 0.5, "b": true})).await;
    check(&[("ip", ip), ("m", map)], json!({"ip": "10.0.0.1", "m": "a=1&b=2"})).await;
    check(&[("t", time), ("d", duration)], json!({"t": 1_600_000_000_123_i64, "d": 1.5})).await;
    check(&[("nan", Value::Double(f64::NAN))], json!({"nan": "NaN"})).await;
    let renamed = [("count", text("x")), ("istio.c", text("y")), ("a-b", text("z")), ("a.b:c_d", text("w"))];
    let wanted = json!({"dimension.count": "x", "dimension.istio.c": "y", "a_b": "z", "a.b:c_d": "w"});
    check(&renamed, wanted).await;
    let (long, longer) = ("é".repeat(4096), "é".repeat(4097));
    check(&[("v", text(&longer)), ("w", text(&long))], json!({"v": long, "w": long})).await;
    check(&[(&"k".repeat(256), text("x"))], json!({"k".repeat(255): "x"})).await;
    let names: Vec<_> = (0..101).map(|number| format!("k{number:03}")).collect();
    let dimensions: Vec<_> = names.iter().map(|name| (name.as_str(), text("x"))).collect();
    let kept: Map<String, Json> = names[..100].iter().map(|name| (name.clone(), json!("x"))).collect();
    check(&dimensions, kept.into()).await;
}

#[tokio::test]
async fn every_status_is_handled_as_documented() {
    // The status, requests until it is over, distinct request ids, and whether the two metrics arrive.
    let check = async |status: u16, requests: usize, ids: usize, arrive: bool| {
        let rig = Rig::new(json!({})).await;
        rig.fake.script(status, None);
        rig.report("c", Value::Int64(1), &[]).await;
        rig.report("g", Value::Int64(1), &[]).await;
        let seen = rig.close().await;
        let mut distinct = seen.request_ids.clone();
        distinct.sort();
        distinct.dedup();
        let found = (seen.request_ids.len(), distinct.len(), seen.metrics.len());
        assert_eq!(found, (requests, ids, if arrive { 2 } else { 0 }), "{status}");
    };
    check(202, 1, 1, true).await;
    for status in [400, 401, 403, 404, 405, 409, 410, 411, 414, 415, 431] {
        check(status, 1, 1, false).await;
    }
    for status in [402, 408, 429, 500, 502, 503, 504] {
        check(status, 2, 1, true).await;
    }
    check(413, 3, 3, true).await;
}

#[tokio::test]
async fn a_harvest_comes_by_itself() {
    let rig = Rig::new(json!({"harvest_period": "0.1s"})).await;
    rig.report("c", Value::Int64(1), &[]).await;
    let seen = rig.fake.requests(1).await;
    assert_eq!((seen.metrics.len(), seen.faults.len()), (1, 0));
    assert!(seen.metrics[0]["interval.ms"].as_u64().unwrap() >= 100);
}

#[tokio::test]
async fn a_wrong_key_is_told_by_the_self_test() {
    let rig = Rig::new(json!({})).await;
    rig.handler.self_test().await.unwrap();
    rig.fake.script(403, None);
    let error = rig.handler.self_test().await.unwrap_err();
    assert!(error.to_string().contains("403") && !error.to_string().contains(KEY), "{error}");
}
