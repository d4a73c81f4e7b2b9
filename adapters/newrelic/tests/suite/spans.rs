//! Tracespan instances become spans that join their trace, under the names of the original adapter.

use mixer_adapter_sdk::value::Value;
use mixer_proto::policy::v1beta1::IpAddress;
use mixer_proto::template::tracespan::InstanceMsg;
use mixer_testkit::Seen;
use serde_json::{Value as Json, json};

use crate::support::{Rig, a_span, every_kind, reasons, text, time, values};

/// A span with every field.
fn full(client: bool) -> InstanceMsg {
    InstanceMsg {
        parent_span_id: "a1".into(),
        http_status_code: 200,
        client_span: client,
        source_name: "productpage".into(),
        source_ip: Some(IpAddress { value: vec![10, 0, 0, 1].into() }),
        destination_name: "reviews".into(),
        destination_ip: Some(IpAddress { value: vec![10, 0, 0, 2].into() }),
        request_size: 1,
        request_total_size: 2,
        response_size: 3,
        response_total_size: 4,
        api_protocol: "http".into(),
        ..a_span("b2")
    }
}

async fn sent(span: InstanceMsg) -> Json {
    let rig = Rig::new(json!({"cluster_name": "west"})).await;
    assert_eq!(reasons(&rig.span(span).await), [].into());
    rig.close().await.spans[0].clone()
}

#[tokio::test]
async fn every_field_is_sent() {
    let attributes = json!({
        "cluster.name": "west",
        "name": "/reviews",
        "duration.ms": 1.5,
        "parent.id": "a1",
        "service.name": "reviews",
        "response.code": 200,
        "clientSpan": false,
        "rewriteClientSpanId": false,
        "source.name": "productpage",
        "source.ip": "10.0.0.1",
        "destination.name": "reviews",
        "destination.ip": "10.0.0.2",
        "request.size": 1,
        "request.totalSize": 2,
        "response.size": 3,
        "response.totalSize": 4,
        "api.protocol": "http",
        "span.kind": "server",
        "http.status_code": 200,
    });
    let span = sent(full(false)).await;
    assert_eq!(span["attributes"], attributes);
    assert_eq!((&span["id"], &span["trace.id"]), (&json!("b2"), &json!("463ac35c9f6413ad48485a3953bb6124")));
    assert_eq!(span["timestamp"].as_u64().unwrap() % 1000, 250, "the part of a second is kept");
    let span = sent(full(true)).await;
    let mut client = attributes.as_object().unwrap().clone();
    client.extend(
        json!({"clientSpan": true, "service.name": "productpage", "span.kind": "client", "net.peer.name": "reviews"})
            .as_object()
            .unwrap()
            .clone(),
    );
    assert_eq!(span["attributes"], Json::Object(client));
}

#[tokio::test]
async fn tags_are_attributes_and_fields_go_before_them() {
    let kinds = every_kind();
    let mut tags: Vec<_> = kinds.iter().map(|(kind, value)| (*kind, value.clone())).collect();
    tags.extend([
        ("source.name", text("of a tag")),
        ("request.size", Value::Int64(99)),
        ("http.statusCode", Value::Int64(299)),
        ("span.kind", text("producer")),
        ("trace.id", text("t")),
    ]);
    let span = sent(InstanceMsg { span_tags: values(&tags), ..full(false) }).await;
    let found = &span["attributes"];
    let check = |name: &str, value: Json| assert_eq!(found[name], value, "{name}");
    check("source.name", json!("productpage"));
    check("request.size", json!(1));
    check("http.statusCode", json!(299));
    check("http.status_code", Json::Null);
    check("span.kind", json!("producer"));
    check("dimension.trace.id", json!("t"));
    check("BOOL", json!(true));
    check("DURATION", json!(1500.25));
    check("TIMESTAMP", json!(1_600_000_000_123_i64));
    check("IP_ADDRESS", json!("10.0.0.1"));
    check("STRING_MAP", json!("a=1&b=2"));
}

#[tokio::test]
async fn errors_are_marked() {
    let check = async |status: i64, message: Json| {
        let span = sent(InstanceMsg { http_status_code: status, ..full(true) }).await;
        assert_eq!(span["attributes"].get("error.message").cloned().unwrap_or_default(), message, "{status}");
        assert_eq!(span["attributes"]["response.code"], status);
        let known = span["attributes"].get("http.status_code").is_some();
        assert_eq!(known, status != 0, "0 is no status");
    };
    check(0, Json::Null).await;
    check(200, Json::Null).await;
    check(404, Json::Null).await;
    check(499, Json::Null).await;
    check(500, json!("HTTP status 500")).await;
    check(503, json!("HTTP status 503")).await;
    let tags = values(&[("error.message", text("upstream reset"))]);
    let span = sent(InstanceMsg { http_status_code: 503, span_tags: tags, ..full(true) }).await;
    assert_eq!(span["attributes"]["error.message"], "upstream reset", "a tag says more");
}

#[tokio::test]
async fn what_is_no_span_is_dropped_and_counted() {
    let check = async |span: InstanceMsg, reason: Option<&'static str>| {
        let rig = Rig::new(json!({})).await;
        let found = reasons(&rig.span(span).await);
        assert_eq!(found, reason.map(|reason| (reason, 1)).into_iter().collect());
        let seen: Seen = rig.close().await;
        assert_eq!(seen.spans.len(), usize::from(reason.is_none()));
    };
    check(a_span("b2"), None).await;
    check(InstanceMsg { trace_id: String::new(), ..a_span("b2") }, Some("no_trace_id")).await;
    check(a_span(""), Some("no_span_id")).await;
    check(InstanceMsg { start_time: None, ..a_span("b2") }, Some("no_time")).await;
    check(InstanceMsg { end_time: None, ..a_span("b2") }, Some("no_time")).await;
    check(InstanceMsg { start_time: time(0, 0), ..a_span("b2") }, Some("too_old")).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_negative_duration() {
    let span = a_span("b2");
    let turned = InstanceMsg { start_time: span.end_time, end_time: span.start_time, ..span };
    assert_eq!(sent(turned).await["attributes"]["duration.ms"], 0.0);
}

#[tokio::test]
async fn a_root_has_no_parent() {
    let span = sent(a_span("b2")).await;
    assert_eq!(span["attributes"].get("parent.id"), None);
    assert_eq!(span["attributes"].get("service.name"), None, "nobody said it");
}
