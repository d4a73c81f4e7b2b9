//! The port that Prometheus scrapes.

use std::io::Read as _;
use std::net::SocketAddr;

use mixer_adapter_sdk::Adapter as _;
use mixer_prometheus_adapter::PrometheusAdapter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::*;

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let headers = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers, body: answer[end + 4..].to_vec() }
}

async fn with_a_counter(
    series: usize,
) -> (PrometheusAdapter, std::sync::Arc<dyn mixer_adapter_sdk::Handler>) {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&[metric("m_total", Kind::Counter, &["a"])])).await.unwrap();
    for number in 0..series {
        report(&*handler, "m_total", Value::Int64Value(1), &[("a", text(&format!("{number:05}")))]).await;
    }
    (adapter, handler)
}

#[tokio::test]
async fn a_scrape_gets_the_format_it_asks_for() {
    let (adapter, _handler) = with_a_counter(1).await;
    let address = adapter.scrape_address().await.unwrap();
    let answer = get(address, "/metrics", "").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.headers
    );
    let expected = "# HELP t_m_total m_total\n# TYPE t_m_total counter\nt_m_total{a=\"00000\"} 1\n";
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);

    let answer =
        get(address, "/metrics", "accept: application/openmetrics-text\r\naccept: */*;q=0.1\r\n").await;
    let content_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.headers.contains(content_type), "{}", answer.headers);
    assert!(answer.body.ends_with(b"# EOF\n"));

    assert_eq!(get(address, "/other", "").await.status, 404);
}

#[tokio::test]
async fn a_long_answer_comes_complete_and_compressed_on_request() {
    let (adapter, _handler) = with_a_counter(5000).await;
    let address = adapter.scrape_address().await.unwrap();
    let plain = get(address, "/metrics", "").await.body;
    assert_eq!(plain, adapter.render(mixer_prometheus_adapter::Format::Text).into_bytes());
    assert!(plain.len() > 100_000, "more than one part");
    let answer = get(address, "/metrics", "accept-encoding: deflate, gzip;q=0.8\r\n").await;
    assert!(answer.headers.contains("content-encoding: gzip"), "{}", answer.headers);
    assert!(answer.body.len() < plain.len() / 4);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    let answer = get(address, "/metrics", "accept-encoding: gzip;q=0\r\n").await;
    assert!(!answer.headers.contains("content-encoding"), "{}", answer.headers);
}

#[tokio::test]
async fn a_slow_scraper_holds_up_nobody() {
    let (adapter, handler) = with_a_counter(20_000).await;
    let address = adapter.scrape_address().await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 16];
    slow.read_exact(&mut first).await.unwrap();
    // The rest of it waits in the middle while reports and other scrapes go on.
    report(&*handler, "m_total", Value::Int64Value(1), &[("a", text("new"))]).await;
    let answer = get(address, "/metrics", "").await;
    assert!(String::from_utf8(answer.body).unwrap().contains("t_m_total{a=\"new\"} 1\n"));
}

#[tokio::test]
async fn the_port_is_open_while_a_handler_uses_it() {
    let adapter = adapter();
    assert_eq!(adapter.scrape_address().await, None);
    let first = build(&adapter, "a", &params(&[])).await.unwrap();
    let address = adapter.scrape_address().await.unwrap();
    let second = build(&adapter, "b", &params(&[])).await.unwrap();
    assert_eq!(adapter.scrape_address().await, Some(address));
    first.close().await;
    assert_eq!(get(address, "/metrics", "").await.status, 200);
    second.close().await;
    assert_eq!(adapter.scrape_address().await, None);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_process_of_its_own_opens_the_port_at_once() {
    let adapter = adapter();
    let address = adapter.open().await.unwrap();
    assert_eq!(get(address, "/metrics", "").await.status, 200);
    build(&adapter, "a", &params(&[])).await.unwrap().close().await;
    assert_eq!(get(address, "/metrics", "").await.status, 200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let adapter = PrometheusAdapter::new(address.to_string().parse().unwrap());
    let error = adapter.build(spec("h", &params(&[]))).await.err().unwrap().to_string();
    assert!(error.contains(&format!("cannot listen for Prometheus on {address}")), "{error}");
    drop(taken);
    adapter.build(spec("h", &params(&[]))).await.expect("the next try finds it free");
}
