//! Calls that must bring a token, in the forms in which Mixer sends it.

use std::time::Duration;

use mixer_adapter_sdk::{AuthArgs, ServeArgs};
use mixer_proto::template::listentry::{HandleListEntryRequest, InstanceMsg};
use prost::Message as _;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::raw::{LIST_ENTRY, RawClient, framed};
use super::toy::{Running, get, quick, run_with};

const OK: u32 = 0;
const UNAUTHENTICATED: u32 = 16;

fn args(file: &std::path::Path, header: Option<&'static str>) -> ServeArgs {
    let auth = AuthArgs {
        auth_token_file: Some(file.to_owned()),
        auth_header: header.map(http::HeaderName::from_static),
    };
    ServeArgs { auth, reload_interval: Duration::from_millis(10), ..quick() }
}

async fn call(running: &Running, headers: &[(&str, &str)]) -> (u32, String) {
    let request = HandleListEntryRequest {
        instance: Some(InstanceMsg { name: "ok".into(), value: None }),
        ..Default::default()
    };
    let mut client = RawClient::connect(&running.address).await;
    client.send(LIST_ENTRY, headers, &framed(&request.encode_to_vec())).await
}

#[tokio::test]
async fn a_token_comes_plain_or_as_bearer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cr3t\n").unwrap();
    let running = run_with(args(file.path(), None)).await;
    let code = async |value: &str| call(&running, &[("authorization", value)]).await.0;
    assert_eq!(code("s3cr3t").await, OK);
    assert_eq!(code("Bearer s3cr3t").await, OK);
    assert_eq!(code("bearer s3cr3t").await, OK);
    for wrong in ["", "s3cr3", "s3cr3tt", "Bearer", "Bearer s3cr3t ", "Basic s3cr3t", "S3CR3T"] {
        assert_eq!(code(wrong).await, UNAUTHENTICATED, "{wrong:?}");
    }
    let (code, message) = call(&running, &[]).await;
    assert_eq!(code, UNAUTHENTICATED);
    assert!(message.contains("no header authorization") && !message.contains("s3cr3t"), "{message}");

    let mut health = HealthClient::new(running.channel.clone());
    health.check(HealthCheckRequest::default()).await.unwrap();
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_refused_total{reason=\"unauthenticated\"} 8"), "{metrics}");
    assert_eq!(running.toy.seen.lock().len(), 3, "no other call reached a handler");
}

#[tokio::test]
async fn a_token_may_have_a_header_of_its_own() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one\ntwo\n").unwrap();
    let running = run_with(args(file.path(), Some("x-mixer-token"))).await;
    for (headers, expected) in [
        (("x-mixer-token", "one"), OK),
        (("x-mixer-token", "two"), OK),
        (("x-mixer-token", "Bearer one"), UNAUTHENTICATED),
        (("x-mixer-token", "one\ttwo"), UNAUTHENTICATED),
        (("authorization", "one"), UNAUTHENTICATED),
    ] {
        assert_eq!(call(&running, &[headers]).await.0, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_new_token_takes_the_place_of_the_old_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old").unwrap();
    let running = run_with(args(file.path(), None)).await;
    assert_eq!(call(&running, &[("authorization", "new")]).await.0, UNAUTHENTICATED);
    std::fs::write(file.path(), "new").unwrap();
    while call(&running, &[("authorization", "new")]).await.0 != OK {}
    assert_eq!(call(&running, &[("authorization", "old")]).await.0, UNAUTHENTICATED);
}

#[tokio::test]
async fn a_file_without_a_token_is_no_protection() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " \n").unwrap();
    let bound = mixer_adapter_sdk::Server::of(super::toy::process(), args(file.path(), None)).await;
    let error = bound.err().unwrap().to_string();
    assert!(error.contains("--authTokenFile") && error.contains("holds no token"), "{error}");
}
