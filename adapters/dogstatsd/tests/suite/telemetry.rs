//! What the adapter tells the agent about itself.

use mixer_adapter_sdk::value::Value;
use serde_json::json;

use super::setup::*;

#[tokio::test]
async fn the_last_report_tells_what_was_sent() {
    let agent = Agent::new();
    let events = json!({"log.instance.ns": {"title": "t", "text": "x"}});
    let more = json!({"no_telemetry": false, "global_tags": {"a": "b"}, "events": events});
    let handler = build(&agent.params(more)).await;
    let instances = vec![("c.instance.ns", metric(Some(&Value::Int64(1)), &[])); 3];
    report(&*handler, "metric", instances).await;
    report(&*handler, "logentry", vec![("log.instance.ns", log_entry("", None, &[]))]).await;
    handler.close().await;
    let payloads = agent.payloads();
    assert_eq!(payloads[0], "_e{1,1}:t|x|t:info|#a:b\nistio.c:3|c|#a:b\n");
    let version = env!("CARGO_PKG_VERSION");
    let tags = format!("client:mixer-rs,client_version:{version},client_transport:uds,a:b");
    let wanted = [
        ("metrics", 3),
        ("events", 1),
        ("service_checks", 0),
        ("bytes_sent", 41),
        ("bytes_dropped", 0),
        ("bytes_dropped_queue", 0),
        ("bytes_dropped_writer", 0),
        ("packets_sent", 1),
        ("packets_dropped", 0),
        ("packets_dropped_queue", 0),
        ("packets_dropped_writer", 0),
    ];
    let wanted = wanted.map(|(name, count)| format!("datadog.dogstatsd.client.{name}:{count}|c|#{tags}\n"));
    assert_eq!(payloads[1..], [wanted.concat()]);
}
