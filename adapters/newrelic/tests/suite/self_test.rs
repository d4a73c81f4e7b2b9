//! `--selfTest` sends one marked item to each API in use, and tells what New Relic answered.

use mixer_testkit::IngestApi;
use serde_json::{Value as Json, json};

use crate::support::{KEY, Rig};

async fn check(params: Json, wanted: &[IngestApi]) {
    let shown = params.to_string();
    let rig = Rig::new(params).await;
    rig.handler.self_test().await.unwrap();
    let seen = rig.close().await;
    let found: Vec<_> = seen.requests.iter().filter_map(|request| request.api).collect();
    assert_eq!(found, wanted, "{shown}");
    assert!(seen.requests.iter().all(|request| request.items.len() == 1), "{seen:?}");
    for item in seen.metrics.iter().chain(&seen.spans).chain(&seen.logs) {
        assert_eq!(item["attributes"]["selftest"], "true");
    }
    assert!(seen.events.iter().all(|event| event["selftest"] == "true"));
    assert!(seen.metrics.iter().all(|metric| metric["name"] == "mixer.selftest"));
}

#[tokio::test]
async fn each_api_in_use_is_tested() {
    use IngestApi::{Event, Log, Metric, Trace};
    // Every handler of these tests names a URL of the Trace API.
    check(json!({}), &[Metric, Trace]).await;
    check(json!({"spans_url": ""}), &[Metric]).await;
    check(json!({"metrics": {}}), &[Trace]).await;
    check(json!({"metrics": {}, "spans_url": ""}), &[Metric]).await;
    let (log, event) = (json!({}), json!({"event_type": "E"}));
    check(json!({"logs": {"l": log}}), &[Metric, Trace, Log]).await;
    check(json!({"logs": {"e": event}, "spans_url": ""}), &[Metric, Event]).await;
    check(json!({"logs": {"l": log, "e": event}}), &[Metric, Trace, Log, Event]).await;
}

#[tokio::test]
async fn a_wrong_key_is_told() {
    let rig = Rig::new(json!({})).await;
    rig.fake.script(403, None);
    let error = rig.handler.self_test().await.unwrap_err().to_string();
    assert!(error.contains("Metric API") && error.contains("403") && !error.contains(KEY), "{error}");
    assert_eq!(rig.fake.seen().requests.len(), 2, "the other API is tested too");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_told() {
    let rig = Rig::new(json!({"metrics_url": "http://127.0.0.1:1", "spans_url": ""})).await;
    let error = rig.handler.self_test().await.unwrap_err().to_string();
    assert!(error.contains("Metric API"), "{error}");
}
