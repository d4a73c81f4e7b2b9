//! Callers that do not behave: each gets a status that says why, none costs memory, and the process serves on.

use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_sdk::ServeArgs;
use mixer_proto::template::listentry::{HandleListEntryRequest, InstanceMsg};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::raw::{LIST_ENTRY, RawClient, framed};
use super::toy::{Running, check, get, quick, run, run_with};

const INVALID_ARGUMENT: u32 = 3;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;

fn request() -> Vec<u8> {
    let instance = InstanceMsg { name: "ok".into(), value: None };
    HandleListEntryRequest { instance: Some(instance), ..Default::default() }.encode_to_vec()
}

/// The first bytes of a message that claims to be this long.
fn claim(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes(), b"abc"].concat()
}

async fn serves(running: &Running) {
    check(&running.channel, "ok", None).await.unwrap();
}

#[tokio::test]
async fn bodies_that_are_no_request_are_told_why() {
    let running = run().await;
    let mut client = RawClient::connect(&running.address).await;
    for (body, code, part) in [
        (Vec::new(), INVALID_ARGUMENT, "has no message"),
        (vec![0, 0], INVALID_ARGUMENT, "ends after 2 of at least 5 bytes"),
        (claim(100), INVALID_ARGUMENT, "ends after 8 of at least 105 bytes"),
        (claim(u32::MAX), RESOURCE_EXHAUSTED, "--maxMessageSize allows 67108864"),
        (framed(&[0x0a, 0x7f]), INVALID_ARGUMENT, "is no HandleListEntryRequest"),
        (framed(&[0xff; 30]), INVALID_ARGUMENT, "is no HandleListEntryRequest"),
    ] {
        let (found, message) = client.send(LIST_ENTRY, &[], &body).await;
        assert_eq!(found, code, "{body:?}: {message}");
        assert!(message.contains(part), "{body:?}: {message}");
    }
    let (code, message) = client.send("/quota.HandleQuotaService/Other", &[], &framed(&request())).await;
    assert_eq!(code, UNIMPLEMENTED, "{message}");
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    for line in [
        "mixer_adapter_refused_total{reason=\"truncated\"} 3",
        "mixer_adapter_refused_total{reason=\"message_size\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    serves(&running).await;
}

#[tokio::test]
async fn a_request_that_stops_halfway_is_not_waited_for() {
    let running = run_with(ServeArgs { receive_timeout: Duration::from_millis(50), ..quick() }).await;
    let mut client = RawClient::connect(&running.address).await;
    let whole = framed(&request());
    for sent in [0, 3, 5, whole.len() - 1] {
        let (mut sender, answer) = client.begin(LIST_ENTRY);
        if sent > 0 {
            sender.send_data(Bytes::copy_from_slice(&whole[..sent])).await.unwrap();
        }
        let (code, message) = answer.await;
        assert_eq!(code, DEADLINE_EXCEEDED, "{message}");
        assert!(message.contains("--receiveTimeout"), "{message}");
    }
    serves(&running).await;
}

#[tokio::test]
async fn lengths_that_are_only_claimed_are_bounded_together() {
    let running = run_with(ServeArgs { max_buffered_bytes: 10_000, ..quick() }).await;
    let mut client = RawClient::connect(&running.address).await;
    let mut senders = Vec::new();
    let mut answers = Vec::new();
    // Two fit, the third does not; which of them is refused depends on when the server reads them.
    for _ in 0..3 {
        let (mut sender, answer) = client.begin(LIST_ENTRY);
        sender.send_data(Bytes::from(claim(4_990))).await.unwrap();
        senders.push(sender);
        answers.push(Box::pin(answer));
    }
    let ((code, message), _, waiting) = futures::future::select_all(answers).await;
    assert_eq!(code, RESOURCE_EXHAUSTED, "{message}");
    assert!(message.contains("--maxBufferedBytes allows 10000"), "{message}");
    drop((senders, waiting, client));
    // What was claimed is given back when the callers are gone.
    while check(&running.channel, "ok", None).await.is_err() {}
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_refused_total{reason=\"buffered_bytes\"}"), "{metrics}");
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed() {
    let running = run_with(ServeArgs { max_connections: Some(2), ..quick() }).await;
    let client = RawClient::connect(&running.address).await;
    let mut third = TcpStream::connect(running.address.to_string()).await.unwrap();
    assert_eq!(third.read(&mut [0; 16]).await.unwrap_or(0), 0, "is closed without a word");
    serves(&running).await;
    drop(client);
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_refused_total{reason=\"connections\"} 1"), "{metrics}");
}

#[tokio::test]
async fn bytes_that_are_not_http2_end_their_own_connection() {
    let running = run().await;
    for greeting in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0], &[0xff; 200]] {
        let mut stream = TcpStream::connect(running.address.to_string()).await.unwrap();
        stream.write_all(greeting).await.unwrap();
        let mut answer = Vec::new();
        // However it ends, it ends.
        let _ = stream.read_to_end(&mut answer).await;
    }
    serves(&running).await;
}
