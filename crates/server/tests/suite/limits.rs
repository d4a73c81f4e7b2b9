//! Message size and load shedding.

use mixer_server::shedding::{Mode, Options};
use tonic::Code;

use crate::support::{CONFIG, World, check_request, options, report_request};

#[tokio::test]
async fn a_message_beyond_the_limit_is_resource_exhausted() {
    let mut options = options();
    options.grpc.max_message_size = 2000;
    let world = World::start(options, CONFIG).await;
    let text = "x".repeat(3000);
    let status = world.check(&format!("request.path=/{text}")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let status = world.report(report_request(&[&format!("request.path=/{text}")])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    world.check("request.path=/short").await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn too_much_is_unavailable_and_counted() {
    let mut options = options();
    // So slow a rate that no token comes back while the test runs.
    options.shedding =
        Options { mode: Mode::Enforce, max_rate: 0.000_001, burst_size: 3, ..Options::default() };
    let world = World::start(options, CONFIG).await;
    let mut client = world.client().await;
    client.check(check_request("")).await.unwrap();
    client.report(report_request(&["", ""])).await.unwrap();
    let refused = [
        client.check(check_request("")).await.map(|_| ()).unwrap_err(),
        client.report(report_request(&["", "", ""])).await.map(|_| ()).unwrap_err(),
    ];
    for status in refused {
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "Server is currently overloaded. Please try again.");
    }
    client.report(report_request(&[])).await.expect("an empty report costs nothing");
    assert_eq!(world.metric("mixer_loadshedding_requests_throttled").await, Some(2.0));
    assert_eq!(world.metric("mixer_loadshedding_predicted_cost_shed_total").await, Some(4.0));
    world.end().await;
}
