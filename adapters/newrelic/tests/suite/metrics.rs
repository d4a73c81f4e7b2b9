//! Metric instances are put together and arrive, with their dimensions as attributes.

use mixer_adapter_sdk::value::Value;
use mixer_testkit::Seen;
use serde_json::{Value as Json, json};

use crate::support::{Rig, every_kind, reasons, text};

/// The metrics without what time says.
pub(crate) fn plain(seen: &Seen) -> Vec<Json> {
    let mut metrics = seen.metrics.clone();
    for metric in &mut metrics {
        let metric = metric.as_object_mut().unwrap();
        metric.shift_remove("timestamp").unwrap();
        assert_eq!(metric.shift_remove("interval.ms").is_some(), metric["type"] != "gauge");
    }
    metrics.sort_by_key(ToString::to_string);
    metrics
}

#[tokio::test]
async fn samples_are_put_together() {
    let common = json!({"cluster_name": "west", "common_attributes": {"team": "mesh", "app": "b"}});
    let rig = Rig::new(common).await;
    for number in [3.0, 1.0, 2.0] {
        for metric in ["c", "g", "s"] {
            rig.metric(metric, Value::Double(number), &[("app", text("a"))]).await;
        }
    }
    let refused = rig.metric("unknown", Value::Int64(1), &[]).await;
    assert_eq!(reasons(&refused), [("unknown_instance", 1)].into());
    let attributes = json!({"app": "a", "cluster.name": "west", "team": "mesh"});
    let summary = json!({"count": 3, "sum": 6.0, "min": 1.0, "max": 3.0});
    let wanted = [
        json!({"attributes": attributes, "name": "istio.c", "type": "count", "value": 6.0}),
        json!({"attributes": attributes, "name": "istio.g", "type": "gauge", "value": 2.0}),
        json!({"attributes": attributes, "name": "istio.s", "type": "summary", "value": summary}),
    ];
    assert_eq!(plain(&rig.close().await), wanted);
}

/// As the original does it, but for the fractions of times.
#[tokio::test]
async fn every_kind_of_value_becomes_an_attribute() {
    let rig = Rig::new(json!({})).await;
    let kinds = every_kind();
    let named: Vec<String> = kinds.iter().map(|(kind, _)| kind.replace(' ', "_")).collect();
    let dimensions: Vec<_> =
        named.iter().zip(&kinds).map(|(name, (_, value))| (&**name, value.clone())).collect();
    rig.metric("c", Value::Int64(1), &dimensions).await;
    let wanted = json!({
        "BOOL": true,
        "DNS_NAME": "reviews.default.svc",
        "DOUBLE": 1.5,
        "DURATION": 1500.25,
        "EMAIL_ADDRESS": "a@example.com",
        "INT64": 7,
        "IP_ADDRESS": "10.0.0.1",
        "STRING": "reviews",
        "STRING_MAP": "a=1&b=2",
        "STRING_with_a_number": "2.5",
        "TIMESTAMP": 1_600_000_000_123_i64,
        "URI": "https://example.com/x",
    });
    assert_eq!(rig.close().await.metrics[0]["attributes"], wanted);
}

#[tokio::test]
async fn good_instances_of_a_report_are_kept() {
    let rig = Rig::new(json!({})).await;
    let one = crate::support::sample(&Value::Int64(1), &[]);
    let outcome = rig
        .send(
            "metric",
            &[
                ("c.instance.ns", one.clone()),
                ("x.instance.ns", one.clone()),
                ("c.instance.ns", vec![0x0a, 0x7f]),
                ("c.instance.ns", Vec::new()),
                ("c.instance.ns", one),
            ],
        )
        .await;
    assert_eq!(reasons(&outcome), [("unknown_instance", 1), ("malformed", 1), ("no_value", 1)].into());
    assert_eq!(plain(&rig.close().await), [json!({"name": "istio.c", "type": "count", "value": 2.0})]);
}

#[tokio::test]
async fn series_beyond_the_limit_keep_their_total() {
    let rig = Rig::new(json!({"max_series": 2})).await;
    for pod in ["a", "b", "c", "d"] {
        rig.metric("c", Value::Int64(1), &[("pod", text(pod))]).await;
    }
    let metric = |attributes: Json, value: f64| json!({"attributes": attributes, "name": "istio.c", "type": "count", "value": value});
    let mut found: Vec<_> = rig.close().await.metrics;
    found.sort_by_key(|metric| metric["attributes"].to_string());
    let found: Vec<_> = found
        .iter()
        .map(|found| metric(found["attributes"].clone(), found["value"].as_f64().unwrap()))
        .collect();
    let wanted = [
        metric(json!({"overflow": true}), 2.0),
        metric(json!({"pod": "a"}), 1.0),
        metric(json!({"pod": "b"}), 1.0),
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_harvest_comes_by_itself() {
    let rig = Rig::new(json!({"harvest_period": "0.1s"})).await;
    rig.metric("c", Value::Int64(1), &[]).await;
    let seen = rig.fake.requests(1).await;
    assert_eq!((seen.metrics.len(), seen.faults.len()), (1, 0));
    assert!(seen.metrics[0]["interval.ms"].as_u64().unwrap() >= 100);
}
