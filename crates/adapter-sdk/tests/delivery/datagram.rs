//! Lines arrive over every kind of socket; what does not arrive is counted, whatever becomes of the receiver.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mixer_adapter_sdk::delivery::datagram::{LineAddress, LineOptions, LineSender, Lines, NoLines, probe};
use mixer_adapter_sdk::delivery::{BackendMetrics, DeliveryMetrics};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn options(address: &str) -> LineOptions {
    LineOptions { flush_interval: Duration::from_millis(5), ..LineOptions::new(address.parse().unwrap()) }
}

fn start(options: LineOptions) -> LineSender {
    LineSender::start(options, DeliveryMetrics::new().unwrap().of("test"), NoLines)
}

fn send(sender: &LineSender, texts: &[&str]) {
    let mut lines = Lines::default();
    for text in texts {
        lines.add(1, |out| out.extend_from_slice(text.as_bytes()));
    }
    sender.metrics().received(lines.len());
    sender.send(&lines);
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens soon")
}

/// Waits for a count that only the sender's own task can make.
async fn until(metrics: &BackendMetrics, reason: &str, count: u64) {
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    soon(async {
        while metrics.dropped_so_far(reason) < count {
            looks.tick().await;
        }
    })
    .await;
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("dsd.socket")
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.path().display())
    }
}

async fn datagram(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 65536];
    let length = soon(socket.recv(&mut buffer)).await.unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

async fn frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let length = soon(stream.read_u32_le()).await.unwrap();
    let mut bytes = vec![0; length as usize];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn udp_carries_lines_in_payloads() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let sender = start(LineOptions { payload_bytes: 10, line_bytes: 12, ..options(&address) });
    send(&sender, &["aaaa", "bbbb", "c", "dddddddddd", "eeeeeeeeeeee", "f"]);
    sender.close(PATIENCE).await;
    let mut buffer = [0; 100];
    let mut found = Vec::new();
    for _ in 0..4 {
        let length = soon(server.recv(&mut buffer)).await.unwrap();
        found.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    assert_eq!(found, ["aaaa\nbbbb\n", "c\n", "dddddddddd\n", "f\n"]);
    assert_eq!((sender.metrics().totals().1, sender.metrics().dropped_so_far("too_large")), (5, 1));
    // Who comes late is counted.
    send(&sender, &["late"]);
    assert_eq!(sender.metrics().dropped_so_far("closed"), 1);
    assert_eq!(sender.metrics().queue_levels(), (0, 0));
}

#[tokio::test]
async fn a_refusal_over_udp_counts_the_payload_that_was_refused() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    drop(server);
    let sender = start(LineOptions { payload_bytes: 8, ..options(&address) });
    send(&sender, &["aaaa", "bbbb", "cccc", "d"]);
    sender.close(PATIENCE).await;
    let metrics = sender.metrics();
    assert_eq!((metrics.totals().1, metrics.dropped_so_far("connection_refused")), (0, 4));
    let told = probe(&address.parse().unwrap()).await.unwrap_err();
    assert!(told.contains(&address), "{told}");
}

#[tokio::test]
async fn a_socket_that_is_not_there_yet_is_found_when_it_appears() {
    for scheme in ["unixgram", "unix"] {
        let place = Place::new();
        let sender = start(options(&place.url(scheme)));
        send(&sender, &["a"]);
        until(sender.metrics(), "socket_missing", 1).await;
        let server = UnixDatagram::bind(place.path()).unwrap();
        send(&sender, &["b"]);
        assert_eq!(datagram(&server).await, "b\n", "{scheme}");
        sender.close(PATIENCE).await;
        assert_eq!((sender.metrics().totals().1, sender.metrics().dropped_so_far("socket_missing")), (1, 1));
    }
}

#[tokio::test]
async fn a_socket_that_is_replaced_loses_nothing() {
    let place = Place::new();
    let sender = start(options(&place.url("unixgram")));
    for round in 0..20 {
        // The one before is gone, as after a restart of the agent.
        let _ = std::fs::remove_file(place.path());
        let server = UnixDatagram::bind(place.path()).unwrap();
        send(&sender, &["a"]);
        assert_eq!(datagram(&server).await, "a\n", "{round}");
    }
    sender.close(PATIENCE).await;
    let (received, sent, retried) = sender.metrics().totals();
    // A look at the file may have come before the payload.
    assert!((received, sent) == (20, 20) && retried <= 19, "{received} {sent} {retried}");
}

#[tokio::test]
async fn a_payload_that_is_sent_again_is_counted() {
    let place = Place::new();
    // A line goes when the next one comes, and there is no look at the file between.
    let in_turn =
        LineOptions { payload_lines: 1, flush_interval: PATIENCE * 60, ..options(&place.url("unixgram")) };
    let sender = start(in_turn);
    send(&sender, &["a"]);
    let mut server = None;
    for round in 0..3 {
        drop(server.take());
        let _ = std::fs::remove_file(place.path());
        let bound = server.insert(UnixDatagram::bind(place.path()).unwrap());
        send(&sender, &["a"]);
        assert_eq!(datagram(bound).await, "a\n", "{round}");
    }
    sender.close(PATIENCE).await;
    assert_eq!(sender.metrics().totals(), (4, 4, 2));
}

#[tokio::test]
async fn a_socket_that_is_replaced_is_noticed_while_the_old_one_is_still_read() {
    let place = Place::new();
    let old = UnixDatagram::bind(place.path()).unwrap();
    let sender = start(options(&place.url("unix")));
    send(&sender, &["a"]);
    assert_eq!(datagram(&old).await, "a\n");
    std::fs::remove_file(place.path()).unwrap();
    let new = UnixDatagram::bind(place.path()).unwrap();
    let mut buffer = [0; 10];
    let arrived = async {
        loop {
            send(&sender, &["b"]);
            tokio::select! {
                found = new.recv(&mut buffer) => break found.unwrap(),
                // The next try is for a later flush.
                _ = datagram(&old) => {}
            }
        }
    };
    assert!(soon(arrived).await >= 2);
}

#[tokio::test]
async fn what_a_slow_receiver_does_not_take_is_counted() {
    let place = Place::new();
    let server = UnixDatagram::bind(place.path()).unwrap();
    let limits = LineOptions {
        payload_bytes: 1024,
        queue_bytes: 20_000,
        send_timeout: Duration::from_millis(20),
        ..options(&place.url("unixgram"))
    };
    let sender = start(limits);
    let line = "x".repeat(1000);
    for _ in 0..50 {
        send(&sender, &vec![line.as_str(); 100]);
    }
    sender.close(PATIENCE).await;
    let mut arrived = 0;
    let mut buffer = [0; 2000];
    while server.try_recv(&mut buffer).is_ok() {
        arrived += 1;
    }
    let metrics = sender.metrics();
    let (full, late) = (metrics.dropped_so_far("queue_full"), metrics.dropped_so_far("timeout"));
    assert!(full > 0 && late > 0, "{full} {late}");
    assert_eq!((metrics.totals().1, arrived + full + late), (arrived, 5000));
    assert_eq!(metrics.queue_levels(), (0, 0));
}

#[tokio::test]
async fn streams_have_lengths_and_are_opened_again() {
    for scheme in ["unixstream", "unix"] {
        let place = Place::new();
        let sender = start(options(&place.url(scheme)));
        for round in 0..5 {
            let _ = std::fs::remove_file(place.path());
            let server = UnixListener::bind(place.path()).unwrap();
            send(&sender, &["a", "bb"]);
            let (mut stream, _) = soon(server.accept()).await.unwrap();
            assert_eq!(frame(&mut stream).await, "a\nbb\n", "{scheme} {round}");
            send(&sender, &["c"]);
            assert_eq!(frame(&mut stream).await, "c\n", "{scheme} {round}");
        }
        sender.close(PATIENCE).await;
        let (received, sent, retried) = sender.metrics().totals();
        assert!((received, sent) == (15, 15) && retried <= 8, "{received} {sent} {retried}");
    }
}

#[tokio::test]
async fn half_a_payload_is_followed_by_a_new_stream() {
    let place = Place::new();
    let server = UnixListener::bind(place.path()).unwrap();
    let big = LineOptions {
        payload_bytes: 1 << 20,
        send_timeout: Duration::from_millis(50),
        ..options(&place.url("unixstream"))
    };
    let sender = start(big);
    let line = "x".repeat((1 << 20) - 1);
    send(&sender, &[&line]);
    let (mut first, _) = soon(server.accept()).await.unwrap();
    until(sender.metrics(), "timeout", 1).await;
    send(&sender, &["a"]);
    let (mut second, _) = soon(server.accept()).await.unwrap();
    assert_eq!(frame(&mut second).await, "a\n");
    let mut rest = Vec::new();
    soon(first.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.len() < line.len());
    sender.close(PATIENCE).await;
}

#[tokio::test]
async fn tcp_carries_lines_and_finds_a_new_server() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", server.local_addr().unwrap());
    let sender = start(options(&address));
    for _ in 0..3 {
        send(&sender, &["a", "b"]);
        let (mut stream, _) = soon(server.accept()).await.unwrap();
        let mut text = [0; 4];
        soon(stream.read_exact(&mut text)).await.unwrap();
        assert_eq!(&text, b"a\nb\n");
        stream.shutdown().await.unwrap();
        drop(stream);
    }
    sender.close(PATIENCE).await;
}

#[tokio::test]
async fn the_end_is_in_time() {
    let place = Place::new();
    let server = UnixListener::bind(place.path()).unwrap();
    let patient =
        LineOptions { payload_bytes: 1 << 20, send_timeout: PATIENCE, ..options(&place.url("unixstream")) };
    let sender = start(patient);
    let line = "x".repeat((1 << 20) - 1);
    send(&sender, &[&line, &line]);
    sender.close(Duration::from_millis(50)).await;
    assert_eq!(sender.metrics().dropped_so_far("shutdown"), 2);
    assert_eq!(sender.metrics().queue_levels(), (0, 0));
    drop(server);
}

#[tokio::test]
async fn a_probe_tells_who_listens() {
    let place = Place::new();
    let unix: LineAddress = place.url("unix").parse().unwrap();
    assert!(probe(&unix).await.is_err());
    let server = UnixListener::bind(place.path()).unwrap();
    assert_eq!(probe(&unix).await, Ok(()));
    let wrong: LineAddress = place.url("unixgram").parse().unwrap();
    assert!(probe(&wrong).await.is_err());
    drop(server);
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(probe(&udp.local_addr().unwrap().to_string().parse().unwrap()).await, Ok(()));
    assert!(Path::new(&place.path()).exists());
}
