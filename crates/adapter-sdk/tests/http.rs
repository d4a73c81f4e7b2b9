//! Answers of the small HTTP server: in one piece, in parts, cut off, refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use mixer_adapter_sdk::ListenAddress;
use mixer_adapter_sdk::http::{Body, ClientGone, HttpServer, text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A server that answers `/parts` in parts, `/cut` with a part and no end, `/endless` until the client is gone, and
/// says how sending ended.
async fn start() -> (HttpServer, mpsc::UnboundedReceiver<Result<(), ClientGone>>) {
    let (ended, ends) = mpsc::unbounded_channel();
    let address: ListenAddress = "127.0.0.1:0".parse().unwrap();
    let responder = Arc::new(move |request: http::request::Parts| {
        let path = request.uri.path().to_owned();
        let ended = ended.clone();
        let answer = async move {
            if path == "/plain" {
                return text(StatusCode::OK, "plain\n");
            }
            let (sender, body) = Body::parts();
            tokio::spawn(async move {
                let part = bytes::Bytes::from(vec![b'x'; 100_000]);
                let mut sent = sender.send(part.clone()).await;
                while path == "/endless" && sent.is_ok() {
                    sent = sender.send(part.clone()).await;
                }
                if path == "/parts" {
                    sender.send("end".into()).await.unwrap();
                    sent = sender.finish().await;
                }
                ended.send(sent).unwrap();
            });
            Response::new(body)
        };
        Box::pin(answer) as futures::future::BoxFuture<'static, _>
    });
    (HttpServer::start("test", &address, responder).await.unwrap(), ends)
}

async fn request(server: &HttpServer, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let request = format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_answer_in_one_piece_has_a_length() {
    let (server, _ends) = start().await;
    let answer = read(request(&server, "GET /plain").await).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 6\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nplain\n"), "{answer}");
    let answer = read(request(&server, "HEAD /plain").await).await;
    assert!(answer.contains("content-length: 6\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = read(request(&server, "DELETE /plain").await).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[tokio::test]
async fn parts_are_sent_to_their_end() {
    let (server, mut ends) = start().await;
    let answer = read(request(&server, "GET /parts").await).await;
    assert!(answer.contains("transfer-encoding: chunked\r\n"));
    assert!(answer.ends_with("\r\nend\r\n0\r\n\r\n"), "the last chunk is there");
    assert_eq!(ends.recv().await, Some(Ok(())));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_so_that_the_client_knows() {
    let (server, _ends) = start().await;
    let answer = read(request(&server, "GET /cut").await).await;
    assert!(!answer.ends_with("0\r\n\r\n"), "there is no last chunk");
}

#[tokio::test]
async fn who_makes_the_parts_learns_that_the_client_is_gone() {
    let (server, mut ends) = start().await;
    let mut stream = request(&server, "GET /endless").await;
    stream.read_exact(&mut [0; 100]).await.unwrap();
    drop(stream);
    assert_eq!(ends.recv().await, Some(Err(ClientGone)));
}

#[tokio::test]
async fn stopping_lets_the_last_answer_finish() {
    let (server, mut ends) = start().await;
    let address = server.local_addr();
    let stream = request(&server, "GET /endless").await;
    let mut stream = stream;
    stream.read_exact(&mut [0; 100]).await.unwrap();
    let stopping = tokio::spawn(server.stop(Duration::from_secs(3600)));
    // New clients are refused while the old one is still served.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.read_exact(&mut [0; 200_000]).await.unwrap();
    drop(stream);
    assert_eq!(ends.recv().await, Some(Err(ClientGone)));
    stopping.await.unwrap();
}
