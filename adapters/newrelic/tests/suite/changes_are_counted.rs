//! What New Relic would refuse, cut or overwrite is changed, and counted by backend and reason.

use mixer_adapter_sdk::value::Value;
use mixer_proto::template::logentry::{HandleLogEntryRequest, InstanceMsg as LogEntry};
use mixer_proto::template::tracespan::{HandleTraceSpanRequest, InstanceMsg as Span};
use mixer_rpc::template::logentry::handle_log_entry_service_client::HandleLogEntryServiceClient;
use mixer_rpc::template::tracespan::handle_trace_span_service_client::HandleTraceSpanServiceClient;
use mixer_testkit::FakeNewRelic;
use serde_json::json;

use crate::program::{Program, request};
use crate::support::{KEY, a_span, key_file, params, text, values};

const EVENT: &str = "audit.instance.ns";

#[tokio::test]
async fn by_backend_and_reason() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let logs = json!({EVENT: {"event_type": "Audit"}});
    let params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY), "logs": logs}));
    let program = Program::start(&[], &[]).await;

    let long = text(&"x".repeat(5000));
    let (name, names) = ("n".repeat(256), (0..100).map(|n| format!("z{n:03}")).collect::<Vec<_>>());
    // Two names with characters of their own, a reserved one, one that is too long; two texts; and three beyond the hundredth.
    let mut dimensions = vec![
        ("a-b", text("1")),
        ("a b", text("2")),
        ("timestamp", text("3")),
        (name.as_str(), text("4")),
        ("long1", long.clone()),
        ("long2", long.clone()),
    ];
    dimensions.extend(names.iter().take(97).map(|name| (name.as_str(), Value::Int64(1))));
    let call = request(&params, 1, &dimensions);
    let adapter_config = call.adapter_config.clone();
    program.client().await.handle_metric(call).await.unwrap();

    let address = format!("http://{}", program.address);
    let span = Span { span_tags: values(&[("a-b", text("1")), ("long", long.clone())]), ..a_span("b2") };
    let call = HandleTraceSpanRequest {
        instances: vec![span; 2],
        adapter_config: adapter_config.clone(),
        ..Default::default()
    };
    HandleTraceSpanServiceClient::connect(address.clone())
        .await
        .unwrap()
        .handle_trace_span(call)
        .await
        .unwrap();

    let entry = |name: &str| LogEntry {
        name: name.into(),
        variables: values(&[("eventType", text("1")), ("long", long.clone())]),
        ..Default::default()
    };
    let instances = vec![entry("accesslog.instance.ns"), entry(EVENT)];
    let call = HandleLogEntryRequest { instances, adapter_config, ..Default::default() };
    HandleLogEntryServiceClient::connect(address).await.unwrap().handle_log_entry(call).await.unwrap();

    // Log entries have no limit of length.
    let wanted = [
        ("events", "cut", 1),
        ("events", "renamed", 1),
        ("logs", "renamed", 1),
        ("metrics", "cut", 2),
        ("metrics", "left_out", 3),
        ("metrics", "renamed", 4),
        ("spans", "cut", 2),
        ("spans", "renamed", 2),
    ];
    let wanted = wanted.map(|(backend, reason, count)| {
        format!("{{backend=\"newrelic_{backend}\",reason=\"{reason}\"}} {count}")
    });
    assert_eq!(counted(&program).await, wanted);
    program.stop().await;
    assert_eq!(fake.seen().faults, [] as [String; 0]);
}

/// The labels of the counter, and its values.
async fn counted(program: &Program) -> Vec<String> {
    let metrics = program.get("/metrics").await;
    let counted =
        metrics.lines().filter_map(|line| line.strip_prefix("mixer_adapter_delivery_changed_total"));
    counted.map(str::to_owned).collect()
}
