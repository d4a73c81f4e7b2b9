//! Every hosted adapter that sends shows what the delivery layer promises: what was collected, received, sent, retried and
//! dropped by reason, what waits in memory and on disk, and how long the backend takes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{Batch, Handler, HandlerSpec, ReportCall};
use mixer_adapter_sdk::params::encode;
use mixer_proto::policy::v1beta1::{TimeStamp, Value, value};
use mixer_proto::template::{logentry, metric, tracespan};
use mixer_testkit::{
    FakeCollector, FakeGoogle, FakeNewRelic, FakeRemoteWrite, GoogleReply, IngestApi, Knows, OtlpReply, Reply,
};
use prost::Message as _;
use serde_json::{Value as Json, json};
use tokio::net::UdpSocket;

/// Test machines are slow and busy.
const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "0123456789-ingest";
const NAME: &str = "datum.instance.ns";
const PREFIX: &str = "mixer_adapter_delivery_";

/// All samples of a scrape by name and labels.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn take(registry: &prometheus::Registry) -> Self {
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Self(samples.collect())
    }

    fn get(&self, name: &str, backend: &str) -> Option<f64> {
        self.0.get(&format!("{PREFIX}{name}{{backend=\"{backend}\"}}")).copied()
    }

    fn over_all_reasons(&self, name: &str, backend: &str) -> f64 {
        let start = format!("{PREFIX}{name}{{backend=\"{backend}\",reason=\"");
        self.0
            .range(start.clone()..)
            .take_while(|(series, _)| series.starts_with(&start))
            .map(|(_, n)| n)
            .sum()
    }
}

fn datum(template: &str) -> Bytes {
    let int = |number| Value { value: Some(value::Value::Int64Value(number)) };
    let time = |seconds| {
        let value = prost_types::Timestamp { seconds, nanos: 0 };
        Some(TimeStamp { value: Some(value) })
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let name = NAME.to_owned();
    match template {
        "metric" => metric::InstanceMsg { name, value: Some(int(1)), ..Default::default() }.encode_to_vec(),
        "logentry" => {
            let variables = [("n".to_owned(), int(1))].into();
            let severity = "info".to_owned();
            logentry::InstanceMsg { name, variables, severity, timestamp: time(now), ..Default::default() }
                .encode_to_vec()
        }
        _ => tracespan::InstanceMsg {
            name,
            trace_id: "463ac35c9f6413ad48485a3953bb6124".to_owned(),
            span_id: "a2fb4a1d1a96d312".to_owned(),
            span_name: "span".to_owned(),
            start_time: time(now - 1),
            end_time: time(now),
            ..Default::default()
        }
        .encode_to_vec(),
    }
    .into()
}

async fn report(
    handler: &dyn Handler,
    template: &'static str,
) -> Result<(), mixer_adapter_api::HandlerError> {
    let batch = Batch::from_instances([(NAME.into(), datum(template))]);
    handler.report(ReportCall { template, batch, deadline: None }).await.map(drop)
}

/// Whether a backend answers, so that something can be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Yes,
    Never,
}

struct Case {
    adapter: &'static str,
    template: &'static str,
    backend: &'static str,
    params: Json,
    answers: Answers,
}

async fn check(case: Case, registry: &prometheus::Registry) {
    let Case { adapter, template, backend, params, answers } = case;
    let hosted =
        mixer_adapters::registry(mixer_adapters::Options { prometheus_address: ([127, 0, 0, 1], 0).into() });
    let adapter = hosted.get(adapter).unwrap();
    let spec = HandlerSpec {
        name: "h".into(),
        params: encode(adapter.info(), &params.to_string()).unwrap(),
        instances: Vec::new(),
    };
    assert_eq!(adapter.validate(&spec), []);
    let handler: Arc<dyn Handler> = adapter.build(spec).await.unwrap();
    let before = Scrape::take(registry);
    report(&*handler, template).await.unwrap();
    tokio::time::timeout(PATIENCE, handler.close()).await.unwrap();
    // Too late: refused or taken, it is lost. A metric of Prometheus is only not sent any more.
    let late = report(&*handler, template).await;
    let after = Scrape::take(registry);
    let grown = |name: &str| {
        let shown = after.get(name, backend).unwrap_or_else(|| panic!("{backend} has no {name}"));
        shown - before.get(name, backend).unwrap_or_default()
    };
    let counted =
        ["collected_total", "received_total", "sent_total", "retried_total", "duration_seconds_count"]
            .map(grown);
    let again = if answers == Answers::Yes { 1.0 } else { 0.0 };
    assert!(counted[..3].iter().all(|count| *count >= 1.0), "{backend}: {counted:?}");
    assert!(counted[3] >= again && counted[4] >= 1.0 + again, "{backend}: {counted:?}");
    for empty in ["queue_items", "queue_bytes", "spool_bytes", "spool_entries"] {
        assert_eq!(after.get(empty, backend), Some(0.0), "{backend}: {empty}");
    }
    assert_eq!(after.get("spool_corrupt_segments_total", backend), Some(0.0), "{backend}");
    assert_eq!(after.over_all_reasons("changed_total", backend), 0.0, "{backend}: nothing had to be changed");
    let dropped = |scrape: &Scrape| scrape.over_all_reasons("dropped_total", backend);
    if backend != "prometheus" {
        assert_eq!(late.is_err(), answers == Answers::Yes, "{backend}: {late:?}");
        assert_eq!(dropped(&after) - dropped(&before), 1.0, "{backend}");
    }
}

async fn newrelic(folder: &Path) -> Vec<Case> {
    let key = folder.join("key");
    std::fs::write(&key, KEY).unwrap();
    let mut cases = Vec::new();
    for (template, backend, log) in [
        ("metric", "newrelic_metrics", json!({})),
        ("tracespan", "newrelic_spans", json!({})),
        ("logentry", "newrelic_logs", json!({})),
        ("logentry", "newrelic_events", json!({"event_type": "Datum"})),
    ] {
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        fake.script(503, None);
        let params = json!({
            "api_key_file": key, "harvest_period": "3600s",
            "metrics_url": fake.url(IngestApi::Metric), "spans_url": fake.url(IngestApi::Trace),
            "logs_url": fake.url(IngestApi::Log), "events_url": fake.url(IngestApi::Event),
            "metrics": {NAME: {"name": "m", "type": "COUNT"}}, "logs": {NAME: log},
        });
        cases.push(Case { adapter: "newrelic", template, backend, params, answers: Answers::Yes });
    }
    cases
}

async fn otlp() -> Vec<Case> {
    let mut cases = Vec::new();
    for (template, backend) in
        [("metric", "otlp-metrics"), ("logentry", "otlp-logs"), ("tracespan", "otlp-traces")]
    {
        let fake = FakeCollector::start(None).await.unwrap();
        fake.script(OtlpReply::Http { status: 503, retry_after: None });
        let params = json!({
            "exporter": {"endpoint": fake.endpoint(), "protocol": "HTTP_PROTOBUF"},
            "metrics_period": "3600s", "harvest_period": "3600s",
            "metrics": {NAME: {"name": "m", "type": "SUM"}},
        });
        cases.push(Case { adapter: "otlp", template, backend, params, answers: Answers::Yes });
    }
    cases
}

async fn stackdriver(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (template, backend) in
        [("metric", "cloud_monitoring"), ("logentry", "cloud_logging"), ("tracespan", "cloud_trace")]
    {
        let fake = FakeGoogle::start("project").await.unwrap();
        let key = folder.join(format!("{backend}.json"));
        std::fs::write(&key, fake.service_account("key-1")).unwrap();
        // The descriptor of a metric goes first.
        let descriptor = (template == "metric").then_some(GoogleReply::Well);
        fake.script(descriptor.into_iter().chain([GoogleReply::Status(503, None)]));
        let params = json!({
            "endpoint": fake.endpoint(), "project_id": "project", "service_account_path": key,
            "location": "here", "cluster_name": "this", "push_interval": "3600s", "series_expiry": "7200s",
            "harvest_period": "3600s", "trace": {"sample_probability": 1},
            "metric_info": {NAME: {"kind": "CUMULATIVE", "value": "INT64"}}, "log_info": {NAME: {}},
        });
        cases.push(Case { adapter: "stackdriver", template, backend, params, answers: Answers::Yes });
    }
    cases
}

async fn prometheus() -> Case {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    fake.script(Reply::Status(503, None));
    let params = json!({
        "scrape": false,
        "remote_write": [{"url": fake.url(), "send_period": "3600s"}],
        "metrics": [{"name": "m_total", "instance_name": NAME, "kind": "COUNTER"}],
    });
    Case { adapter: "prometheus", template: "metric", backend: "prometheus", params, answers: Answers::Yes }
}

fn lines(address: &str) -> Vec<Case> {
    let case = |adapter, template, params| Case {
        adapter,
        template,
        backend: adapter,
        params,
        answers: Answers::Never,
    };
    let statsd = json!({"address": address, "metrics": {NAME: {"name_template": "m", "type": "COUNTER"}}});
    let dogstatsd = json!({
        "address": address, "metrics": {NAME: {"name": "m", "type": "COUNTER"}}, "events": {NAME: {"title": "t"}},
    });
    vec![
        case("statsd", "metric", statsd),
        case("dogstatsd", "metric", dogstatsd.clone()),
        case("dogstatsd", "logentry", dogstatsd),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backend_has_every_counter_after_one_datum() {
    let registry = prometheus::Registry::new();
    mixer_adapters::register_metrics(&registry).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut cases = newrelic(folder.path()).await;
    cases.extend(otlp().await);
    cases.extend(stackdriver(folder.path()).await);
    cases.push(self::prometheus().await);
    cases.extend(lines(&daemon.local_addr().unwrap().to_string()));
    for case in cases {
        check(case, &registry).await;
    }
}
