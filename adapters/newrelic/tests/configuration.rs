//! Configurations of the original are accepted as they are; what is wrong is told all at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mixer_adapter_sdk::HandlerSpec;
use mixer_adapter_sdk::params::encode;
use serde_json::{Value as Json, json};

fn check(params: Json, fields: &[&str]) {
    let adapter = mixer_newrelic_adapter::adapter();
    let info = adapter.info();
    let params = encode(info, &params.to_string()).unwrap();
    let spec = HandlerSpec { name: "newrelic".into(), params, instances: Vec::new() };
    let mut found: Vec<_> = adapter.validate(&spec).into_iter().map(|problem| problem.field).collect();
    found.sort();
    assert_eq!(found, fields);
}

fn named(namespace: &str, name: &str) -> Json {
    json!({"namespace": namespace, "metrics": {"i": {"name": name, "type": "COUNT"}}})
}

#[test]
fn a_configuration_of_the_original_is_accepted() {
    let metrics = json!({
        "newrelic-request-count.instance.istio-system": {"name": "request.total", "type": "COUNT"},
        "newrelic-request-size.instance.istio-system": {"name": "request.bytes", "type": "GAUGE"},
        "newrelic-request-duration.instance.istio-system":
            {"name": "request.duration.milliseconds", "type": "SUMMARY"},
    });
    check(json!({"namespace": "istio", "metrics": metrics}), &[]);
    check(json!({}), &[]);
}

#[test]
fn names_have_at_most_255_utf_16_units_with_the_namespace() {
    check(named("", &"x".repeat(255)), &[]);
    check(named("", &"x".repeat(256)), &["metrics[i].name"]);
    check(named("ns", &"x".repeat(252)), &[]);
    check(named("ns", &"x".repeat(253)), &["metrics[i].name"]);
    check(named("", &format!("{}x", "😀".repeat(127))), &[]);
    check(named("", &"😀".repeat(128)), &["metrics[i].name"]);
    check(named("ns", ""), &["metrics[i].name"]);
}

#[test]
fn every_problem_is_told() {
    let wrong = json!({
        "metrics": {"a": {"name": ""}, "b": {"name": "b", "type": "UNSPECIFIED"}},
        "harvest_period": "0.01s",
        "max_series": 0,
        "metrics_url": "metric-api",
    });
    let fields = [
        "harvest_period",
        "max_series",
        "metrics[a].name",
        "metrics[a].type",
        "metrics[b].type",
        "metrics_url",
    ];
    check(wrong, &fields);
    check(json!({"metrics_url": "ftp://host/x"}), &["metrics_url"]);
    check(json!({"metrics_url": "http://127.0.0.1:1/metric/v1", "region": "EU"}), &[]);
}
