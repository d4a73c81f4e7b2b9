//! The client of gRPC backends: TLS of the operator's choice, certificates that change, and proxies.

use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::Outcome;
use mixer_adapter_sdk::delivery::grpc::{GrpcClient, outcome};
use mixer_adapter_sdk::delivery::http::{ClientCertificate, HttpOptions, ProxySettings};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::http::{acceptor, authority, renew, until};

/// A server of gRPC's health, and its port.
async fn server(tls: Option<TlsAcceptor>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_, health) = tonic_health::server::health_reporter();
    let router = tonic::transport::Server::builder().add_service(health);
    let incoming = TcpListenerStream::new(listener);
    match tls {
        None => drop(tokio::spawn(router.serve_with_incoming(incoming))),
        Some(tls) => {
            let accepted = incoming.then(move |stream| {
                let tls = tls.clone();
                async move { tls.accept(stream?).await }
            });
            // A client that is refused is no error of the server.
            let accepted = accepted.filter(Result::is_ok);
            drop(tokio::spawn(router.serve_with_incoming(Box::pin(accepted))));
        }
    }
    port
}

async fn ask(client: &GrpcClient) -> Outcome {
    let answer = HealthClient::new(client.channel()).check(HealthCheckRequest::default()).await;
    answer.map_or_else(|status| outcome(&status), |_| Outcome::Delivered)
}

fn client(scheme: &str, port: u16, options: HttpOptions) -> GrpcClient {
    GrpcClient::new(&format!("{scheme}://localhost:{port}/ignored").parse().unwrap(), &options).unwrap()
}

#[tokio::test]
async fn it_calls_with_and_without_tls() {
    let (ours, other) = (authority(), authority());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    std::fs::write(file("ours"), ours.pem()).unwrap();
    std::fs::write(file("other"), other.pem()).unwrap();
    let own = ClientCertificate { certificate: file("own"), key: file("key") };
    renew(&own, &ours);
    let check = async |ca: &str, own: Option<&ClientCertificate>, mutual: bool, good: bool| {
        let port = server(Some(acceptor(&ours, mutual))).await;
        let ca_file = Some(file(ca));
        let options = HttpOptions { ca_file, client_certificate: own.cloned(), ..HttpOptions::default() };
        let found = ask(&client("https", port, options)).await;
        assert_eq!(found == Outcome::Delivered, good, "{ca} {own:?} {mutual} {found:?}");
        assert!(good || matches!(found, Outcome::Retry { .. }), "{found:?}");
    };
    check("ours", None, false, true).await;
    check("other", None, false, false).await;
    check("ours", None, true, false).await;
    check("ours", Some(&own), true, true).await;
    let plain = server(None).await;
    assert_eq!(ask(&client("http", plain, HttpOptions::default())).await, Outcome::Delivered);
}

#[tokio::test]
async fn certificates_that_change_on_disk_are_used_without_a_restart() {
    let (ours, other) = (authority(), authority());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    std::fs::write(file("ca"), ours.pem()).unwrap();
    let own = ClientCertificate { certificate: file("own"), key: file("key") };
    renew(&own, &other);
    let port = server(Some(acceptor(&ours, true))).await;
    let client = client(
        "https",
        port,
        HttpOptions {
            ca_file: Some(file("ca")),
            client_certificate: Some(own.clone()),
            reload_interval: Duration::from_millis(20),
            ..HttpOptions::default()
        },
    );
    let is_taken = async || ask(&client).await == Outcome::Delivered;
    assert!(!is_taken().await);
    renew(&own, &ours);
    until(true, is_taken).await;
    // The connection that there is would do; but what is no longer trusted is not used any longer either.
    std::fs::write(file("ca"), other.pem()).unwrap();
    until(false, is_taken).await;
}

/// A proxy that tunnels, its port, and the heads of what it was asked.
async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    stream.read_line(&mut head).await.unwrap();
                }
                let target = head.split(' ').nth(1).unwrap().to_owned();
                kept.lock().push(head);
                let mut server = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (port, asked)
}

#[tokio::test]
async fn proxies_are_used_but_not_for_exceptions() {
    let ours = authority();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    std::fs::write(&ca, ours.pem()).unwrap();
    let (proxy_port, asked) = proxy().await;
    let backends = [("https", server(Some(acceptor(&ours, false))).await), ("http", server(None).await)];
    for (scheme, port) in backends {
        for (no_proxy, through) in [(None, true), (Some("localhost"), false)] {
            let url = Some(Secret::from(format!("http://user:pass@127.0.0.1:{proxy_port}")));
            let no_proxy = no_proxy.map(str::to_owned);
            let proxy = ProxySettings { http: url.clone(), https: url, no_proxy };
            let options = HttpOptions { ca_file: Some(ca.clone()), proxy, ..HttpOptions::default() };
            assert_eq!(ask(&client(scheme, port, options)).await, Outcome::Delivered, "{scheme} {through}");
            let asked = std::mem::take(&mut *asked.lock());
            assert_eq!(asked.len(), usize::from(through), "{scheme}");
            for head in asked {
                assert!(head.starts_with(&format!("CONNECT localhost:{port} ")), "{head}");
                assert!(head.to_lowercase().contains("proxy-authorization: basic"), "{head}");
            }
        }
    }
}
