//! The caller's deadline reaches the adapter, and ends the call with an answer.

use std::time::{Duration, Instant};

use tonic::Request;

use crate::support::{World, check_request, gate, report_request};

#[tokio::test]
async fn adapters_know_how_long_the_caller_waits() {
    let world = World::new().await;
    let mut client = world.client().await;
    let before = Instant::now();
    let limit = Duration::from_secs(3);
    let mut request = Request::new(check_request(""));
    request.set_timeout(limit);
    client.check(request).await.unwrap();
    let mut request = Request::new(report_request(&[""]));
    request.set_timeout(limit);
    client.report(request).await.unwrap();
    for call in world.recorder.take_calls() {
        let deadline = call.deadline.unwrap();
        assert!(deadline > before && deadline <= Instant::now() + limit, "{call:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_late_adapter_does_not_hold_the_call() {
    let world = World::new().await;
    let _never_opened = gate(&world.recorder);
    let mut client = world.client().await;
    let mut request = Request::new(check_request(""));
    request.set_timeout(Duration::from_millis(50));
    client.check(request).await.unwrap_err();
    // Whoever notices first: the server answers, or sees that the caller does not wait any more.
    let ended = |status: &str| {
        let method = "grpc_server_method=\"istio.mixer.v1.Mixer/Check\"";
        format!("grpc_io_server_completed_rpcs{{{method},grpc_server_status=\"{status}\"}} 1\n")
    };
    let either = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"].map(ended);
    world.until("/metrics", |_, text| either.iter().any(|line| text.contains(line))).await;
    let running = "mixer_server_rpcs_in_flight{grpc_server_method=\"istio.mixer.v1.Mixer/Check\"}";
    assert_eq!(world.metric(running).await, Some(0.0));
    world.end().await;
}
