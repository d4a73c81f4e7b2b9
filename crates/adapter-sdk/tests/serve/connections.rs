//! Connections end when they are old, and calls when their callers stop waiting.

use std::time::Duration;

use mixer_adapter_sdk::ServeArgs;
use mixer_proto::template::listentry::{HandleListEntryRequest, InstanceMsg};
use mixer_rpc::template::listentry::handle_list_entry_service_client::HandleListEntryServiceClient;

use super::toy::{check, quick, run, run_with};

#[tokio::test]
async fn a_call_of_an_old_connection_that_does_not_end_is_cut_off() {
    let (age, grace) = (Duration::from_millis(200), Duration::from_millis(20));
    let running = run_with(ServeArgs { max_connection_age: age, shutdown_grace: grace, ..quick() }).await;
    // Nobody releases it: without an age it would never end.
    check(&running.channel, "wait", None).await.unwrap_err();
    // The client connects again.
    check(&running.channel, "ok", None).await.unwrap();
}

#[tokio::test]
async fn a_call_ends_when_its_caller_stops_waiting() {
    let running = run().await;
    let mut client = HandleListEntryServiceClient::new(running.channel.clone());
    let mut request = tonic::Request::new(HandleListEntryRequest {
        instance: Some(InstanceMsg { name: "wait".into(), value: None }),
        ..Default::default()
    });
    // Written by hand: a client that is asked to would end the call itself.
    request.metadata_mut().insert("grpc-timeout", "20m".parse().unwrap());
    let error = client.handle_list_entry(request).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Cancelled, "{error}");
}
