//! Tracespan instances become spans.

use mixer_adapter_sdk::value::Value;
use mixer_proto::policy::v1beta1::IpAddress;
use mixer_proto::template::tracespan::InstanceMsg;
use serde_json::{Value as Json, json};

use crate::flat;
use crate::support::{Rig, SPAN, TRACE, reasons, span, text, time};

/// 2026-03-04T05:06:07Z.
const START: u64 = 1_772_600_767_000_000_000;

fn ip(last: u8) -> Option<IpAddress> {
    Some(IpAddress { value: vec![10, 0, 0, last].into() })
}

/// A span with every field.
fn full(client_span: bool) -> InstanceMsg {
    InstanceMsg {
        parent_span_id: "0102030405060708".to_owned(),
        span_name: "GET /cart?user=me".to_owned(),
        http_status_code: 404,
        client_span,
        source_name: "shop".to_owned(),
        source_ip: ip(1),
        destination_name: "cart".to_owned(),
        destination_ip: ip(2),
        request_size: 10,
        request_total_size: 110,
        response_size: 20,
        response_total_size: 220,
        api_protocol: "HTTP".to_owned(),
        ..span(&[("http.request.method", text("GET")), ("retries", Value::Int64(2))])
    }
}

#[tokio::test]
async fn the_two_sides_of_a_call() {
    let rig = Rig::new(json!({})).await;
    for client in [true, false] {
        assert_eq!(reasons(&rig.span(&full(client)).await), [] as [&str; 0]);
    }
    let common = json!({"http.request.body.size": 10, "http.request.method": "GET", "http.request.size": 110,
        "http.response.body.size": 20, "http.response.size": 220, "http.response.status_code": 404,
        "network.protocol.name": "http", "retries": 2, "server.address": "cart", "url.query": "user=me"});
    let with = |more: Json| {
        let mut all = common.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all.as_object_mut().unwrap().sort_keys();
        all
    };
    let span = |service: &str, kind: i32, status: i32, attributes: Json| {
        json!({"resource": {"service.name": service}, "trace": TRACE, "span": SPAN, "parent": "0102030405060708",
            "name": "GET /cart", "kind": kind, "start": START, "end": START + 1_500_000_000,
            "attributes": attributes, "status": status})
    };
    // What a client gets wrong is no error of the server.
    let client =
        json!({"error.type": "404", "network.peer.address": "10.0.0.2", "service.peer.name": "cart"});
    let server = json!({"client.address": "10.0.0.1", "network.peer.address": "10.0.0.1", "service.peer.name": "shop"});
    let wanted = [span("cart", 2, 0, with(server)), span("shop", 3, 2, with(client))];
    assert_eq!(flat::spans(&rig.close().await), wanted);
}

#[tokio::test]
async fn errors_by_side_and_status() {
    let check = async |client_span: bool, http_status_code: i64, status: i64| {
        let rig = Rig::new(json!({})).await;
        rig.span(&InstanceMsg { client_span, http_status_code, ..span(&[]) }).await;
        let found = flat::spans(&rig.close().await).remove(0);
        assert_eq!(found["status"], json!(status), "{client_span} {http_status_code}");
        let told = found["attributes"].get("http.response.status_code").is_some();
        assert_eq!(told, (100..600).contains(&http_status_code));
        assert_eq!(found["attributes"].get("error.type").is_some(), status == 2);
    };
    for (code, client, server) in [
        (0, 0, 0),
        (200, 0, 0),
        (302, 0, 0),
        (399, 0, 0),
        (400, 2, 0),
        (499, 2, 0),
        (500, 2, 2),
        (599, 2, 2),
        (600, 0, 0),
        (-1, 0, 0),
    ] {
        check(true, code, client).await;
        check(false, code, server).await;
    }
}

#[tokio::test]
async fn tags_go_before_what_fields_tell_and_may_tell_of_the_resource() {
    let params = json!({
        "resource_attributes": {"service.namespace": "shop"},
        "resource_dimensions": {"app": "service.name"},
        "attribute_names": {"peer": "service.peer.name"},
    });
    let rig = Rig::new(params).await;
    let tags = [("app", text("basket")), ("peer", text("proxy")), ("server.address", text("basket.shop"))];
    let tagged = InstanceMsg { span_tags: span(&tags).span_tags, ..full(false) };
    rig.span(&tagged).await;
    let found = flat::spans(&rig.close().await).remove(0);
    assert_eq!(found["resource"], json!({"service.name": "basket", "service.namespace": "shop"}));
    assert_eq!(found["attributes"]["service.peer.name"], "proxy");
    assert_eq!(found["attributes"]["server.address"], "basket.shop");
}

#[tokio::test]
async fn grpc_is_a_system_of_rpc() {
    let rig = Rig::new(json!({})).await;
    rig.span(&InstanceMsg { api_protocol: "gRPC".to_owned(), ..span(&[]) }).await;
    assert_eq!(flat::spans(&rig.close().await)[0]["attributes"], json!({"rpc.system.name": "grpc"}));
}

#[tokio::test]
async fn spans_that_are_none_are_counted_by_reason() {
    let rig = Rig::new(json!({})).await;
    let check = async |change: &dyn Fn(&mut InstanceMsg), wanted: &[&str]| {
        let mut span = span(&[]);
        change(&mut span);
        assert_eq!(reasons(&rig.span(&span).await), wanted, "{span:?}");
    };
    check(&|_| {}, &[]).await;
    check(&|span| span.trace_id = "a3ce929d0e0e4736".to_owned(), &[]).await;
    check(&|span| span.trace_id = TRACE.to_uppercase(), &[]).await;
    check(&|span| span.trace_id.clear(), &["invalid_trace_id"]).await;
    check(&|span| span.trace_id = "0".repeat(32), &["invalid_trace_id"]).await;
    check(&|span| span.span_id = "xyz".to_owned(), &["invalid_span_id"]).await;
    check(&|span| span.parent_span_id = "0".repeat(16), &[]).await;
    check(&|span| span.parent_span_id = SPAN.to_owned(), &[]).await;
    check(&|span| span.parent_span_id = "parent".to_owned(), &["invalid_parent_span_id"]).await;
    check(&|span| span.start_time = None, &["no_time"]).await;
    check(&|span| span.end_time = None, &["no_time"]).await;
    check(&|span| span.start_time = Some(time("1969-12-31T23:59:59Z")), &["no_time"]).await;
    check(&|span| span.end_time = Some(time("2026-03-04T05:06:06Z")), &["ends_before_it_starts"]).await;
    check(&|span| span.span_name.clear(), &[]).await;
    check(&|span| span.span_name = "?x=1".to_owned(), &[]).await;
    let found = flat::spans(&rig.close().await);
    let names: Vec<_> = found.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| **name == "GET /cart").count(), 5);
    assert!(names.contains(&"unknown") && names.contains(&"?x=1"), "{names:?}");
}

/// Both sides of a call share a span id; the span of the caller gets another one, whichever replica maps it.
#[tokio::test]
async fn shared_span_ids_are_rewritten_in_pairs() {
    let check = async |config: Json, of_instance: bool, rewritten: bool| {
        let mut found = Vec::new();
        for client_span in [true, false] {
            // Two handlers, as of two replicas.
            let rig = Rig::new(config.clone()).await;
            let parent_span_id = "0102030405060708".to_owned();
            rig.span(&InstanceMsg {
                client_span,
                parent_span_id,
                rewrite_client_span_id: of_instance,
                ..span(&[])
            })
            .await;
            found.push(flat::spans(&rig.close().await).remove(0));
        }
        let (client, server) = (&found[0], &found[1]);
        assert_eq!((&server["span"], &client["parent"]), (&json!(SPAN), &json!("0102030405060708")));
        let (of_client, parent) = match rewritten {
            true => (json!("1101 78bb 1cba 13c8".replace(' ', "")), client["span"].clone()),
            false => (json!(SPAN), client["parent"].clone()),
        };
        assert_eq!((&client["span"], &server["parent"]), (&of_client, &parent));
    };
    check(json!({}), false, false).await;
    check(json!({}), true, true).await;
    check(json!({"rewrite_client_span_ids": "ALWAYS"}), false, true).await;
    check(json!({"rewrite_client_span_ids": "NEVER"}), true, false).await;
}
