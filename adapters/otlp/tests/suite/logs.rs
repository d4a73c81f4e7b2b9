//! Logentry instances become log records.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use crate::flat;
use crate::support::{Rig, SPAN, TRACE, entry, reasons, text};

/// 2026-03-04T05:06:07.000000008Z.
const TIME: u64 = 1_772_600_767_000_000_008;

async fn one(params: Json, severity: &str, variables: &[(&str, Value)]) -> Json {
    let rig = Rig::new(params).await;
    assert_eq!(reasons(&rig.log(&entry(severity, variables)).await), [] as [&str; 0]);
    flat::logs(&rig.close().await).remove(0)
}

#[tokio::test]
async fn everything_of_an_entry_arrives() {
    let params = json!({
        "logs": {"accesslog.instance.ns": {"body": "{method} {url}: {status}{absent}", "event_name": "access"}},
        "resource_dimensions": {"app": "service.name"},
        "attribute_names": {"status": "http.response.status_code"},
    });
    let variables = [
        ("app", text("cart")),
        ("method", text("GET")),
        ("url", Value::Uri("/a".to_owned())),
        ("status", Value::Int64(200)),
        ("took", Value::Duration(Duration::from_nanos(2_500_000))),
        ("at", Value::Timestamp(Timestamp::from_proto(0, 5).unwrap())),
        ("headers", Value::StringMap([("b", "2"), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into())),
        ("trace_id", text(TRACE)),
        ("span_id", text(SPAN)),
    ];
    let wanted = json!({
        "resource": {"service.name": "cart"},
        "time": TIME, "severity": 13, "text": "Warning", "body": "GET /a: 200",
        "attributes": {"at": "1970-01-01T00:00:00.000000005Z", "headers": {"a": "1", "b": "2"},
            "http.response.status_code": 200, "method": "GET", "took": 0.0025, "url": "/a"},
        "trace": TRACE, "span": SPAN, "flags": 0, "event": "access",
    });
    assert_eq!(one(params, "Warning", &variables).await, wanted);
}

#[tokio::test]
async fn without_configuration_the_body_is_the_name_of_the_instance() {
    let wanted = json!({
        "resource": {"service.name": "unknown_service:mixer"},
        "time": TIME, "severity": 0, "text": "", "body": "accesslog", "attributes": {},
        "trace": "", "span": "", "flags": 0, "event": "",
    });
    let mut found = one(json!({}), "", &[]).await;
    assert_eq!(found["body"].take(), json!("accesslog.instance.ns"));
    found["body"] = json!("accesslog");
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn severities_are_those_of_opentelemetry() {
    let rig = Rig::new(json!({"severities": {"Chatty": "DEBUG2", "error": "FATAL"}})).await;
    let table = [
        ("trace", 1),
        ("DEBUG", 5),
        ("info", 9),
        ("Informational", 9),
        ("INFO", 9),
        ("notice", 10),
        ("warn", 13),
        ("Warning", 13),
        ("err", 17),
        ("critical", 18),
        ("ALERT", 19),
        ("emergency", 21),
        ("fatal", 21),
        ("Error2", 18),
        ("default", 0),
        ("", 0),
        ("chatty", 6),
        ("Error", 21),
        ("error", 21),
    ];
    for (word, _) in table {
        rig.log(&entry(word, &[])).await;
    }
    let found = flat::logs(&rig.close().await);
    assert_eq!(found.len(), table.len());
    for (word, number) in table {
        assert!(found.iter().any(|record| record["text"] == word && record["severity"] == number), "{word}");
    }
}

#[tokio::test]
async fn ids_of_traces_are_taken_where_they_are_ids() {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    let check = async |variables: &[(&str, &str)], wanted: (&str, &str, u32), left: Json| {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, text(value))).collect();
        let found = one(json!({}), "", &variables).await;
        let ids = (found["trace"].as_str().unwrap(), found["span"].as_str().unwrap());
        assert_eq!((ids.0, ids.1, found["flags"].as_u64()), (wanted.0, wanted.1, Some(u64::from(wanted.2))));
        assert_eq!(found["attributes"], left);
    };
    check(&[("trace_id", TRACE), ("span_id", SPAN)], (TRACE, SPAN, 0), json!({})).await;
    check(&[("trace_id", "a3ce929d0e0e4736")], ("0000000000000000a3ce929d0e0e4736", "", 0), json!({})).await;
    check(&[("trace_id", "x"), ("span_id", SPAN)], ("", "", 0), json!({"span_id": SPAN, "trace_id": "x"}))
        .await;
    check(&[("traceparent", &parent)], (TRACE, SPAN, 1), json!({})).await;
    check(&[("traceparent", &parent), ("trace_id", TRACE)], (TRACE, SPAN, 1), json!({})).await;
    check(&[("traceparent", other), ("trace_id", TRACE)], (TRACE, "", 0), json!({"traceparent": other}))
        .await;
    check(&[("traceparent", "00-x")], ("", "", 0), json!({"traceparent": "00-x"})).await;
}

#[tokio::test]
async fn an_entry_without_a_time_was_still_observed() {
    let rig = Rig::new(json!({})).await;
    let mut without = entry("info", &[]);
    without.timestamp = None;
    rig.log(&without).await;
    // That there is an observed time is a rule of the fake.
    assert_eq!(flat::logs(&rig.close().await)[0]["time"], json!(0));
}
