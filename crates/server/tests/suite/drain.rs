//! The orderly end: not ready, connections still taken, GOAWAY, flush, and an end in any case.

use std::time::Duration;

use mixer_testkit::Event;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{CONFIG, HANDLER, World, called, check_request, gate, options};

#[tokio::test]
async fn calls_under_way_are_answered_and_handlers_closed() {
    let world = World::new().await;
    let gate = gate(&world.recorder);
    let mut client = world.client().await;
    let slow = tokio::spawn(async move { client.check(check_request("request.path=/slow")).await });
    called(&world.recorder).await;
    // First phase: not ready, and still taking connections and calls.
    world.stop.request();
    world.until("/readyz", |status, _| status == 503).await;
    gate.notify_one();
    slow.await.unwrap().unwrap();
    let mut client = world.client().await;
    let last = tokio::spawn(async move { client.check(check_request("request.path=/last")).await });
    called(&world.recorder).await;
    // Second phase: nothing new, what runs may finish.
    world.stop.request();
    while tokio::net::TcpStream::connect(world.grpc.to_string()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!world.running.is_finished());
    gate.notify_one();
    last.await.unwrap().unwrap();
    world.running.await.unwrap().unwrap();
    assert_eq!(world.recorder.take(), [Event::Closed { handler: HANDLER.to_owned() }]);
}

#[tokio::test]
async fn an_idle_connection_keeps_nobody_waiting() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.check(check_request("")).await.unwrap();
    world.stop.request();
    world.stop.request();
    world.running.await.unwrap().unwrap();
    assert!(client.check(check_request("")).await.is_err());
}

#[tokio::test]
async fn whoever_is_late_is_cut_off() {
    let mut options = options();
    options.timing.drain = Duration::ZERO;
    options.timing.termination = Duration::from_millis(400);
    let world = World::start(options, CONFIG).await;
    let _never_opened = gate(&world.recorder);
    world.recorder.script(HANDLER, |script| script.hang_on_close = true);
    let mut client = world.client().await;
    let late = tokio::spawn(async move { client.check(check_request("")).await });
    called(&world.recorder).await;
    world.stop.request();
    world.running.await.unwrap().unwrap();
    let status = late.await.unwrap().unwrap_err();
    assert_ne!(status.code(), Code::Ok);
}

#[tokio::test]
async fn a_third_request_ends_at_once() {
    let world = World::new().await;
    let _never_opened = gate(&world.recorder);
    world.recorder.script(HANDLER, |script| script.hang_on_close = true);
    let mut client = world.client().await;
    let late = tokio::spawn(async move { client.check(check_request("")).await });
    called(&world.recorder).await;
    world.end().await;
    assert!(late.await.unwrap().is_err());
}

#[tokio::test]
async fn streams_that_nobody_ends_are_ended() {
    let world = World::new().await;
    let mut client = HealthClient::new(world.channel().await);
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    world.stop.request();
    while watch.message().await.unwrap().is_some_and(|answer| answer.status != 2) {}
    world.stop.request();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    world.running.await.unwrap().unwrap();
}
