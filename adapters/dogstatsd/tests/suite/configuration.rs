//! Configurations of the original are accepted as they are; what is wrong is told all at once.

use serde_json::{Value as Json, json};

use super::setup::*;

fn check(params: Json, fields: &[&str]) {
    let problems = mixer_dogstatsd_adapter::adapter().validate(&spec(&params));
    let mut found: Vec<_> = problems.into_iter().map(|problem| problem.field).collect();
    found.sort();
    assert_eq!(found, fields, "{params}");
}

#[test]
fn a_configuration_of_the_original_is_accepted() {
    check(json!({}), &[]);
    check(
        json!({
            "address": "dogstatsd.monitoring:8125",
            "prefix": "mesh",
            "buffer_length": 100,
            "globalTags": {"cluster": "west"},
            "sample_rate": 1.0,
            "metrics": {
                "requestcount.metric.istio-system": {"name": "request.count", "type": "COUNTER", "tags": {"a": "b"}},
                "requestsize.metric.istio-system": {"name": "request.size", "type": "GAUGE"},
                "requestduration.metric.istio-system": {"name": "request-duration", "type": "DISTRIBUTION"},
            },
        }),
        &[],
    );
}

#[test]
fn every_problem_is_told() {
    let wrong = json!({
        "address": "agent",
        "prefix": "9",
        "buffer_length": -1,
        "sample_rate": 1.5,
        "max_payload_bytes": 10,
        "flush_interval": "0s",
        "timestamps": true,
        "aggregation": "NONE",
        "container_id": "a|b",
        "external_data": "a\nb",
        "max_queue_bytes": -1,
        "max_series": 0,
        "metrics": {
            "a": {"type": "COUNTER"},
            "b": {"name": "b"},
            "c": {"name": "x".repeat(200), "type": "GAUGE"},
        },
        "events": {"e": {"title": "{{.a"}, "f": {"text": "x"}},
        "service_checks": {"s": {"message": "{{printf}}"}},
    });
    let fields = [
        "address",
        "buffer_length",
        "container_id",
        "events[e].title",
        "events[f].title",
        "external_data",
        "flush_interval",
        "max_payload_bytes",
        "max_queue_bytes",
        "max_series",
        "metrics[a].name",
        "metrics[b].name",
        "metrics[b].type",
        "metrics[c].name",
        "sample_rate",
        "service_checks[s].message",
        "service_checks[s].name",
        "timestamps",
    ];
    check(wrong, &fields);
    check(json!({"sample_rate": -0.1}), &["sample_rate"]);
    check(json!({"address": "tcp://a:1"}), &["address"]);
    check(json!({"max_payload_bytes": 65508}), &["max_payload_bytes"]);
    check(json!({"address": "unix:///a", "max_payload_bytes": 65508}), &[]);
}

#[test]
fn names_have_at_most_200_characters_with_the_prefix() {
    let named = |length: usize| json!({"metrics": {"a": {"name": "x".repeat(length), "type": "COUNTER"}}});
    check(named(194), &[]);
    check(named(195), &["metrics[a].name"]);
}
