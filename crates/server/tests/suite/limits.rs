//! Message size and load shedding.

use mixer_server::shedding::{Mode, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
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

/// One HTTP/2 frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn calls_that_are_given_up_at_once_do_not_end_the_connection() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GOAWAY: u8 = 7;
    let world = World::new().await;
    let mut burst = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
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
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let mut payload = vec![0; usize::from(header[1]) << 8 | usize::from(header[2])];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, flags) = (header[3], header[4]);
        assert_ne!(kind, GOAWAY, "{}", String::from_utf8_lossy(&payload));
        if kind == PING && flags == 1 {
            break;
        }
    }
    drop(stream);
    world.end().await;
}
