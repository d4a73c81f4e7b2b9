//! Calls that cannot be answered get a code that says why, and harm no other call.

use std::time::Duration;

use mixer_adapter_sdk::ServeArgs;
use mixer_proto::template;

use super::toy::{call, check, get, quick, run, run_with};
use super::varieties::Raw;

const LIST_ENTRY: &str = "/listentry.HandleListEntryService/HandleListEntry";

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let running = run().await;
    for path in ["/listentry.HandleListEntryService/Other", "/logentry.HandleLogEntryService/HandleLogEntry"]
    {
        let error = call(&running.channel, path, Raw::default()).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn a_malformed_request_is_an_invalid_argument() {
    let running = run().await;
    for bytes in [&[0x0a, 0x7f][..], &[0x12, 0x02, 0x0a, 0x7f], &[0x18, 0x01], &[0x0a, 0x02, 0x12, 0x7f]] {
        let error = call(&running.channel, LIST_ENTRY, Raw(bytes.to_vec())).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument, "{bytes:?}");
        assert!(error.message().contains("HandleListEntryRequest"), "{error}");
    }
}

#[tokio::test]
async fn a_panic_is_the_error_of_its_own_call() {
    let running = run().await;
    let error = check(&running.channel, "panic", None).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Internal);
    assert!(error.message().contains("told to"), "{error}");
    check(&running.channel, "ok", None).await.unwrap();
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_calls_total{code=\"INTERNAL\",template=\"listentry\"} 1"));
}

#[tokio::test]
async fn more_calls_than_allowed_are_refused() {
    let running = run_with(ServeArgs { max_concurrent_calls: 1, ..quick() }).await;
    let (toy, waiting) = (running.toy.clone(), check(&running.channel, "wait", None));
    let meanwhile = async {
        toy.arrived.notified().await;
        let error = check(&running.channel, "ok", None).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::ResourceExhausted);
        assert!(error.message().contains("--maxConcurrentCalls"), "{error}");
        toy.release.notify_one();
    };
    let (waited, ()) = tokio::join!(waiting, meanwhile);
    waited.unwrap();
    check(&running.channel, "ok", None).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused() {
    let running = run_with(ServeArgs { max_message_size: 100, ..quick() }).await;
    let long = template::checknothing::InstanceMsg { name: "x".repeat(200) };
    let error = call(&running.channel, LIST_ENTRY, long).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::ResourceExhausted);
    assert!(error.message().contains("--maxMessageSize allows 100"), "{error}");
}

#[tokio::test]
async fn the_deadline_of_the_caller_is_passed_on() {
    let running = run().await;
    let mut client =
        mixer_rpc::template::listentry::handle_list_entry_service_client::HandleListEntryServiceClient::new(
            running.channel.clone(),
        );
    let mut request = tonic::Request::new(template::listentry::HandleListEntryRequest {
        instance: Some(template::listentry::InstanceMsg { name: "deadline".into(), value: None }),
        ..Default::default()
    });
    request.set_timeout(Duration::from_secs(100));
    let left = client.handle_list_entry(request).await.unwrap().into_inner().valid_duration.unwrap();
    assert!((90..=100).contains(&left.seconds), "{left:?}");
}
