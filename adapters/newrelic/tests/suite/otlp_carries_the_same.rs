//! With `transport: OTLP` the same instances arrive under the same names and with the same attributes as by the ingest APIs, at a
//! strict fake and at a real collector.

use std::sync::Arc;

use mixer_adapter_sdk::Handler;
use mixer_adapter_sdk::value::Value;
use mixer_harness::rotel;
use mixer_proto::policy::v1beta1::IpAddress;
use mixer_proto::template::logentry;
use mixer_proto::template::tracespan::InstanceMsg;
use mixer_testkit::{FakeCollector, FakeNewRelic, OtlpReply, OtlpSeen, Seen, otlp_flat as flat};
use prost::Message as _;
use serde_json::{Map, Value as Json, json};

use crate::program::PATIENCE;
use crate::support::{
    KEY, Rig, a_span, every_kind, key_file, params, reasons, sample, send, spec, text, time, values,
};

const SPAN: &str = "span.instance.ns";
const LOG: &str = "accesslog.instance.ns";

/// A handler that sends by OTLP, and harvests only when it is closed.
struct ByOtlp {
    fake: FakeCollector,
    handler: Arc<dyn Handler>,
    _directory: tempfile::TempDir,
}

impl ByOtlp {
    async fn new(more: &Json) -> Self {
        let fake = FakeCollector::start(None).await.unwrap();
        Self::at(&fake.endpoint(), fake, more).await
    }

    async fn at(endpoint: &str, fake: FakeCollector, more: &Json) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ingest = FakeNewRelic::start(KEY).await.unwrap();
        let mut params = params(&ingest, &json!({"api_key_file": key_file(&directory, KEY)}));
        let params_map = params.as_object_mut().unwrap();
        params_map.retain(|name, _| !name.ends_with("_url"));
        params_map.extend([("transport".into(), json!("OTLP")), ("otlp_url".into(), json!(endpoint))]);
        params_map.extend(more.as_object().unwrap().clone());
        let handler = mixer_newrelic_adapter::adapter().build(spec(&params)).await.unwrap();
        Self { fake, handler, _directory: directory }
    }

    async fn close(&self) -> OtlpSeen {
        tokio::time::timeout(PATIENCE, self.handler.close()).await.unwrap();
        let seen = self.fake.seen();
        assert_eq!(seen.faults, [] as [String; 0]);
        seen
    }
}

/// What is the same for both ways.
fn settings() -> Json {
    json!({
        "cluster_name": "west",
        "common_attributes": {"team": "mesh"},
        "logs": {LOG: {"message": "{method}", "log_type": "envoy", "levels": {"Warning": "WARN"}}},
    })
}

fn a_span_with_everything(client: bool, id: &str, status: i64) -> InstanceMsg {
    InstanceMsg {
        parent_span_id: "00f067aa0ba902b7".into(),
        http_status_code: status,
        client_span: client,
        source_name: "productpage".into(),
        source_ip: Some(IpAddress { value: vec![10, 0, 0, 1].into() }),
        destination_name: "reviews".into(),
        request_size: 1,
        api_protocol: "http".into(),
        span_tags: values(&[(
            "duration",
            Value::Duration(mixer_adapter_sdk::Duration::from_nanos(1_500_000)),
        )]),
        ..a_span(id)
    }
}

/// Template, name, and bytes.
type Instances = Vec<(&'static str, &'static str, Vec<u8>)>;

/// Metrics of each type, spans of each kind, log entries; with every kind of value, and with what has to be changed.
fn instances() -> Instances {
    let kinds = every_kind();
    let named: Vec<String> = kinds.iter().map(|(kind, _)| kind.replace(' ', "_")).collect();
    let all: Vec<_> = named.iter().zip(&kinds).map(|(name, (_, value))| (&**name, value.clone())).collect();
    let long = "x".repeat(5000);
    let changed = [("service.name", text("reviews")), ("timestamp", text("t")), ("long", text(&long))];
    let entry = logentry::InstanceMsg {
        variables: values(&all),
        severity: "Warning".into(),
        timestamp: time(mixer_adapter_sdk::Timestamp::now().seconds() - 5, 123_000_000),
        ..Default::default()
    };
    vec![
        ("metric", "c.instance.ns", sample(&Value::Int64(2), &all)),
        ("metric", "c.instance.ns", sample(&Value::Double(1.5), &all)),
        ("metric", "c.instance.ns", sample(&Value::Int64(1), &changed)),
        ("metric", "g.instance.ns", sample(&Value::Double(-2.5), &changed)),
        ("metric", "s.instance.ns", sample(&Value::Int64(1), &[])),
        ("metric", "s.instance.ns", sample(&Value::Double(2.5), &[])),
        ("tracespan", SPAN, a_span("00000000000000a1").encode_to_vec()),
        ("tracespan", SPAN, a_span_with_everything(true, "00000000000000a2", 503).encode_to_vec()),
        ("tracespan", SPAN, a_span_with_everything(false, "00000000000000a3", 200).encode_to_vec()),
        ("logentry", LOG, entry.encode_to_vec()),
        (
            "logentry",
            "other.instance.ns",
            logentry::InstanceMsg { variables: values(&changed), ..entry }.encode_to_vec(),
        ),
    ]
}

async fn report_all(handler: &Arc<dyn Handler>, instances: &Instances) {
    for (template, name, bytes) in instances {
        assert_eq!(reasons(&send(handler, template, &[(name, bytes.clone())]).await), [].into(), "{name}");
    }
}

fn sorted(mut all: Vec<Json>) -> String {
    all.iter_mut().for_each(Json::sort_all_objects);
    all.sort_by_key(ToString::to_string);
    serde_json::to_string_pretty(&all).unwrap()
}

/// Metrics, spans and log entries as the ingest APIs got them.
fn of_ingest(seen: &Seen) -> [String; 3] {
    let metric = |metric: &Json| json!({"name": metric["name"], "type": metric["type"], "value": metric["value"], "attributes": metric["attributes"]});
    [sorted(seen.metrics.iter().map(metric).collect()), sorted(seen.spans.clone()), sorted(seen.logs.clone())]
}

/// Attributes of an item and of its resource, as New Relic shows them.
fn together(item: &Json) -> Map<String, Json> {
    let mut all = item["resource"].as_object().unwrap().clone();
    all.retain(|_, value| value != "unknown_service:mixer");
    all.extend(item["attributes"].as_object().unwrap().clone());
    all
}

/// The same as the collector got it.
fn of_otlp(seen: &OtlpSeen) -> [String; 3] {
    let metric = |point: &Json| {
        let (kind, value) = match (point.get("delta"), point.get("gauge")) {
            (Some(total), _) => ("count", total.clone()),
            (_, Some(last)) => ("gauge", last.clone()),
            _ => {
                assert_eq!((&point["temporality"], &point["buckets"]), (&json!(1), &json!([point["count"]])));
                let value = json!({"count": point["count"], "sum": point["sum"], "min": point["min"], "max": point["max"]});
                ("summary", value)
            }
        };
        json!({"name": point["name"], "type": kind, "value": value, "attributes": together(point)})
    };
    let millis = |nanos: &Json| nanos.as_u64().unwrap() / 1_000_000;
    let span = |span: &Json| {
        let mut attributes = together(span);
        let duration = span["end"].as_u64().unwrap() - span["start"].as_u64().unwrap();
        attributes.insert("name".into(), span["name"].clone());
        attributes.insert("duration.ms".into(), json!(duration as f64 / 1e6));
        attributes.insert("span.kind".into(), json!(if span["kind"] == 3 { "client" } else { "server" }));
        if span["parent"] != "" {
            attributes.insert("parent.id".into(), span["parent"].clone());
        }
        assert_eq!(span["status"] == 2, attributes.contains_key("error.class"), "{span}");
        json!({"id": span["span"], "trace.id": span["trace"], "timestamp": millis(&span["start"]), "attributes": attributes})
    };
    let log = |log: &Json| json!({"message": log["body"], "timestamp": millis(&log["time"]), "attributes": together(log)});
    [
        sorted(flat::metrics(seen).iter().map(metric).collect()),
        sorted(flat::spans(seen).iter().map(span).collect()),
        sorted(flat::logs(seen).iter().map(log).collect()),
    ]
}

/// What arrives by the ingest APIs.
async fn wanted(instances: &Instances) -> [String; 3] {
    let rig = Rig::new(settings()).await;
    report_all(&rig.handler, instances).await;
    of_ingest(&rig.close().await)
}

#[tokio::test]
async fn names_attributes_limits_and_durations_are_the_same() {
    let (rig, instances) = (ByOtlp::new(&settings()).await, instances());
    report_all(&rig.handler, &instances).await;
    let seen = rig.close().await;
    for (otlp, ingest) in of_otlp(&seen).iter().zip(&wanted(&instances).await) {
        assert_eq!(otlp, ingest, "\n{otlp}\n{ingest}");
    }
    let signals: Vec<_> = seen.requests.iter().map(|request| request.signal).collect();
    assert_eq!(signals.len(), 3, "one request for each signal: {signals:?}");
    for request in &seen.requests {
        assert_eq!((request.protocol, request.compressed), ("http/protobuf", true));
        assert_eq!(request.headers["api-key"], KEY);
    }
}

#[tokio::test]
async fn a_real_collector_passes_on_the_same() {
    let Some(program) = mixer_harness::real_program("MIXER_ROTEL").unwrap() else {
        return eprintln!("skipped: MIXER_ROTEL does not name Rotel; `cargo xtask test` installs it");
    };
    let behind = FakeCollector::start(None).await.unwrap();
    let logs = tempfile::tempdir().unwrap();
    let rotel = rotel(&program, &behind.endpoint(), logs.path()).await.unwrap();
    let rig = ByOtlp::at(&rotel.http(), behind.clone(), &settings()).await;
    let instances = instances();
    report_all(&rig.handler, &instances).await;
    tokio::time::timeout(PATIENCE, rig.handler.close()).await.unwrap();
    let arrived = behind.until(|seen| {
        !seen.faults.is_empty()
            || [seen.metrics.len(), seen.logs.len(), seen.traces.len()].iter().all(|n| *n > 0)
    });
    let seen = tokio::time::timeout(PATIENCE, arrived).await;
    let seen = seen.unwrap_or_else(|_| panic!("{:?}\n{}", behind.seen(), rotel.process.output()));
    assert_eq!(seen.faults, [] as [String; 0]);
    assert_eq!(of_otlp(&seen), wanted(&instances).await);
}

#[tokio::test]
async fn ids_that_otlp_does_not_have_are_a_reason() {
    let rig = ByOtlp::new(&json!({})).await;
    let good = a_span("00000000000000a1");
    let check = async |span: InstanceMsg, reason: &'static str| {
        let outcome = send(&rig.handler, "tracespan", &[(SPAN, span.encode_to_vec())]).await;
        assert_eq!(reasons(&outcome), [(reason, 1)].into());
    };
    check(InstanceMsg { trace_id: "x".into(), ..good.clone() }, "invalid_trace_id").await;
    check(InstanceMsg { span_id: "b2".into(), ..good.clone() }, "invalid_span_id").await;
    check(InstanceMsg { parent_span_id: "p".into(), ..good.clone() }, "invalid_parent_span_id").await;
    // No parent, in the words of some tracers.
    for parent in ["0000000000000000", "00000000000000a1"] {
        let span = InstanceMsg { parent_span_id: parent.into(), ..good.clone() };
        assert_eq!(
            reasons(&send(&rig.handler, "tracespan", &[(SPAN, span.encode_to_vec())]).await),
            [].into()
        );
    }
    let spans = flat::spans(&rig.close().await);
    assert_eq!(spans.iter().filter(|span| span["parent"] == "").count(), 2, "{spans:?}");
}

#[tokio::test]
async fn answers_mean_what_otlp_says() {
    let rig = ByOtlp::new(&json!({"metrics": {}})).await;
    rig.fake.script(OtlpReply::Http { status: 503, retry_after: None });
    rig.fake.script(OtlpReply::Http { status: 413, retry_after: None });
    let entries: Vec<_> = (0..4)
        .map(|n| logentry::InstanceMsg { variables: values(&[("n", Value::Int64(n))]), ..Default::default() })
        .map(|entry| (LOG, entry.encode_to_vec()))
        .collect();
    assert_eq!(reasons(&send(&rig.handler, "logentry", &entries).await), [].into());
    let seen = rig.close().await;
    let items: Vec<_> = seen.requests.iter().map(|request| request.items).collect();
    assert_eq!(items, [4, 4, 2, 2], "tried again, and split");
    let mut numbers: Vec<_> =
        flat::logs(&seen).iter().map(|log| log["attributes"]["n"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[tokio::test]
async fn the_self_test_goes_by_otlp() {
    let rig = ByOtlp::new(&json!({"spans": {}, "logs": {LOG: {}}})).await;
    rig.handler.self_test().await.unwrap();
    let signals: Vec<_> = rig.fake.seen().requests.iter().map(|request| request.signal).collect();
    assert_eq!(signals, ["metrics", "traces", "logs"]);
    rig.fake.script(OtlpReply::Http { status: 403, retry_after: None });
    let error = rig.handler.self_test().await.unwrap_err().to_string();
    assert!(
        error.contains("OTLP endpoint for metrics") && error.contains("403") && !error.contains(KEY),
        "{error}"
    );
    let seen = rig.close().await;
    assert_eq!((flat::metrics(&seen)[0]["name"].clone(), seen.requests.len()), (json!("mixer.selftest"), 6));
}
