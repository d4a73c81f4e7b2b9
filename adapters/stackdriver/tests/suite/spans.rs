//! Span instances become spans of Cloud Trace.

use mixer_adapter_sdk::value::Value;
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::tracespan::InstanceMsg;
use mixer_testkit::GoogleReply::{Status, WrittenBut};
use prost::Message as _;
use serde_json::json;

use crate::support::{Rig, text};

pub(crate) fn span(own: &str, parent: &str) -> Vec<u8> {
    let time =
        |seconds| Some(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos: 0 }) });
    let tag = |value: Value| policy::Value::decode(value.to_bytes()).unwrap();
    let instance = InstanceMsg {
        trace_id: "463ac35c9f6413ad48485a3953bb6124".to_owned(),
        span_id: own.to_owned(),
        parent_span_id: parent.to_owned(),
        span_name: "reviews".to_owned(),
        start_time: time(1_600_000_000),
        end_time: time(1_600_000_001),
        http_status_code: 200,
        client_span: true,
        span_tags: [
            ("method".to_owned(), tag(text("GET"))),
            ("retries".to_owned(), tag(Value::Int64(2))),
            ("mtls".to_owned(), tag(Value::Bool(true))),
        ]
        .into(),
        ..InstanceMsg::default()
    };
    instance.encode_to_vec()
}

#[tokio::test]
async fn spans_arrive_each_of_them_once() {
    for replies in [vec![], vec![Status(503, None)], vec![Status(429, Some(1))], vec![WrittenBut(504)]] {
        let rig = Rig::new(json!({"harvest_period": "3600s", "trace": {"sample_probability": 1}})).await;
        let calls = replies.len() + 1;
        rig.fake.script(replies);
        let first = ("span", span("a2fb4a1d1a96d312", ""));
        let second = ("span", span("00f067aa0ba902b7", "a2fb4a1d1a96d312"));
        let outcome = rig.report("tracespan", [first, second]).await.unwrap();
        assert_eq!(outcome.dropped, []);
        let bad = rig.report("tracespan", [("span", span("xyz", ""))]).await.unwrap();
        assert_eq!(bad.dropped[0].reason, "bad_span_id");
        let seen = rig.close().await;
        assert_eq!((seen.spans.len(), seen.answers_of("batchWrite")), (2, calls));
        let wanted = json!({
            "name": "projects/my-project/traces/463ac35c9f6413ad48485a3953bb6124/spans/00f067aa0ba902b7",
            "spanId": "00f067aa0ba902b7",
            "parentSpanId": "a2fb4a1d1a96d312",
            "displayName": {"value": "reviews"},
            "startTime": "2020-09-13T12:26:40Z",
            "endTime": "2020-09-13T12:26:41Z",
            "attributes": {"attributeMap": {
                "http.status_code": {"intValue": "200"}, "method": {"stringValue": {"value": "GET"}},
                "mtls": {"boolValue": true}, "retries": {"intValue": "2"},
            }},
            "timeEvents": {},
            "status": {},
            "sameProcessAsParentSpan": false,
            "spanKind": "CLIENT",
        });
        assert_eq!(seen.spans[1], wanted);
    }
}

#[tokio::test]
async fn spans_that_are_not_wanted() {
    for (params, reason) in
        [(json!({}), Some("traces_off")), (json!({"trace": {"sample_probability": 0}}), None)]
    {
        let rig = Rig::new(params).await;
        let outcome = rig.report("tracespan", [("span", span("a2fb4a1d1a96d312", ""))]).await.unwrap();
        assert_eq!(outcome.dropped.first().map(|dropped| dropped.reason), reason);
        assert_eq!(rig.close().await.spans.len(), 0);
    }
}
