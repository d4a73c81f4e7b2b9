//! Access logs from a proxy: what it has sent is reported, also when it is gone right after.

use std::time::Duration;

use envoy_types::pb::envoy::data::accesslog::v3::{HttpAccessLogEntry, HttpRequestProperties};
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::{
    HttpAccessLogEntries, LogEntries,
};
use futures::StreamExt;

use crate::support::{World, called, gate};

/// How long something that must come may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

fn message(path: &str) -> StreamAccessLogsMessage {
    let request = HttpRequestProperties { path: path.to_owned(), ..Default::default() };
    let entry = HttpAccessLogEntry { request: Some(request), ..Default::default() };
    StreamAccessLogsMessage {
        identifier: None,
        log_entries: Some(LogEntries::HttpLogs(HttpAccessLogEntries { log_entry: vec![entry] })),
    }
}

#[tokio::test]
async fn a_stream_that_ends_is_reported_before_it_is_answered() {
    let world = World::new().await;
    let mut client = AccessLogServiceClient::new(world.channel().await);
    client.stream_access_logs(futures::stream::iter([message("/a"), message("/b")])).await.unwrap();
    let mut texts: Vec<_> = world.recorder.take_calls().iter().flat_map(|call| call.texts()).collect();
    texts.sort();
    assert_eq!(texts, ["/a", "/b"]);
    world.end().await;
}

#[tokio::test]
async fn what_a_proxy_sent_before_it_was_gone_is_reported() {
    let world = World::new().await;
    let gate = gate(&world.recorder);
    let mut client = AccessLogServiceClient::new(world.channel().await);
    let open = futures::stream::iter([message("/a")]).chain(futures::stream::pending());
    let call = tokio::spawn(async move { client.stream_access_logs(open).await });
    called(&world.recorder).await;
    // The proxy is killed while the adapter still works.
    call.abort();
    let idle = |_: u16, text: &str| {
        text.lines().any(|line| {
            line.starts_with("mixer_server_rpcs_in_flight")
                && line.contains("StreamAccessLogs")
                && line.ends_with(" 0")
        })
    };
    tokio::time::timeout(PATIENCE, world.until("/metrics", idle)).await.unwrap();
    gate.notify_one();
    let done = |_: u16, text: &str| {
        let counts = |line: &str| line.starts_with("mixer_runtime_dispatches_total{") && line.ends_with(" 1");
        text.lines().any(counts)
    };
    tokio::time::timeout(PATIENCE, world.until("/metrics", done)).await.unwrap();
    world.end().await;
}
