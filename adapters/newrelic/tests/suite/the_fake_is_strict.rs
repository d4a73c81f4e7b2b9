//! The fake refuses what the documentation of New Relic forbids, each rule at its limit and one beyond.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use mixer_adapter_sdk::delivery::RequestId;
use mixer_adapter_sdk::delivery::http::{HttpClient, HttpOptions, gzip};
use mixer_testkit::{FakeNewRelic, IngestApi};
use serde_json::{Map, Value as Json, json};

use crate::support::KEY;

const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

struct Sender {
    fake: FakeNewRelic,
    client: HttpClient,
}

impl Sender {
    async fn new() -> Self {
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        Self { fake, client: HttpClient::new(&HttpOptions::default()).unwrap() }
    }

    /// Sends a body with the usual headers, but for these; an empty value leaves one out.
    async fn send(&self, path: &str, headers: &[(&'static str, &str)], body: Vec<u8>) -> u16 {
        let id = RequestId::random().to_string();
        let usual = [
            ("api-key", KEY),
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("x-request-id", id.as_str()),
        ];
        let mut all = HeaderMap::new();
        for (name, value) in usual.iter().chain(headers) {
            let name = HeaderName::from_static(name);
            match value.is_empty() {
                true => drop(all.remove(name)),
                false => drop(all.insert(name, HeaderValue::from_str(value).unwrap())),
            }
        }
        let url = format!("http://{}{path}", self.fake.address()).parse().unwrap();
        self.client.post(&url, all, body.into()).await.unwrap().status.as_u16()
    }

    async fn json(&self, api: IngestApi, body: &Json) -> u16 {
        self.send(api.path(), &[], gzip(body.to_string().as_bytes()).to_vec()).await
    }
}

fn metric(change: &Json) -> Json {
    let mut metric = json!({"name": "m", "type": "gauge", "value": 1, "timestamp": now()});
    let fields = metric.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    fields.retain(|_, value| *value != json!("absent"));
    json!([{"metrics": [metric]}])
}

#[tokio::test]
async fn headers_and_bodies() {
    let sender = Sender::new().await;
    let good = || gzip(metric(&json!({})).to_string().as_bytes()).to_vec();
    let path = IngestApi::Metric.path();
    let id = "01234567-89ab-4cde-8f01-23456789abcd";
    let check = async |path: &str, headers: &[(&'static str, &str)], body: Vec<u8>, status: u16| {
        assert_eq!(sender.send(path, headers, body).await, status, "{path} {headers:?}");
    };
    check(path, &[], good(), 202).await;
    check("/metric/v2", &[], good(), 404).await;
    check(path, &[("api-key", "other")], good(), 403).await;
    check(path, &[("api-key", "")], good(), 403).await;
    check(path, &[("content-type", "text/plain")], good(), 415).await;
    check(path, &[("content-encoding", "")], good(), 415).await;
    check(path, &[("x-request-id", "")], good(), 400).await;
    check(path, &[("x-request-id", "01234567-89ab-1cde-8f01-23456789abcd")], good(), 400).await;
    check(path, &[("x-request-id", "01234567-89ab-4cde-8f01-23456789abc")], good(), 400).await;
    check(path, &[("data-format", "zipkin")], good(), 400).await;
    check(path, &[], b"[]".to_vec(), 400).await;
    check(path, &[], gzip(b"{}").to_vec(), 400).await;
    check(path, &[], gzip(b"[{").to_vec(), 400).await;
    check(path, &[], gzip(br#"[{"metrics": [], "metrics": []}]"#).to_vec(), 400).await;
    check(path, &[], vec![0; 1_000_001], 413).await;
    // An id is that of one payload.
    let other = || gzip(metric(&json!({"name": "other"})).to_string().as_bytes()).to_vec();
    let first = good();
    check(path, &[("x-request-id", id)], first.clone(), 202).await;
    check(path, &[("x-request-id", id)], first, 202).await;
    check(path, &[("x-request-id", id)], other(), 400).await;
    assert_eq!(sender.fake.seen().duplicates, 1);
}

#[tokio::test]
async fn metrics() {
    let sender = Sender::new().await;
    let check = async |change: Json, good: bool| {
        let status = sender.json(IngestApi::Metric, &metric(&change)).await;
        assert_eq!(status, if good { 202 } else { 400 }, "{change}");
    };
    check(json!({"name": "x".repeat(255)}), true).await;
    check(json!({"name": "x".repeat(256)}), false).await;
    check(json!({"name": "😀".repeat(128)}), false).await;
    check(json!({"name": ""}), false).await;
    check(json!({"type": "absent"}), true).await;
    check(json!({"type": "histogram"}), false).await;
    check(json!({"value": "1"}), false).await;
    check(json!({"value": null}), false).await;
    check(json!({"extra": 1}), false).await;
    check(json!({"timestamp": "absent"}), false).await;
    check(json!({"timestamp": now() - 47 * HOUR}), true).await;
    check(json!({"timestamp": now() - 49 * HOUR}), false).await;
    check(json!({"timestamp": now() + 23 * HOUR}), true).await;
    check(json!({"timestamp": now() + 25 * HOUR}), false).await;
    check(json!({"type": "count", "interval.ms": 1}), true).await;
    check(json!({"type": "count"}), false).await;
    check(json!({"type": "count", "interval.ms": 0}), false).await;
    check(json!({"type": "count", "interval.ms": 1, "value": -1}), false).await;
    let summary = |value: Json| json!({"type": "summary", "interval.ms": 1, "value": value});
    check(summary(json!({"count": 1, "sum": 1, "min": 1, "max": 1})), true).await;
    check(summary(json!({"count": 1, "sum": 1, "min": null, "max": null})), true).await;
    check(summary(json!({"count": 1, "min": 1, "max": 1})), false).await;
    check(summary(json!({"count": 1, "sum": 1, "min": 1, "max": 1, "mean": 1})), false).await;
    check(summary(json!(1)), false).await;
}

#[tokio::test]
async fn attributes() {
    let sender = Sender::new().await;
    let check = async |attributes: Json, good: [bool; 4]| {
        let now = now();
        let id = RequestId::random().to_string();
        let mut event = json!({"eventType": "E", "timestamp": now});
        event.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        let bodies = [
            (IngestApi::Metric, metric(&json!({"attributes": attributes}))),
            (
                IngestApi::Trace,
                json!([{"spans": [{"id": id, "trace.id": "t", "timestamp": now, "attributes": attributes}]}]),
            ),
            (
                IngestApi::Log,
                json!([{"logs": [{"timestamp": now, "message": "", "attributes": attributes}]}]),
            ),
            (IngestApi::Event, json!([event])),
        ];
        for ((api, body), good) in bodies.into_iter().zip(good) {
            let status = sender.json(api, &body).await;
            assert_eq!(
                status < 300,
                good,
                "{api:?} {status} {}",
                &attributes.to_string()[..80.min(attributes.to_string().len())]
            );
        }
    };
    let many = |count: usize| -> Json {
        let all: Map<String, Json> = (0..count).map(|number| (format!("k{number}"), json!("x"))).collect();
        all.into()
    };
    check(json!({"a.b:c_9": "x", "i": i64::MIN, "d": 0.5}), [true; 4]).await;
    check(json!({"k".repeat(255): "x"}), [true; 4]).await;
    check(json!({"k".repeat(256): "x"}), [false; 4]).await;
    check(json!({"a-b": "x"}), [false; 4]).await;
    check(json!({"": "x"}), [false; 4]).await;
    check(json!({"v": "x".repeat(4096)}), [true; 4]).await;
    check(json!({"v": "x".repeat(4097)}), [false, false, true, false]).await;
    check(json!({"v": "😀".repeat(2049)}), [false, false, true, false]).await;
    check(json!({"v": true}), [true, true, true, false]).await;
    check(json!({"v": u64::MAX}), [false; 4]).await;
    check(json!({"v": null}), [false; 4]).await;
    check(json!({"v": [1]}), [false; 4]).await;
    check(json!({"v": {"w": 1}}), [false; 4]).await;
    check(many(100), [true; 4]).await;
    check(many(101), [false, false, true, true]).await;
    check(many(253), [false, false, true, true]).await;
    check(many(255), [false, false, true, false]).await;
    check(many(256), [false; 4]).await;
    check(json!({"metricName": "x"}), [false, true, true, true]).await;
    check(json!({"m": "the name of the metric"}), [false, true, true, true]).await;
}

#[tokio::test]
async fn spans_log_entries_and_events() {
    let sender = Sender::new().await;
    let check = async |api: IngestApi, body: Json, status: u16| {
        assert_eq!(sender.json(api, &body).await, status, "{body}");
    };
    let span = |change: Json| {
        let mut span = json!({"id": "a", "trace.id": "t", "timestamp": now()});
        span.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!([{"spans": [span]}])
    };
    check(IngestApi::Trace, span(json!({})), 202).await;
    check(IngestApi::Trace, span(json!({})), 400).await;
    check(IngestApi::Trace, span(json!({"trace.id": "u"})), 202).await;
    check(IngestApi::Trace, span(json!({"id": ""})), 400).await;
    check(IngestApi::Trace, span(json!({"id": "b", "trace.id": ""})), 400).await;
    check(IngestApi::Trace, span(json!({"id": "b", "name": "x"})), 400).await;
    check(IngestApi::Trace, span(json!({"id": "b", "attributes": {"parent.id": ""}})), 400).await;
    check(IngestApi::Trace, span(json!({"id": "b", "attributes": {"duration.ms": -1}})), 400).await;
    check(IngestApi::Trace, span(json!({"id": "b", "timestamp": 1})), 400).await;
    let log = |log: Json| json!([{"common": {"attributes": {"a": 1}}, "logs": [log]}]);
    check(IngestApi::Log, log(json!({"timestamp": now(), "message": "m"})), 202).await;
    check(IngestApi::Log, log(json!({"timestamp": now()})), 400).await;
    check(IngestApi::Log, log(json!({"timestamp": now() - 49 * HOUR, "message": "m"})), 400).await;
    check(IngestApi::Log, log(json!({"timestamp": now(), "message": "m", "level": "x"})), 400).await;
    let event =
        |event_type: &str, hours: i64| json!({"eventType": event_type, "timestamp": now() - hours * HOUR});
    check(IngestApi::Event, json!([event("Mesh_Request:v2", 0)]), 200).await;
    check(IngestApi::Event, json!([event("no spaces", 0)]), 400).await;
    check(IngestApi::Event, json!([event("", 0)]), 400).await;
    check(IngestApi::Event, json!([event("E", 23)]), 200).await;
    check(IngestApi::Event, json!([event("E", 25)]), 400).await;
    check(IngestApi::Event, json!([{"common": {}}]), 400).await;
    check(IngestApi::Event, Json::Array(vec![event("E", 0); 2000]), 200).await;
    check(IngestApi::Event, Json::Array(vec![event("E", 0); 2001]), 413).await;
}
