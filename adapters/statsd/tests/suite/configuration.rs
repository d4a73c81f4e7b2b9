//! Configurations of the original are accepted as they are; what is wrong is told all at once.

use serde_json::{Value as Json, json};

use super::setup::*;

fn check(params: Json, fields: &[&str]) {
    let problems = mixer_statsd_adapter::adapter().validate(&spec(&params));
    let mut found: Vec<_> = problems.into_iter().map(|problem| problem.field).collect();
    found.sort();
    assert_eq!(found, fields, "{params}");
}

#[test]
fn a_configuration_of_the_original_is_accepted() {
    check(json!({}), &[]);
    check(
        json!({
            "address": "statsd:8125",
            "prefix": "mesh",
            "flushDuration": "0.3s",
            "flush_bytes": 512,
            "sampling_rate": 1.0,
            "metrics": {
                "requestcount.metric.istio-system":
                    {"name_template": "{{.source}}-{{.response_code}}", "type": "COUNTER"},
                "requestduration.metric.istio-system": {"type": "DISTRIBUTION"},
            },
        }),
        &[],
    );
    check(json!({"flush_duration": "0s", "flush_bytes": 0, "sampling_rate": 0}), &[]);
}

#[test]
fn every_problem_is_told() {
    let wrong = json!({
        "address": "unix:///a",
        "flush_duration": "-1s",
        "flush_bytes": -1,
        "sampling_rate": 1.5,
        "max_queue_bytes": 1,
        "global_tags": {"a": "b"},
        "metrics": {
            "a": {"name_template": "{{.x", "type": "COUNTER"},
            "b": {"name_template": "{{if .x}}"},
        },
    });
    let fields = [
        "address",
        "flush_bytes",
        "flush_duration",
        "global_tags",
        "max_queue_bytes",
        "metrics[a].name_template",
        "metrics[b].name_template",
        "metrics[b].type",
        "sampling_rate",
    ];
    check(wrong, &fields);
    check(json!({"address": "statsd"}), &["address"]);
    check(json!({"flush_bytes": 65508}), &["flush_bytes"]);
    check(json!({"graphite_tags": true, "global_tags": {"a": ""}}), &["global_tags[a]"]);
}
