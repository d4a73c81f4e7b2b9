//! New Relic cannot be reached while ten times as much comes as may wait: memory stays within bounds, what is lost is
//! counted, and data flows again without a restart.

use mixer_proto::template::tracespan::HandleTraceSpanRequest;
use mixer_rpc::template::tracespan::handle_trace_span_service_client::HandleTraceSpanServiceClient;
use mixer_testkit::{FakeNewRelic, Way};
use serde_json::json;
use tonic::Code;

use crate::program::{PATIENCE, Program};
use crate::support::{KEY, a_span, key_file, params, spec};

/// What may wait.
const QUEUE: usize = 5_000;
const BATCH: usize = 500;
/// Far more than the program needs with a full queue, far less than ten queues.
const MOST_KIB: u64 = 160 << 10;

/// A call for the handler of these bytes: the same ones for all calls, or each order of a map would be a handler.
fn call(params: &[u8], first: usize) -> HandleTraceSpanRequest {
    HandleTraceSpanRequest {
        instances: (first..first + BATCH).map(|number| a_span(&format!("{number:016x}"))).collect(),
        adapter_config: Some(prost_types::Any {
            type_url: "type.googleapis.com/adapter.newrelic.config.Params".into(),
            value: params.to_vec(),
        }),
        dedup_id: String::new(),
    }
}

/// The sum of the samples of a metric whose labels contain this.
fn sum(exposition: &str, metric: &str, label: &str) -> f64 {
    let lines = exposition.lines().filter(|line| line.starts_with(metric) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn memory_is_bounded_losses_are_counted_and_data_flows_again() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let way = Way::closed(fake.address()).await.unwrap();
    let params = params(
        &fake,
        &json!({
            "api_key_file": key_file(&directory, KEY),
            "spans_url": format!("http://{}", way.address()),
            "harvest_period": "0.1s",
            "max_queue_items": QUEUE,
        }),
    );
    let params = spec(&params).params;
    let program = Program::start(&[], &[]).await;
    let address = format!("http://{}", program.address);
    let mut client = HandleTraceSpanServiceClient::connect(address).await.unwrap();

    let (mut taken, mut refused) = (0, 0);
    for first in (0..10 * QUEUE).step_by(BATCH) {
        match client.handle_trace_span(call(&params, first)).await {
            Ok(_) => taken += BATCH,
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                refused += BATCH;
            }
        }
    }
    let metrics = program.get("/metrics").await;
    assert!(refused > 0, "{taken} spans were taken:\n{metrics}");
    // Whole calls are refused, and counted; of a call for part of which there was room the rest is.
    let lost = sum(&metrics, "mixer_adapter_delivery_dropped_total", "queue_full");
    assert_eq!(lost, refused as f64, "{metrics}");
    let partly = sum(&metrics, "mixer_adapter_instances_dropped_total", "queue_full");
    let kib = program.resident_kib();
    assert!(kib < MOST_KIB, "{kib} KiB with {QUEUE} spans in the queue");

    way.open();
    // What waited arrives, and then what comes.
    let waited = taken as f64 - partly;
    let arrived = |seen: &mixer_testkit::Seen| seen.spans.len() as f64 >= waited;
    let came = tokio::time::timeout(PATIENCE, fake.wait(arrived)).await;
    assert!(came.is_ok(), "{} of {waited} came:\n{}", fake.seen().spans.len(), program.get("/metrics").await);
    client.handle_trace_span(call(&params, 10 * QUEUE)).await.unwrap();
    let arrived = |seen: &mixer_testkit::Seen| seen.spans.len() as f64 >= waited + BATCH as f64;
    let came = tokio::time::timeout(PATIENCE, fake.wait(arrived)).await;
    let seen = fake.seen();
    assert!(
        came.is_ok(),
        "{} of {waited} + {BATCH} came:\n{}",
        seen.spans.len(),
        program.get("/metrics").await
    );
    assert_eq!((seen.spans.len() as f64, seen.faults.len()), (waited + BATCH as f64, 0));
    program.stop().await;
}
