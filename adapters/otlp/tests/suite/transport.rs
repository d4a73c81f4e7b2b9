//! Connections: TLS of the operator's choice, client certificates, and proxies, over HTTP and gRPC alike.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use mixer_testkit::FakeCollector;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use crate::flat;
use crate::protocols::PROTOCOLS;
use crate::support::{PATIENCE, Rig, build, entry};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key, PEM.
fn leaf(issuer: &Issuer) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

/// A server by an authority, that wants clients of an authority if there is one.
fn acceptor(server: &Issuer, clients: Option<&Issuer>) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(issuer) => {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let (certificate, key) = leaf(server);
    let key = key.serialize_der().try_into().unwrap();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Whether a record arrives at the fake.
async fn arrives(fake: &FakeCollector, exporter: &Json) -> bool {
    let params = Rig::params(&fake.endpoint(), json!({"exporter": exporter, "give_up_after": "0.001s"}));
    let rig = Rig { handler: build(&params).await, fake: fake.clone() };
    let before = fake.seen().logs.len();
    rig.log(&entry("info", &[])).await;
    flat::logs(&rig.close().await).len() > before
}

#[tokio::test]
async fn only_authorities_of_the_operators_choice_are_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (issuer(), issuer());
    let (ca, wrong) = (write(folder.path(), "ca", &ours.pem()), write(folder.path(), "wrong", &other.pem()));
    for (protocol, _) in PROTOCOLS {
        let fake = FakeCollector::start(Some(acceptor(&ours, None))).await.unwrap();
        assert!(arrives(&fake, &json!({"protocol": protocol, "ca_file": ca})).await, "{protocol}");
        assert!(!arrives(&fake, &json!({"protocol": protocol, "ca_file": wrong})).await, "{protocol}");
        assert!(
            !arrives(&fake, &json!({"protocol": protocol})).await,
            "{protocol}: by authorities of the system"
        );
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (issuer(), issuer());
    let ca = write(folder.path(), "ca", &servers.pem());
    let (certificate, key) = leaf(&clients);
    let certificate = write(folder.path(), "certificate", &certificate.pem());
    let key = write(folder.path(), "key", &key.serialize_pem());
    for (protocol, _) in PROTOCOLS {
        let fake = FakeCollector::start(Some(acceptor(&servers, Some(&clients)))).await.unwrap();
        let own = json!({"protocol": protocol, "ca_file": ca, "client_certificate_file": certificate, "client_key_file": key});
        assert!(arrives(&fake, &own).await, "{protocol}");
        assert!(!arrives(&fake, &json!({"protocol": protocol, "ca_file": ca})).await, "{protocol}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_when_the_handler_is_built() {
    for (protocol, _) in PROTOCOLS {
        let exporter =
            json!({"protocol": protocol, "endpoint": "https://localhost:1", "ca_file": "/nowhere/ca"});
        let spec = crate::support::spec(&json!({"exporter": exporter}));
        let error = mixer_otlp_adapter::adapter().build(spec).await.err().unwrap().to_string();
        assert!(error.contains("/nowhere/ca"), "{protocol}: {error}");
        let exporter = json!({"protocol": protocol, "header_files": {"key": "/nowhere/key"}});
        let spec = crate::support::spec(&json!({"exporter": exporter}));
        let error = mixer_otlp_adapter::adapter().build(spec).await.err().unwrap().to_string();
        assert!(error.contains("/nowhere/key"), "{protocol}: {error}");
    }
}

/// A proxy that knows CONNECT and nothing else; what it was asked for.
async fn proxy() -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:s3cr3t@{}", listener.local_addr().unwrap());
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.split(' ').nth(1).unwrap().to_owned();
                kept.lock().unwrap().push(head);
                let mut server = TcpStream::connect(target.replace("localhost", "127.0.0.1")).await.unwrap();
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (url, asked)
}

#[tokio::test]
async fn tls_goes_through_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let ours = issuer();
    let ca = write(folder.path(), "ca", &ours.pem());
    for (protocol, _) in PROTOCOLS {
        let (proxy, asked) = proxy().await;
        let fake = FakeCollector::start(Some(acceptor(&ours, None))).await.unwrap();
        let exporter = json!({"protocol": protocol, "ca_file": ca, "proxy_url": proxy});
        assert!(tokio::time::timeout(PATIENCE, arrives(&fake, &exporter)).await.unwrap(), "{protocol}");
        let asked = asked.lock().unwrap().join("");
        let target = format!("CONNECT localhost:{} HTTP/1.1\r\n", fake.address().port());
        assert!(asked.starts_with(&target), "{protocol}: {asked}");
        let user = base64::engine::general_purpose::STANDARD.encode("user:s3cr3t");
        assert!(asked.contains(&format!("asic {user}\r\n")), "{protocol}: {asked}");
    }
}

#[tokio::test]
async fn plain_grpc_goes_through_a_proxy_too() {
    let (proxy, asked) = proxy().await;
    let fake = FakeCollector::start(None).await.unwrap();
    assert!(arrives(&fake, &json!({"protocol": "GRPC", "proxy_url": proxy})).await);
    assert!(asked.lock().unwrap()[0].starts_with(&format!("CONNECT {}", fake.address())));
}
