//! A server that is asked to stop says so, finishes what it began and closes its handlers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mixer_adapter_sdk::ServeArgs;
use tokio::io::AsyncWriteExt as _;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::raw::{GOAWAY, HASTY, HEADERS, frames};
use super::toy::{check, get, quick, run, run_with};

#[tokio::test]
async fn running_calls_finish_and_handlers_are_closed() {
    let running = run().await;
    let toy = running.toy.clone();
    let channel = running.channel.clone();
    let waiting = check(&channel, "wait", None);
    let stopping = async {
        toy.arrived.notified().await;
        running.stop.send(()).unwrap();
        toy.release.notify_one();
        running.ended.await.unwrap().unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, stopping);
    waited.unwrap();
    assert_eq!(toy.closes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready_but_takes_calls() {
    let args = ServeArgs { drain_delay: Duration::from_secs(3600), ..quick() };
    let running = run_with(args).await;
    let mut health = HealthClient::new(running.channel.clone());
    let mut watch = health
        .watch(HealthCheckRequest { service: "listentry.HandleListEntryService".into() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(get(running.monitoring, "/readyz").await.0, 200);

    running.stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(get(running.monitoring, "/readyz").await, (503, "stopping\n".to_owned()));
    assert_eq!(get(running.monitoring, "/healthz").await.0, 200);
    let mut client =
        mixer_rpc::template::listentry::handle_list_entry_service_client::HandleListEntryServiceClient::new(
            running.channel.clone(),
        );
    client
        .handle_list_entry(mixer_proto::template::listentry::HandleListEntryRequest::default())
        .await
        .unwrap();
    running.ended.abort();
}

#[tokio::test]
async fn calls_that_do_not_end_are_cut_off() {
    let args = ServeArgs { shutdown_grace: Duration::from_millis(50), ..quick() };
    let running = run_with(args).await;
    let toy = running.toy.clone();
    let channel = running.channel.clone();
    let waiting = check(&channel, "wait", None);
    let stopping = async {
        toy.arrived.notified().await;
        running.stop.send(()).unwrap();
        running.ended.await.unwrap().unwrap_err()
    };
    let (waited, error) = tokio::join!(waiting, stopping);
    assert_eq!(waited.unwrap_err().code(), tonic::Code::Unavailable);
    assert_eq!(toy.closes.load(Ordering::SeqCst), 1, "the handler is closed all the same");
    assert!(error.to_string().contains("cut off"), "{error:#}");
}

#[tokio::test]
async fn a_health_client_that_watches_does_not_hold_the_drain_up() {
    // Longer than any test may take: only the end of the watch lets this end.
    let running = run_with(ServeArgs { shutdown_grace: Duration::from_secs(3600), ..quick() }).await;
    let mut health = HealthClient::new(running.channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    running.stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(watch.message().await.unwrap_err().code(), tonic::Code::Unavailable);
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_connected_just_before_the_end_is_still_served() {
    let running = run_with(ServeArgs { shutdown_grace: Duration::from_secs(3600), ..quick() }).await;
    // More than the server accepts before it is asked to stop: some are in the backlog.
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(tokio::net::TcpStream::connect(running.address.to_string()).await.unwrap());
    }
    for client in &mut clients {
        client.write_all(HASTY).await.unwrap();
    }
    running.stop.send(()).unwrap();
    for client in clients {
        let kinds = frames(client).await;
        assert!(kinds.contains(&HEADERS) && kinds.contains(&GOAWAY), "{kinds:?}");
    }
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_never_says_a_word_does_not_hold_the_drain_up() {
    let running = run_with(ServeArgs { shutdown_grace: Duration::from_secs(3600), ..quick() }).await;
    let silent = tokio::net::TcpStream::connect(running.address.to_string()).await.unwrap();
    check(&running.channel, "ok", None).await.unwrap();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    drop(silent);
}
