//! Requests are no larger than collectors take, and what no request can hold is dropped alone.

use mixer_adapter_sdk::value::Value;
use serde_json::json;

use crate::flat;
use crate::support::{Rig, entry, reasons, text};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn requests_are_split_before_they_are_sent() {
    // Protocol, its limit, and how many records of how many MiB are sent.
    for (protocol, limit, records, mib) in
        [("GRPC", 4 * MIB, 7, 1), ("HTTP_PROTOBUF", 20 * MIB, 9, 3), ("HTTP_JSON", 20 * MIB, 9, 3)]
    {
        let rig = Rig::new(json!({"exporter": {"protocol": protocol}, "max_queue_bytes": 100 * MIB})).await;
        for number in 0..records {
            let body = text(&format!("{number}").repeat(mib * MIB - 1000));
            assert_eq!(reasons(&rig.log(&entry("", &[("body", body)])).await), [] as [&str; 0]);
        }
        let seen = rig.close().await;
        assert!(seen.requests.len() > 1, "{protocol}: {} requests", seen.requests.len());
        assert!(seen.requests.iter().all(|request| request.bytes <= limit), "{protocol}");
        assert_eq!(flat::logs(&seen).len(), records, "{protocol}");
    }
}

#[tokio::test]
async fn a_record_that_no_request_can_hold_is_dropped_alone() {
    let rig = Rig::new(json!({"exporter": {"protocol": "GRPC"}})).await;
    rig.log(&entry("small", &[])).await;
    rig.log(&entry("large", &[("body", text(&"x".repeat(5 * MIB)))])).await;
    rig.log(&entry("small", &[])).await;
    let seen = rig.close().await;
    assert_eq!(flat::logs(&seen).len(), 2);
}

#[tokio::test]
async fn what_finds_no_room_is_refused() {
    let rig = Rig::new(json!({"max_queue_items": 2})).await;
    for number in 0..2 {
        assert_eq!(reasons(&rig.log(&entry(&format!("{number}"), &[])).await), [] as [&str; 0]);
    }
    let batch = mixer_adapter_sdk::Batch::from_instances([(
        "l.instance.ns".into(),
        prost::Message::encode_to_vec(&entry("2", &[])).into(),
    )]);
    let call = mixer_adapter_sdk::ReportCall { template: "logentry", batch, deadline: None };
    // Unless a harvest came early, which is its right.
    if rig.handler.report(call).await.is_err() {
        assert_eq!(flat::logs(&rig.close().await).len(), 2);
    }
    // Signals do not take each other's room.
    let rig = Rig::new(json!({"max_queue_items": 1})).await;
    rig.log(&entry("", &[])).await;
    assert_eq!(reasons(&rig.metric("sum", Value::Int64(1), &[]).await), [] as [&str; 0]);
    assert_eq!(flat::metrics(&rig.close().await).len(), 1);
}
