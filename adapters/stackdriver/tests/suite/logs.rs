//! Log instances become entries, each of them once.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use mixer_testkit::GoogleReply::{Partly, Status, WrittenBut};
use serde_json::{Value as Json, json};

use crate::support::{Rig, log, text};

async fn rig(log: Json) -> Rig {
    Rig::new(json!({"harvest_period": "3600s", "log_info": {"access.instance.ns": log}})).await
}

/// The one entry without what is different each time.
async fn entry(rig: &Rig) -> Json {
    let seen = rig.close().await;
    assert_eq!(seen.entries.len(), 1);
    let mut entry = seen.entries[0].clone();
    assert!(entry.as_object_mut().unwrap().shift_remove("insertId").unwrap().as_str().unwrap().len() > 30);
    entry
}

#[tokio::test]
async fn fields_of_an_entry() {
    let rig = rig(json!({
        "label_names": ["source", "missing"],
        "payload_template": "{{.method}} {{or (.nothing) \"-\"}} {{.latency}}",
        "http_mapping": {
            "status": "code", "request_size": "size", "response_size": "answer", "latency": "latency",
            "local_ip": "server", "remote_ip": "client", "url": "url", "method": "method",
            "user_agent": "agent", "referer": "nothing",
        },
        "trace_variable": "trace", "span_variable": "span",
    }))
    .await;
    let variables = [
        ("source", text("web")),
        ("method", text("GET")),
        ("code", Value::Int64(200)),
        ("size", Value::Int64(5)),
        ("answer", Value::Int64(1 << 40)),
        ("latency", Value::Duration(Duration::from_nanos(1_500_000))),
        ("server", Value::Ip(vec![10, 0, 0, 1].into())),
        ("client", Value::Ip(vec![10, 0, 0, 2].into())),
        ("url", text("/reviews")),
        ("agent", text("curl")),
        ("trace", text("463ac35c9f6413ad48485a3953bb6124")),
        ("span", text("a2fb4a1d1a96d312")),
    ];
    assert_eq!(rig.log("access", "Warning", &variables).await, None);
    assert_eq!(rig.log("nobody", "Info", &variables).await, Some("unknown_instance"));
    let wanted = json!({
        "logName": "projects/my-project/logs/access.instance.ns",
        "resource": {"type": "global", "labels": {"project_id": "my-project"}},
        "timestamp": "2020-09-13T12:26:40.000000005Z",
        "severity": "WARNING",
        "labels": {"source": "web", "missing": ""},
        "textPayload": "GET - 1.5ms",
        "httpRequest": {
            "requestMethod": "GET", "requestUrl": "/reviews", "requestSize": "5", "status": 200,
            "responseSize": "1099511627776", "userAgent": "curl", "remoteIp": "10.0.0.2", "serverIp": "10.0.0.1",
            "latency": "0.001500s",
        },
        "trace": "projects/my-project/traces/463ac35c9f6413ad48485a3953bb6124",
        "spanId": "a2fb4a1d1a96d312",
    });
    assert_eq!(entry(&rig).await, wanted);
}

#[tokio::test]
async fn without_a_template_the_variables_are_the_payload() {
    let rig = rig(
        json!({"label_names": ["source"], "log_id": "mesh/access", "http_mapping": {"method": "method"}}),
    )
    .await;
    let variables = [
        ("source", text("web")),
        ("method", text("GET")),
        ("code", Value::Int64(200)),
        ("ok", Value::Bool(true)),
    ];
    rig.log("access", "", &variables).await;
    let entry = entry(&rig).await;
    assert_eq!(entry["jsonPayload"], json!({"code": 200.0, "ok": true}));
    assert_eq!(entry["logName"], "projects/my-project/logs/mesh%2Faccess");
    assert_eq!((&entry["severity"], &entry["httpRequest"]), (&Json::Null, &json!({"requestMethod": "GET"})));
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_dropped_alone() {
    let rig = rig(json!({})).await;
    let large = text(&"x".repeat(260_000));
    assert_eq!(rig.log("access", "info", &[("text", large.clone())]).await, Some("too_large"));
    rig.log("access", "info", &[("text", text("x"))]).await;
    assert_eq!(rig.close().await.entries.len(), 1);
    let rig = self::rig(json!({"payload_template": "{{.text}}"})).await;
    assert_eq!(rig.log("access", "info", &[("text", large)]).await, None);
    let entry = entry(&rig).await;
    assert!(entry["textPayload"].as_str().unwrap().ends_with("x [cut]"));
}

#[tokio::test]
async fn retries_write_each_entry_once() {
    // Answers before the good one, entries that are written, entries that came twice, calls.
    let check = async |replies: &[mixer_testkit::GoogleReply], written: usize, twice: usize, calls: usize| {
        let rig = rig(json!({})).await;
        rig.fake.script(replies.iter().cloned());
        // The same text at the same time, three times: three entries.
        let one = || ("access", log("info", None, &[("text", text("x"))]));
        rig.report("logentry", [one(), one(), one()]).await.unwrap();
        let seen = rig.close().await;
        let found = (seen.entries.len(), seen.duplicate_entries, seen.answers_of("entries:write"));
        assert_eq!(found, (written, twice, calls), "{replies:?}");
    };
    check(&[], 3, 0, 1).await;
    check(&[Status(503, None)], 3, 0, 2).await;
    check(&[Status(429, Some(1))], 3, 0, 2).await;
    check(&[WrittenBut(504)], 3, 3, 2).await;
    check(&[WrittenBut(500)], 3, 3, 2).await;
    check(&[Status(413, None)], 3, 0, 3).await;
    check(&[Status(400, None)], 0, 0, 1).await;
    check(&[Status(403, None)], 0, 0, 1).await;
    // What is refused of a call does not hold up the rest, and is not sent again.
    check(&[Partly(1, 3)], 2, 0, 1).await;
}
