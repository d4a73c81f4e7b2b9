//! What `/metrics` says about calls, by the original's names.

use mixer_rpc::raw::unary;
use tonic::Code;

use crate::support::{World, check_request, report_request};

fn completed(method: &str, status: &str) -> String {
    format!(
        "grpc_io_server_completed_rpcs{{grpc_server_method=\"{method}\",grpc_server_status=\"{status}\"}}"
    )
}

#[tokio::test]
async fn calls_are_counted_by_method_and_status() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.check(check_request("request.path=/a")).await.unwrap();
    client.report(report_request(&["request.path=/a"])).await.unwrap();
    client.report(report_request(&[])).await.unwrap();
    let mut broken = check_request("");
    broken.attributes.as_mut().unwrap().strings.insert(7, 9999);
    client.check(broken).await.unwrap_err();
    // The end of a call is counted a moment after the client has its answer.
    let check = "istio.mixer.v1.Mixer/Check";
    world
        .until("/metrics", |_, text| text.contains(&format!("{} 1", completed(check, "INVALID_ARGUMENT"))))
        .await;
    assert_eq!(world.metric(&completed(check, "OK")).await, Some(1.0));
    assert_eq!(world.metric(&completed("istio.mixer.v1.Mixer/Report", "OK")).await, Some(2.0));
    for name in ["server_latency", "received_bytes_per_rpc", "sent_bytes_per_rpc"] {
        let count = format!("grpc_io_server_{name}_count{{grpc_server_method=\"{check}\"}}");
        assert_eq!(world.metric(&count).await, Some(2.0), "{count}");
    }
    let received = format!("grpc_io_server_received_bytes_per_rpc_sum{{grpc_server_method=\"{check}\"}}");
    assert!(world.metric(&received).await.unwrap() > 20.0);
    let running = format!("mixer_server_rpcs_in_flight{{grpc_server_method=\"{check}\"}}");
    assert_eq!(world.metric(&running).await, Some(0.0));
    world.end().await;
}

#[tokio::test]
async fn paths_of_callers_do_not_become_labels() {
    let world = World::new().await;
    let channel = world.channel().await;
    for path in ["/istio.mixer.v1.Mixer/Nothing", "/no.Such/Method", "/istio.mixer.v1.Mixer/", "/x"] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(path);
        let answer = unary(&mut client, path, tonic::Request::new(bytes::Bytes::new())).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    }
    let name = completed("unknown", "UNIMPLEMENTED");
    world.until("/metrics", |_, text| text.contains(&format!("{name} 4"))).await;
    let (_, text) = world.get("/metrics").await;
    assert!(!text.contains("no.Such") && !text.contains("Nothing"));
    world.end().await;
}

#[tokio::test]
async fn the_process_and_the_configuration_are_described() {
    let world = World::new().await;
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("istio_build{{component=\"mixer\",tag=\"{version}\"}}");
    assert_eq!(world.metric(&build).await, Some(1.0));
    assert!(world.metric("process_resident_memory_bytes").await.unwrap() > 0.0);
    assert_eq!(world.metric("mixer_config_rule_configs_total").await, Some(3.0));
    assert_eq!(world.metric("mixer_config_source_available").await, Some(1.0));
    assert_eq!(world.metric("mixer_config_updates_total{result=\"applied\"}").await, Some(1.0));
    assert_eq!(world.metric("mixer_handler_new_handlers_total").await, Some(1.0));
    world.end().await;
}
