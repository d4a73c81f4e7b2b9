//! The official Python client and the adapter, with the same data, send the same payloads: what the fake knows of both is
//! equal field by field. That proves the fake too, which takes what the client sends.

use std::process::Stdio;
use std::time::Duration;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::Value;
use mixer_harness::real_folder;
use mixer_proto::template::{logentry, tracespan};
use mixer_testkit::{FakeNewRelic, Seen};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::{KEY, Rig, a_span, text, time, values};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/official_client.py");

/// What arrives when the official client sends this.
async fn official(python: &std::path::Path, data: &Json) -> Seen {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let address = fake.address();
    let mut child = Command::new("python3")
        .arg(SCRIPT)
        .args([&address.ip().to_string(), &address.port().to_string(), KEY])
        .env("PYTHONPATH", python)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(data.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = fake.seen();
    assert_eq!(seen.faults, [] as [String; 0], "the client breaks no rule");
    // The client looks at the statuses itself and prints the ids of the answers.
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), seen.requests.len(), "{answers}");
    seen
}

/// Numbers as numbers, whatever their form; without the times of metrics, which are those of the harvest.
fn plain(items: &[Json], times: bool) -> Vec<Json> {
    fn numbers(value: &mut Json) {
        match value {
            Json::Number(number) => *value = json!(number.as_f64()),
            Json::Array(all) => all.iter_mut().for_each(numbers),
            Json::Object(all) => {
                all.values_mut().for_each(numbers);
                all.sort_keys();
            }
            _ => {}
        }
    }
    let mut items = items.to_vec();
    for item in &mut items {
        numbers(item);
        if !times {
            let item = item.as_object_mut().unwrap();
            assert!(item.shift_remove("timestamp").is_some());
            assert_eq!(item.shift_remove("interval.ms").is_some(), item["type"] != "gauge");
        }
    }
    items.sort_by_key(ToString::to_string);
    items
}

async fn adapter(then: i64) -> Seen {
    let params = json!({
        "cluster_name": "west",
        "spans": {},
        "logs": {"event.instance.ns": {"event_type": "MeshRequest"}, "log.instance.ns": {}},
    });
    let rig = Rig::new(params).await;
    let attributes =
        [("code", Value::Int64(200)), ("app", text("reviews \"v1\" é😀")), ("ok", Value::Bool(true))];
    for number in [2.0, 1.5, 3.0] {
        for metric in ["c", "g", "s"] {
            rig.metric(metric, Value::Double(number), &attributes).await;
        }
    }
    rig.metric("c", Value::Int64(7), &[]).await;
    let span = tracespan::InstanceMsg {
        start_time: time(then, 250_000_000),
        end_time: time(then, 252_000_000),
        parent_span_id: "a1".into(),
        source_name: "productpage".into(),
        destination_name: "reviews".into(),
        http_status_code: 200,
        api_protocol: "http".into(),
        request_size: 5,
        span_tags: values(&attributes),
        ..a_span("b2")
    };
    rig.span(span).await;
    let variables =
        [("message", text("GET /reviews")), ("code", Value::Int64(200)), ("took", Value::Double(1.5))];
    let entry = logentry::InstanceMsg {
        variables: values(&variables),
        severity: "info".into(),
        timestamp: time(then, 250_000_000),
        ..Default::default()
    };
    rig.entry("log.instance.ns", entry.clone()).await;
    rig.entry("event.instance.ns", entry).await;
    rig.close().await
}

#[tokio::test]
async fn field_by_field() {
    let Some(python) = real_folder("MIXER_NEWRELIC_PYTHONPATH").unwrap() else {
        eprintln!(
            "skipped: MIXER_NEWRELIC_PYTHONPATH names no official client; `cargo xtask test` installs it"
        );
        return;
    };
    let then = Timestamp::now().seconds() - 10;
    let attributes = json!({"code": 200, "app": "reviews \"v1\" é😀", "ok": true});
    let millis = then * 1000 + 250;
    let data = json!({
        "common": {"cluster.name": "west"},
        "counts": [["istio.c", 6.5, attributes], ["istio.c", 7, {}]],
        "gauges": [["istio.g", 3.0, attributes]],
        "summaries": [["istio.s", {"count": 3, "sum": 6.5, "min": 1.5, "max": 3.0}, attributes]],
        "spans": [{
            "name": "/reviews",
            "guid": "b2",
            "trace_id": "463ac35c9f6413ad48485a3953bb6124",
            "parent_id": "a1",
            "start_time_ms": millis,
            "duration_ms": 2,
            "tags": {
                "code": 200, "app": "reviews \"v1\" é😀", "ok": true,
                "service.name": "reviews", "response.code": 200, "clientSpan": false, "rewriteClientSpanId": false,
                "source.name": "productpage", "destination.name": "reviews", "request.size": 5,
                "request.totalSize": 0, "response.size": 0, "response.totalSize": 0, "api.protocol": "http",
                "span.kind": "server", "http.status_code": 200,
            },
        }],
        "logs": [{"message": "GET /reviews", "timestamp": millis,
                  "attributes": {"level": "info", "code": 200, "took": 1.5}}],
        "events": [{"event_type": "MeshRequest", "timestamp_ms": millis, "tags": {
            "level": "info", "code": 200, "took": 1.5, "message": "GET /reviews", "cluster.name": "west"}}],
    });
    let (theirs, ours) = (official(&python, &data).await, adapter(then).await);
    assert_eq!(plain(&ours.metrics, false), plain(&theirs.metrics, false));
    assert_eq!(plain(&ours.spans, true), plain(&theirs.spans, true));
    assert_eq!(plain(&ours.logs, true), plain(&theirs.logs, true));
    assert_eq!(plain(&ours.events, true), plain(&theirs.events, true));
    // Each kind of data went to its own API, in one request with an id of its own.
    let apis = |seen: &Seen| {
        let mut apis: Vec<_> = seen.requests.iter().map(|request| format!("{:?}", request.api)).collect();
        apis.sort();
        apis
    };
    assert_eq!(apis(&ours), apis(&theirs));
    assert_eq!((ours.distinct_ids(), theirs.distinct_ids()), (4, 4));
}

/// What the fake refuses it refuses of the official client too, and the client sees the status.
#[tokio::test]
async fn the_fake_refuses_what_is_forbidden() {
    let Some(python) = real_folder("MIXER_NEWRELIC_PYTHONPATH").unwrap() else {
        eprintln!(
            "skipped: MIXER_NEWRELIC_PYTHONPATH names no official client; `cargo xtask test` installs it"
        );
        return;
    };
    let check = async |data: Json| {
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let address = fake.address();
        let mut child = Command::new("python3")
            .arg(SCRIPT)
            .args([&address.ip().to_string(), &address.port().to_string(), KEY])
            .env("PYTHONPATH", &python)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(data.to_string().as_bytes()).await.unwrap();
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
        let output = output.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("400"), "{data}: {text}");
        assert_eq!(fake.seen().faults.len(), 1, "{data}");
    };
    check(json!({"counts": [["c", -1, {}]]})).await;
    check(json!({"gauges": [["x".repeat(256), 1, {}]]})).await;
    check(json!({"gauges": [["g", 1, {"timestamp": 1}]]})).await;
    check(json!({"gauges": [["g", 1, {"g": 1}]]})).await;
    check(json!({"gauges": [["g", 1, {"a": "x".repeat(4097)}]]})).await;
    check(json!({"gauges": [["g", 1, {"a": {"b": 1}}]]})).await;
    check(json!({"logs": [{"message": "m", "timestamp": 1, "attributes": {}}]})).await;
    check(json!({"events": [{"event_type": "no spaces", "timestamp_ms": null, "tags": {}}]})).await;
    check(json!({"events": [{"event_type": "E", "timestamp_ms": null, "tags": {"yes": true}}]})).await;
}
