//! Agents that are not there, are slow, or are another one than before.

use std::time::Duration;

use mixer_adapter_sdk::Handler;
use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_adapter_sdk::value::Value;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{UdpSocket, UnixDatagram, UnixListener};
use tokio::time::timeout;

use super::setup::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn count(handler: &dyn Handler) {
    let instance = metric(Some(&Value::Int64(1)), &[]);
    assert_eq!(report(handler, "metric", vec![("c.instance.ns", instance)]).await.dropped, []);
}

/// Drops of this process so far, whoever made them: other tests may add to them meanwhile.
fn dropped(reason: &str) -> u64 {
    DeliveryMetrics::shared().unwrap().of("dogstatsd").dropped_so_far(reason)
}

#[tokio::test]
async fn an_agent_that_comes_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dsd.socket");
    let mut params = metrics();
    let more = json!({
        "address": format!("unix://{}", path.display()),
        "flush_interval": "0.01s",
        "no_telemetry": true,
        "ignore_environment": true,
    });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let before = dropped("socket_missing");
    let handler = build(&params).await;
    let counted = async {
        while dropped("socket_missing") == before {
            count(&*handler).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap();
    assert!(handler.self_test().await.unwrap_err().to_string().contains("dsd.socket"));
    for _ in 0..3 {
        // Each one replaces the one before.
        let _ = std::fs::remove_file(&path);
        let agent = UnixDatagram::bind(&path).unwrap();
        handler.self_test().await.unwrap();
        count(&*handler).await;
        let mut buffer = [0; 100];
        let length = timeout(PATIENCE, agent.recv(&mut buffer)).await.unwrap().unwrap();
        assert!(buffer[..length].starts_with(b"istio.c:"));
    }
    handler.close().await;
}

#[tokio::test]
async fn streams_carry_payloads_with_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dsd.socket");
    let server = UnixListener::bind(&path).unwrap();
    let agent = Agent::new();
    let params = agent.params(json!({"address": format!("unixstream://{}", path.display())}));
    let handler = build(&params).await;
    count(&*handler).await;
    handler.close().await;
    let (mut stream, _) = timeout(PATIENCE, server.accept()).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes, b"\x0c\0\0\0istio.c:1|c\n");
}

#[tokio::test]
async fn payloads_are_as_large_as_suits_the_transport() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let agent = Agent::new();
    let over_udp = format!("{}", udp.local_addr().unwrap());
    let params = agent.params(json!({"address": over_udp, "aggregation": "NONE"}));
    let instances =
        |count| (0..count).map(|_| ("c.instance.ns", metric(Some(&Value::Int64(1)), &[]))).collect();
    let handler = build(&params).await;
    report(&*handler, "metric", instances(200)).await;
    handler.close().await;
    let mut sizes = Vec::new();
    let mut buffer = [0; 10_000];
    while sizes.iter().sum::<usize>() < 200 * 12 {
        sizes.push(timeout(PATIENCE, udp.recv(&mut buffer)).await.unwrap().unwrap());
    }
    assert_eq!(sizes, [1428, 972]);
    for (more, sizes) in [
        (json!({"aggregation": "NONE"}), vec![8184, 3816]),
        (json!({"aggregation": "NONE", "max_payload_bytes": 6000}), vec![6000, 6000]),
        (json!({"aggregation": "NONE", "buffer_length": 400}), vec![4800, 4800, 2400]),
    ] {
        let handler = build(&agent.params(more)).await;
        report(&*handler, "metric", instances(1000)).await;
        handler.close().await;
        let found: Vec<_> = agent.payloads().iter().map(String::len).collect();
        assert_eq!(found, sizes);
    }
}

#[tokio::test]
async fn an_event_may_be_longer_than_a_payload_but_not_than_what_agents_read() {
    let agent = Agent::new();
    for (length, arrives) in [(8160, true), (8180, false)] {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap().to_string();
        let events = json!({"log.instance.ns": {"title": "t", "text": "{{.x}}"}});
        let handler = build(&agent.params(json!({"address": address, "events": events}))).await;
        let before = dropped("too_large");
        let entry = log_entry("", None, &[("x", text(&"x".repeat(length)))]);
        report(&*handler, "logentry", vec![("log.instance.ns", entry)]).await;
        handler.close().await;
        assert_eq!(dropped("too_large") - before, u64::from(!arrives));
        if arrives {
            let mut buffer = [0; 10_000];
            let found = timeout(PATIENCE, udp.recv(&mut buffer)).await.unwrap().unwrap();
            assert_eq!(found, length + "_e{1,8160}:t||t:info\n".len());
        }
    }
}

#[tokio::test]
async fn a_flush_comes_by_itself() {
    let agent = Agent::new();
    let handler = build(&agent.params(json!({"flush_interval": "0.01s"}))).await;
    count(&*handler).await;
    assert_eq!(agent.payload().await, "istio.c:1|c\n");
    handler.close().await;
}
