//! Configurations of the original are accepted as they are; what is wrong is told all at once.

use serde_json::{Value as Json, json};

use crate::support::spec;

fn check(params: Json, fields: &[&str]) {
    let problems = mixer_newrelic_adapter::adapter().validate(&spec(&params));
    let mut found: Vec<_> = problems.into_iter().map(|problem| problem.field).collect();
    found.sort();
    assert_eq!(found, fields, "{params}");
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
fn every_field_may_be_there() {
    let all = json!({
        "namespace": "istio",
        "metrics": {"a": {"name": "a", "type": "COUNT"}},
        "api_key_file": "/key",
        "region": "JP",
        "metrics_url": "http://127.0.0.1:1/metric/v1",
        "spans_url": "https://observer.example.com",
        "logs_url": "https://logs.example.com/log/v1",
        "events_url": "https://events.example.com/v1/accounts/events",
        "cluster_name": "west",
        "common_attributes": {"team": "mesh"},
        "harvest_period": "10s",
        "max_series": 1,
        "ca_file": "/ca",
        "client_certificate_file": "/certificate",
        "client_key_file": "/key",
        "proxy_url": "http://proxy:3128",
        "spans": {"rewrite_client_span_ids": "ALWAYS"},
        "logs": {
            "l": {"message": "{method} {path}", "log_type": "envoy", "levels": {"Warning": "WARN"}},
            "e": {"event_type": "Mesh_Request:v2", "levels": {"Warning": "WARN"}},
        },
        "request_timeout": "5s",
        "connect_timeout": "1s",
        "max_queue_items": 1,
        "max_queue_bytes": 1,
        "max_in_flight": 1,
        "give_up_after": "1h",
        "spool_max_age": "47h",
    });
    check(all, &[]);
}

#[test]
fn every_problem_is_told() {
    let wrong = json!({
        "metrics": {"a": {"name": ""}, "b": {"name": "b", "type": "UNSPECIFIED"}},
        "harvest_period": "0.01s",
        "max_series": 0,
        "metrics_url": "metric-api",
        "spans_url": "ftp://host/x",
        "logs_url": "https://",
        "events_url": "x",
        "api_key_file": "/key",
        "api_key_env": "KEY",
        "client_key_file": "/key",
        "proxy_url": "proxy",
        "common_attributes": {"a b": "x", "metricName": "x", "long": "x".repeat(4097)},
        "spool_max_age": "48h",
        "give_up_after": "-1s",
        "logs": {
            "a": {"message": "{"},
            "b": {"event_type": "no spaces"},
            "c": {"event_type": "Good", "message": "x"},
        },
    });
    let fields = [
        "api_key_env",
        "client_certificate_file",
        "common_attributes[a b]",
        "common_attributes[long]",
        "common_attributes[metricName]",
        "events_url",
        "give_up_after",
        "harvest_period",
        "logs[a].message",
        "logs[b].event_type",
        "logs[c].message",
        "logs_url",
        "max_series",
        "metrics[a].name",
        "metrics[a].type",
        "metrics[b].type",
        "metrics_url",
        "proxy_url",
        "spans_url",
        "spool_max_age",
    ];
    check(wrong, &fields);
    let many: serde_json::Map<_, _> = (0..51).map(|number| (format!("a{number}"), json!("x"))).collect();
    check(json!({"common_attributes": many}), &["common_attributes"]);
}

#[test]
fn otlp_has_no_events_and_no_ingest_api() {
    check(json!({"transport": "OTLP"}), &[]);
    check(json!({"transport": "OTLP", "otlp_url": "https://gateway:4318/base/", "logs": {"l": {}}}), &[]);
    check(json!({"transport": "INGEST_APIS", "logs": {"e": {"event_type": "E"}}}), &[]);
    let wrong = json!({
        "transport": "OTLP",
        "otlp_url": "gateway",
        "metrics_url": "https://host",
        "spans_url": "https://host",
        "logs_url": "https://host",
        "events_url": "https://host",
        "logs": {"l": {}, "e": {"event_type": "E"}},
    });
    let fields = ["events_url", "logs[e].event_type", "logs_url", "metrics_url", "otlp_url", "spans_url"];
    check(wrong, &fields);
    check(json!({"otlp_url": "https://host"}), &["otlp_url"]);
}
