//! Message size and load shedding.

use mixer_server::shedding::{Mode, Options};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;

use crate::frames::{GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame, next_frame};
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

#[tokio::test]
async fn calls_that_are_given_up_at_once_do_not_end_the_connection() {
    let world = World::new().await;
    let mut burst = PREFACE.to_vec();
    burst.extend(frame(SETTINGS, 0, 0, &[]));
    for stream in (1..400).step_by(2) {
        // :method POST, :scheme http and :path / of the static table, then CANCEL.
        burst.extend(frame(HEADERS, 4, stream, &[0x83, 0x86, 0x84]));
        burst.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    burst.extend(frame(PING, 0, 0, b"are you?"));
    let mut stream = TcpStream::connect(world.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(&burst).await.unwrap();
    loop {
        let (kind, flags, payload) = next_frame(&mut stream).await.unwrap();
        assert_ne!(kind, GOAWAY, "{}", String::from_utf8_lossy(&payload));
        if kind == PING && flags == 1 {
            break;
        }
    }
    drop(stream);
    world.end().await;
}
