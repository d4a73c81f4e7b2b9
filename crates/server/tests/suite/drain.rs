//! The orderly end: not ready, connections still taken, GOAWAY, flush, and an end in any case.

use std::time::Duration;

use mixer_testkit::Event;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::frames::{GOAWAY, HEADERS, PING, PREFACE, REQUEST, SETTINGS, frame, next_frame};
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

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.grpc.to_string()).await.unwrap()
}

/// The kinds of the frames that come up to the end of a connection. A server that says goodbye asks first whether that
/// was heard.
async fn frames(mut stream: TcpStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((kind, flags, payload)) = next_frame(&mut stream).await {
        kinds.push(kind);
        if (kind, flags) == (PING, 0) {
            stream.write_all(&frame(PING, 1, 0, &payload)).await.unwrap();
        }
    }
    kinds
}

#[tokio::test]
async fn who_connected_just_before_the_end_is_still_served() {
    let world = World::new().await;
    // More than the server accepts before it is asked to stop: some are in the backlog.
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(&world).await);
    }
    let hello = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, 5, 1, REQUEST)].concat();
    for client in &mut clients {
        client.write_all(&hello).await.unwrap();
    }
    world.stop.request();
    world.stop.request();
    for client in clients {
        let kinds = frames(client).await;
        assert!(kinds.contains(&HEADERS) && kinds.contains(&GOAWAY), "{kinds:?}");
    }
    world.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_never_says_a_word_keeps_nobody_waiting_long() {
    let mut options = options();
    options.timing.termination = Duration::from_secs(3600);
    let world = World::start(options, CONFIG).await;
    let silent = connect(&world).await;
    world.check("").await.unwrap();
    world.stop.request();
    world.stop.request();
    world.running.await.unwrap().unwrap();
    drop(silent);
}

#[tokio::test]
async fn old_connections_are_told_to_go_and_calls_under_way_are_answered() {
    let mut options = options();
    options.grpc.max_connection_age = Duration::from_millis(200);
    let world = World::start(options, CONFIG).await;
    let gate = gate(&world.recorder);
    let mut client = world.client().await;
    let slow = tokio::spawn(async move { client.check(check_request("request.path=/slow")).await });
    called(&world.recorder).await;
    let mut idle = connect(&world).await;
    idle.write_all(&[PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    while next_frame(&mut idle).await.is_some_and(|(kind, ..)| kind != GOAWAY) {}
    gate.notify_one();
    slow.await.unwrap().unwrap();
    world.end().await;
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
