//! Connections end when they are old, and calls when their callers stop waiting.

use std::time::Duration;

use mixer_adapter_sdk::ServeArgs;
use mixer_proto::template::listentry::{HandleListEntryRequest, InstanceMsg};
use prost::Message as _;

use super::raw::{LIST_ENTRY, RawClient, framed};
use super::toy::{check, get, quick, run, run_with};

#[tokio::test]
async fn a_call_of_an_old_connection_that_does_not_end_is_cut_off() {
    let (age, grace) = (Duration::from_millis(200), Duration::from_millis(20));
    let running = run_with(ServeArgs { max_connection_age: age, shutdown_grace: grace, ..quick() }).await;
    // Nobody releases it: without an age it would never end.
    check(&running.channel, "wait", None).await.unwrap_err();
    // The client connects again.
    check(&running.channel, "ok", None).await.unwrap();
}

#[tokio::test]
async fn a_call_ends_when_its_caller_stops_waiting() {
    let running = run().await;
    let mut client = RawClient::connect(&running.address).await;
    let request = HandleListEntryRequest {
        instance: Some(InstanceMsg { name: "wait".into(), value: None }),
        ..Default::default()
    };
    let body = framed(&request.encode_to_vec());
    let (code, message) = client.send(LIST_ENTRY, &[("grpc-timeout", "20m")], &body).await;
    assert_eq!(code, 4, "{message}");
    assert!(message.contains("no answer within 20ms"), "{message}");
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    let line = "mixer_adapter_calls_total{code=\"CANCELLED\",template=\"listentry\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}
