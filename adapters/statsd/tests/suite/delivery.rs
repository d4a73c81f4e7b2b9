//! Payloads of the configured size, over every transport, when it is time.

use std::time::Duration;

use mixer_adapter_sdk::value::Value;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

use super::setup::*;

const PATIENCE: Duration = Duration::from_secs(60);

fn counts(count: usize) -> Vec<(&'static str, Vec<u8>)> {
    (0..count).map(|_| ("c.instance.ns", metric(Some(&Value::Int64(1)), &[]))).collect()
}

#[tokio::test]
async fn payloads_have_512_bytes_unless_they_may_have_more() {
    let listener = Listener::new();
    for (more, sizes) in [(json!({}), vec![510, 90]), (json!({"flush_bytes": 1432}), vec![600])] {
        let handler = build(&listener.params(more)).await;
        report(&*handler, counts(100)).await;
        handler.close().await;
        let found: Vec<_> = listener.payloads().iter().map(String::len).collect();
        assert_eq!(found, sizes);
    }
}

#[tokio::test]
async fn lines_are_flushed_by_time() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let handler = build(&params(json!({"address": address, "flush_duration": "0.01s"}))).await;
    handler.self_test().await.unwrap();
    let mut buffer = [0; 100];
    assert_eq!(timeout(PATIENCE, server.recv(&mut buffer)).await.unwrap().unwrap(), 0);
    report(&*handler, counts(1)).await;
    let length = timeout(PATIENCE, server.recv(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(&buffer[..length], b"c:1|c\n");
    handler.close().await;
}

#[tokio::test]
async fn tcp_carries_lines() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", server.local_addr().unwrap());
    let handler = build(&params(json!({"address": address}))).await;
    report(&*handler, counts(100)).await;
    handler.close().await;
    let (mut stream, _) = timeout(PATIENCE, server.accept()).await.unwrap().unwrap();
    let mut found = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut found)).await.unwrap().unwrap();
    assert_eq!(found, "c:1|c\n".repeat(100));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_by_the_self_test() {
    let listener = Listener::new();
    let handler = build(&listener.params(json!({}))).await;
    handler.self_test().await.unwrap();
    std::fs::remove_file(listener.path()).unwrap();
    let error = handler.self_test().await.unwrap_err().to_string();
    assert!(error.contains("unixgram://"), "{error}");
    handler.close().await;
}
