//! Names of 255 UTF-16 units, reserved attributes, the 101st attribute, a value of 4097 characters, what is no number, and
//! times that New Relic would drop: each row of its limits, at the limit and one beyond.

use std::time::Duration;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::Value;
use mixer_proto::template::logentry;
use mixer_testkit::IngestApi;
use prost::Message as _;
use serde_json::{Map, Value as Json, json};

use crate::support::{Rig, a_span, reasons, text, time, values};

/// The attributes that New Relic gets of a metric, a span, a log entry and an event with these dimensions.
async fn attributes(more: &Json, dimensions: &[(&str, Value)]) -> [Map<String, Json>; 4] {
    let mut params = json!({"logs": {"event.instance.ns": {"event_type": "E"}}});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let rig = Rig::new(params).await;
    rig.metric("c", Value::Int64(1), dimensions).await;
    let span = mixer_proto::template::tracespan::InstanceMsg { span_tags: values(dimensions), ..a_span("1") };
    rig.span(span).await;
    let entry = logentry::InstanceMsg { variables: values(dimensions), ..Default::default() };
    rig.entry("log.instance.ns", entry.clone()).await;
    rig.entry("event.instance.ns", entry).await;
    let seen = rig.close().await;
    let of = |item: &Json| item.get("attributes").and_then(Json::as_object).cloned().unwrap_or_default();
    let event = seen.events[0].as_object().unwrap().clone();
    [of(&seen.metrics[0]), of(&seen.spans[0]), of(&seen.logs[0]), event]
}

async fn check(dimensions: &[(&str, Value)], wanted: Json) {
    let all = attributes(&json!({}), dimensions).await;
    for (api, found) in ["metric", "span", "log", "event"].iter().zip(all) {
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(found.get(name), Some(value), "{api}: {name} of {found:?}");
        }
    }
}

#[tokio::test]
async fn names_of_metrics() {
    let check = async |namespace: &str, name: &str, good: bool| {
        let metrics = json!({"i.instance.ns": {"name": name, "type": "GAUGE"}});
        let built = Rig::try_new(json!({"namespace": namespace, "metrics": metrics})).await;
        let Ok(rig) = built else { return assert!(!good, "{namespace} {name}") };
        assert!(good, "{namespace} {name}");
        rig.metric("i", Value::Int64(1), &[]).await;
        let wanted = [namespace, name].join(if namespace.is_empty() { "" } else { "." });
        assert_eq!(rig.close().await.metrics[0]["name"], wanted);
    };
    check("", &"x".repeat(255), true).await;
    check("", &"x".repeat(256), false).await;
    check("ns", &"x".repeat(252), true).await;
    check("ns", &"x".repeat(253), false).await;
    // Each of these takes two units.
    check("", &format!("{}x", "😀".repeat(127)), true).await;
    check("", &"😀".repeat(128), false).await;
    check("ns.", "x", true).await;
}

#[tokio::test]
async fn names_of_attributes() {
    check(&[(&"k".repeat(255), text("x"))], json!({"k".repeat(255): "x"})).await;
    check(&[(&"k".repeat(256), text("x"))], json!({"k".repeat(255): "x"})).await;
    check(&[("a.b:c_9", text("x"))], json!({"a.b:c_9": "x"})).await;
    check(&[("a-b/ü", text("x"))], json!({"a_b__": "x"})).await;
    check(&[("accountId", text("x"))], json!({"dimension.accountId": "x"})).await;
    let all = attributes(&json!({}), &[("", text("x")), ("ok", text("y"))]).await;
    assert!(all.iter().all(|found| !found.contains_key("") && found.contains_key("ok")), "{all:?}");
}

/// Names that the Metric API refuses or overwrites, and what becomes of them.
#[tokio::test]
async fn reserved_names() {
    let reserved = [
        "interval.ms",
        "timestamp",
        "value",
        "common",
        "min",
        "max",
        "count",
        "sum",
        "metrics",
        "newrelic.source",
        "metricName",
        "endTimestamp",
        "entity.guid",
        "entity.name",
        "entity.type",
        "accountId",
        "appId",
        "eventType",
        // Its own name.
        "istio.c",
    ];
    let dimensions = reserved.map(|name| (name, text("x")));
    let [metric, _, log, event] = attributes(&json!({}), &dimensions).await;
    let mut found: Vec<_> = metric.keys().cloned().collect();
    found.sort();
    let mut wanted = reserved.map(|name| format!("dimension.{name}"));
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(log["dimension.timestamp"], "x");
    assert_eq!((&event["eventType"], &event["dimension.eventType"]), (&json!("E"), &json!("x")));
    let [metric, ..] = attributes(&json!({}), &[("name", text("x"))]).await;
    assert_eq!(metric["name"], "x", "this one is allowed");
}

#[tokio::test]
async fn numbers_of_attributes() {
    let check = async |more: Json, count: usize, wanted: [usize; 4]| {
        let names: Vec<_> = (0..count).map(|number| format!("k{number:03}")).collect();
        let dimensions: Vec<_> = names.iter().map(|name| (name.as_str(), text("x"))).collect();
        let found = attributes(&more, &dimensions).await.map(|found| found.len());
        assert_eq!(found, wanted, "{count} {more}");
    };
    let common = json!({"common_attributes": {"a": "1", "b": "2"}});
    // This span has 13 of its own, of which one gives way; an event has its type and time.
    check(json!({}), 85, [85, 98, 85, 87]).await;
    check(json!({}), 87, [87, 100, 87, 89]).await;
    check(json!({}), 88, [88, 100, 88, 90]).await;
    check(json!({}), 100, [100, 100, 100, 102]).await;
    check(json!({}), 101, [100, 100, 101, 103]).await;
    check(common.clone(), 98, [100, 100, 100, 102]).await;
    check(common.clone(), 99, [100, 100, 101, 103]).await;
    check(json!({}), 256, [100, 100, 255, 255]).await;
    check(common, 256, [100, 100, 255, 255]).await;
}

#[tokio::test]
async fn lengths_of_texts() {
    let check = async |long: String, kept: &str| {
        let [metric, span, log, event] = attributes(&json!({}), &[("v", text(&long))]).await;
        assert_eq!(metric["v"], kept);
        assert_eq!(span["v"], kept);
        assert_eq!(log["v"], long, "the Log API keeps long texts aside");
        assert_eq!(event["v"], kept);
    };
    check("é".repeat(4096), &"é".repeat(4096)).await;
    check("é".repeat(4097), &"é".repeat(4096)).await;
    check("x".repeat(4097), &"x".repeat(4096)).await;
    check("😀".repeat(2048), &"😀".repeat(2048)).await;
    // No half of a character is left.
    check(format!("x{}", "😀".repeat(2048)), &format!("x{}", "😀".repeat(2047))).await;
}

#[tokio::test]
async fn numbers_that_are_none() {
    check(&[("nan", Value::Double(f64::NAN))], json!({"nan": "NaN"})).await;
    check(&[("inf", Value::Double(f64::INFINITY))], json!({"inf": "+Inf"})).await;
    check(&[("max", Value::Int64(i64::MAX)), ("least", Value::Int64(i64::MIN))], json!({"least": i64::MIN}))
        .await;
}

#[tokio::test]
async fn events_have_no_bools_and_no_maps() {
    let map = Value::StringMap([("k".to_owned(), "v".to_owned())].into());
    let [metric, _, log, event] = attributes(&json!({}), &[("yes", Value::Bool(true)), ("map", map)]).await;
    assert_eq!((&metric["yes"], &log["yes"], &event["yes"]), (&json!(true), &json!(true), &json!("true")));
    assert_eq!((&metric["map"], &event["map"]), (&json!("k=v"), &json!("k=v")));
}

/// What New Relic would drop without telling is dropped and counted.
#[tokio::test]
async fn times() {
    const HOUR: i64 = 3600;
    let check = async |hours: i64, wanted: [Option<&'static str>; 3]| {
        let rig = Rig::new(json!({"logs": {"event.instance.ns": {"event_type": "E"}}})).await;
        // A minute of room for a slow machine.
        let then = Timestamp::now().seconds() + hours * HOUR - hours.signum() * 60;
        let span = mixer_proto::template::tracespan::InstanceMsg {
            start_time: time(then, 0),
            end_time: time(then, 0),
            ..a_span("1")
        };
        let entry = logentry::InstanceMsg { timestamp: time(then, 0), ..Default::default() };
        let outcomes = [
            rig.span(span).await,
            rig.entry("log.instance.ns", entry.clone()).await,
            rig.entry("event.instance.ns", entry).await,
        ];
        for (outcome, wanted) in outcomes.iter().zip(wanted) {
            assert_eq!(reasons(outcome), wanted.map(|reason| (reason, 1)).into_iter().collect(), "{hours}");
        }
        rig.close().await;
    };
    check(0, [None; 3]).await;
    check(24, [None; 3]).await;
    check(25, [Some("too_new"); 3]).await;
    check(-24, [None; 3]).await;
    check(-25, [None, None, Some("too_old")]).await;
    check(-48, [None, None, Some("too_old")]).await;
    check(-49, [Some("too_old"); 3]).await;
}

/// A payload of more than 1,000,000 bytes is split before it is sent, and more than 2000 events go in several requests.
#[tokio::test]
async fn sizes_of_payloads() {
    let limits = json!({"harvest_period": "0.1s", "logs": {"event.instance.ns": {"event_type": "E"}}});
    let rig = Rig::new(limits).await;
    let noise = || std::iter::repeat_with(fastrand::alphanumeric).take(100_000).collect::<String>();
    let entry = |message: String| {
        let variables = values(&[("message", text(&message))]);
        logentry::InstanceMsg { variables, ..Default::default() }.encode_to_vec()
    };
    let logs: Vec<_> = (0..20).map(|_| ("log.instance.ns", entry(noise()))).collect();
    assert_eq!(reasons(&rig.send("logentry", &logs).await), [].into());
    let events = vec![("event.instance.ns", logentry::InstanceMsg::default().encode_to_vec()); 4500];
    assert_eq!(reasons(&rig.send("logentry", &events).await), [].into());
    let all = rig.fake.wait(|seen| seen.events.len() >= 4500 && seen.logs.len() >= 20);
    let seen = tokio::time::timeout(Duration::from_secs(120), all).await.unwrap();
    assert_eq!((seen.logs.len(), seen.events.len(), seen.faults.len()), (20, 4500, 0));
    let requests = |api| seen.requests.iter().filter(|request| request.api == Some(api)).count();
    assert_eq!((requests(IngestApi::Log), requests(IngestApi::Event)), (2, 3));
    assert_eq!(seen.distinct_ids(), 5, "each part has an id of its own");
}
