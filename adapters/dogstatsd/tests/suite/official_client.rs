//! Datadog's own client sends the same bytes for the same measurements.

use std::io::Write as _;
use std::process::{Command, Stdio};

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use mixer_harness::real_folder;
use serde_json::{Value as Json, json};

use super::setup::*;

/// One measurement for both.
struct Case {
    params: Json,
    instances: Vec<(&'static str, &'static str, Vec<u8>)>,
    client: Json,
    environment: Json,
    calls: Json,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            params: json!({"aggregation": "NONE"}),
            instances: Vec::new(),
            client: json!({}),
            environment: json!({}),
            calls: json!([]),
        }
    }
}

/// The payloads of Datadog's client; nothing when it is not installed.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn official(case: &Case) -> Option<Vec<String>> {
    let Some(packages) = real_folder("MIXER_DATADOG").unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs Datadog's client");
        return None;
    };
    let agent = Agent::new();
    let mut client = json!({
        "socket_path": format!("unixgram://{}", agent.path().display()),
        "namespace": "istio",
        "disable_telemetry": true,
        "origin_detection_enabled": false,
    });
    client.as_object_mut().unwrap().extend(case.client.as_object().unwrap().clone());
    let wanted = json!({"client": client, "environment": case.environment, "calls": case.calls});
    let mut script = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/official_client.py"))
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    script.stdin.take().unwrap().write_all(wanted.to_string().as_bytes()).unwrap();
    assert!(script.wait().unwrap().success());
    Some(agent.payloads())
}

async fn ours(case: &Case) -> Vec<String> {
    let agent = Agent::new();
    let more = json!({"max_payload_bytes": 100_000});
    let mut params = agent.params(more);
    params.as_object_mut().unwrap().extend(case.params.as_object().unwrap().clone());
    let handler = build(&params).await;
    for (template, name, bytes) in &case.instances {
        let name = format!("{name}.instance.ns");
        assert_eq!(report(&*handler, template, vec![(&name, bytes.clone())]).await.dropped, []);
    }
    handler.close().await;
    agent.payloads()
}

async fn check(case: Case) {
    let Some(theirs) = official(&case) else { return };
    assert!(!theirs.is_empty());
    assert_eq!(ours(&case).await, theirs, "{}", case.calls);
}

fn one(name: &'static str, value: Value, tags: Values<'_>) -> (&'static str, &'static str, Vec<u8>) {
    ("metric", name, metric(Some(&value), tags))
}

fn log(severity: &str, seconds: i64, variables: Values<'_>) -> (&'static str, &'static str, Vec<u8>) {
    ("logentry", "log", log_entry(severity, Timestamp::from_proto(seconds, 0), variables))
}

#[tokio::test]
async fn all_types_and_numbers() {
    let millis = |nanos| Value::Duration(Duration::from_nanos(nanos));
    check(Case {
        instances: vec![
            one("c", Value::Int64(3), &[]),
            one("c", Value::Int64(-1), &[]),
            one("c", Value::Double(0.25), &[]),
            one("g", Value::Int64(-5), &[]),
            one("g", Value::Double(1234.5678), &[]),
            one("g", Value::Double(0.1), &[]),
            one("d", Value::Int64(1 << 60), &[]),
            one("d", millis(1_500_250_000), &[]),
            one("d", millis(12_000_000), &[]),
            one("s", text("user-1"), &[]),
            one("s", Value::Int64(999), &[]),
        ],
        calls: json!([
            ["count", {"metric": "c", "value": 3}],
            ["decrement", {"metric": "c", "value": 1}],
            ["count", {"metric": "c", "value": 0.25}],
            ["gauge", {"metric": "g", "value": -5}],
            ["gauge", {"metric": "g", "value": 1234.5678}],
            ["gauge", {"metric": "g", "value": 0.1}],
            ["histogram", {"metric": "d", "value": 1_i64 << 60}],
            ["timing", {"metric": "d", "value": 1500.25}],
            ["timing", {"metric": "d", "value": 12}],
            ["set", {"metric": "s", "value": "user-1"}],
            ["set", {"metric": "s", "value": 999}],
        ]),
        ..Case::default()
    })
    .await;
    check(Case {
        params: json!({"aggregation": "NONE", "distribution_form": "DISTRIBUTION"}),
        instances: vec![one("d", Value::Double(0.5), &[]), one("d", millis(2_000_000), &[])],
        calls: json!([
            ["distribution", {"metric": "d", "value": 0.5}],
            ["distribution", {"metric": "d", "value": 2}],
        ]),
        ..Case::default()
    })
    .await;
}

#[tokio::test]
async fn tags_and_their_letters() {
    let tags = [
        ("a", text("1")),
        ("b", text("x y,z|w#v@u")),
        ("path", text("/a/b-c_d.e:8080")),
        ("größe", text("日本 🎉")),
    ];
    check(Case {
        params: json!({"aggregation": "NONE", "global_tags": {"cluster": "we st", "zone": "z"}}),
        instances: vec![one("c", Value::Int64(1), &tags), one("g", Value::Int64(1), &[])],
        client: json!({"constant_tags": ["cluster:we st", "zone:z"]}),
        calls: json!([
            ["count", {"metric": "c", "value": 1,
                "tags": ["a:1", "b:x y,z|w#v@u", "größe:日本 🎉", "path:/a/b-c_d.e:8080"]}],
            ["gauge", {"metric": "g", "value": 1}],
        ]),
        ..Case::default()
    })
    .await;
}

#[tokio::test]
async fn origin_and_cardinality() {
    let tags = [("a", text("1"))];
    for cardinality in ["none", "low", "orchestrator", "high"] {
        let ours = if cardinality == "none" { "NO_TAGS".to_owned() } else { cardinality.to_uppercase() };
        check(Case {
            params: json!({
                "aggregation": "NONE", "container_id": "ci-1f", "external_data": "it-false,cn-a,pu-b",
                "cardinality": ours,
            }),
            instances: vec![one("c", Value::Int64(1), &tags), one("d", Value::Int64(2), &[])],
            client: json!({"container_id": "ci-1f", "cardinality": cardinality}),
            environment: json!({"DD_EXTERNAL_ENV": "it-false,cn-a,pu-b"}),
            calls: json!([
                ["count", {"metric": "c", "value": 1, "tags": ["a:1"]}],
                ["histogram", {"metric": "d", "value": 2}],
            ]),
        })
        .await;
    }
}

#[tokio::test]
async fn timestamps() {
    let case = Case {
        params: json!({"timestamps": true, "container_id": "in-7", "cardinality": "LOW"}),
        instances: vec![one("c", Value::Int64(3), &[("a", text("1"))]), one("g", Value::Int64(4), &[])],
        ..Case::default()
    };
    let found = ours(&case).await.concat();
    let (_, stamp) = found.trim_end().rsplit_once("|T").unwrap();
    let stamp: u64 = stamp.parse().unwrap();
    let calls = json!([
        ["count_with_timestamp", {"metric": "c", "value": 3, "timestamp": stamp, "tags": ["a:1"]}],
        ["gauge_with_timestamp", {"metric": "g", "value": 4, "timestamp": stamp}],
    ]);
    let client = json!({"container_id": "in-7", "cardinality": "low"});
    let Some(theirs) = official(&Case { calls, client, ..case }) else { return };
    assert_eq!(found, theirs.concat());
}

#[tokio::test]
async fn sums_of_a_flush() {
    let tags = [("a", text("1"))];
    let case = Case {
        params: json!({"aggregation": "BASIC"}),
        instances: vec![
            one("c", Value::Int64(3), &tags),
            one("c", Value::Int64(4), &tags),
            one("g", Value::Int64(3), &tags),
            one("g", Value::Int64(4), &tags),
            one("s", text("x"), &[]),
            one("s", text("x"), &[]),
        ],
        client: json!({"disable_aggregation": false}),
        calls: json!([
            ["count", {"metric": "c", "value": 3, "tags": ["a:1"]}],
            ["count", {"metric": "c", "value": 4, "tags": ["a:1"]}],
            ["gauge", {"metric": "g", "value": 3, "tags": ["a:1"]}],
            ["gauge", {"metric": "g", "value": 4, "tags": ["a:1"]}],
            ["set", {"metric": "s", "value": "x"}],
            ["set", {"metric": "s", "value": "x"}],
        ]),
        ..Case::default()
    };
    let Some(theirs) = official(&case) else { return };
    assert_eq!(ours(&case).await.concat(), theirs.concat());
}

#[tokio::test]
async fn events() {
    let info = json!({
        "title": "{{.title}}", "text": "{{.text}}", "aggregation_key": "k", "hostname": "h",
        "priority": "LOW_PRIORITY", "source_type_name": "mixer", "tags": {"t": "u v"},
    });
    let variables = [("title", text("größe\nup")), ("text", text("a|b\nc"))];
    check(Case {
        params: json!({
            "events": {"log.instance.ns": info}, "container_id": "ci-1", "external_data": "x",
            "cardinality": "HIGH", "global_tags": {"g": "h"},
        }),
        instances: vec![log("Warning", 1_600_000_000, &variables)],
        client: json!({"container_id": "ci-1", "cardinality": "high", "constant_tags": ["g:h"]}),
        environment: json!({"DD_EXTERNAL_ENV": "x"}),
        calls: json!([["event", {
            "title": "größe\nup", "message": "a|b\nc", "alert_type": "warning", "aggregation_key": "k",
            "source_type_name": "mixer", "date_happened": 1_600_000_000, "priority": "low",
            "tags": ["t:u v"], "hostname": "h",
        }]]),
    })
    .await;
}

#[tokio::test]
async fn service_checks() {
    let info = json!({"name": "mesh.up", "message": "{{.m}}", "hostname": "h", "tag_variables": ["a"]});
    for (severity, status) in [("info", 0), ("warning", 1), ("error", 2)] {
        check(Case {
            params: json!({
                "service_checks": {"log.instance.ns": info}, "container_id": "ci-1",
                "external_data": "x", "cardinality": "HIGH", "global_tags": {"g": "h"},
            }),
            instances: vec![log(severity, 1_600_000_000, &[("m", text("m: a\nb")), ("a", text("1"))])],
            client: json!({"container_id": "ci-1", "cardinality": "high", "constant_tags": ["g:h"]}),
            environment: json!({"DD_EXTERNAL_ENV": "x"}),
            calls: json!([["service_check", {
                "check_name": "mesh.up", "status": status, "tags": ["a:1"], "timestamp": 1_600_000_000,
                "hostname": "h", "message": "m: a\nb",
            }]]),
        })
        .await;
    }
}

#[tokio::test]
async fn telemetry() {
    let case = Case {
        params: json!({
            "no_telemetry": false, "aggregation": "NONE", "global_tags": {"g": "h"},
            "service_checks": {"log.instance.ns": {"name": "up"}},
        }),
        instances: vec![
            one("c", Value::Int64(1), &[]),
            one("g", Value::Int64(2), &[]),
            ("logentry", "log", log_entry("", None, &[])),
        ],
        client: json!({
            "disable_telemetry": false, "telemetry_min_flush_interval": 0, "constant_tags": ["g:h"],
        }),
        calls: json!([
            ["count", {"metric": "c", "value": 1}],
            ["gauge", {"metric": "g", "value": 2}],
            ["service_check", {"check_name": "up", "status": 0}],
        ]),
        ..Case::default()
    };
    let Some(theirs) = official(&case) else { return };
    let own = concat!("client:mixer-rs,client_version:", env!("CARGO_PKG_VERSION"));
    let theirs: Vec<_> =
        theirs.iter().map(|payload| payload.replace("client:py,client_version:0.56.0", own)).collect();
    assert_eq!(theirs.len(), 2);
    assert_eq!(ours(&case).await, theirs);
}
