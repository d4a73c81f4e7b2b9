//! The HTTP client: what it sends, through which proxy, whom it trusts, and what follows from answers.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use bytes::Bytes;
use hyper::Response;
use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::grpc::GrpcClient;
use mixer_adapter_sdk::delivery::http::{
    Answer, ClientCertificate, Credential, HttpClient, HttpOptions, ProxySettings, Url, gzip,
};
use mixer_adapter_sdk::delivery::{DeliveryMetrics, Outcome};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use super::backend::Backend;

fn answer(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Bytes::from_static(body.as_bytes())).unwrap()
}

fn url(text: impl AsRef<str>) -> Url {
    text.as_ref().parse().unwrap()
}

async fn post(client: &HttpClient, url: &Url) -> Result<Answer, String> {
    let answer = client.post(url, HeaderMap::new(), Bytes::from_static(b"hello")).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn it_posts_what_it_is_given() {
    let backend = Backend::start(|| answer(202, &[], "{}"), None).await;
    let client = HttpClient::new(&HttpOptions { user_agent: "tester/1".to_owned(), ..Default::default() });
    let mut headers = HeaderMap::new();
    let key = Credential::from(Secret::from("k3y"));
    headers.insert("api-key", key.header().unwrap());
    headers.insert("content-encoding", "gzip".parse().unwrap());
    let to = url(format!("http://{}/metric/v1?x=1", backend.address));
    let answer = client.unwrap().post(&to, headers, gzip(b"hello hello hello")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (202, &b"{}"[..]));
    let (parts, body) = backend.received.lock().pop().unwrap();
    assert_eq!((parts.method.as_str(), parts.uri.to_string().as_str()), ("POST", "/metric/v1?x=1"));
    let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
    assert_eq!((header("api-key"), header("user-agent")), ("k3y".to_owned(), "tester/1".to_owned()));
    assert_eq!(header("content-length"), body.len().to_string());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello hello hello");
}

#[tokio::test]
async fn every_status_has_a_meaning() {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let check = async |status: u16, headers: &[(&'static str, &str)], wanted: Outcome| {
        let headers: Vec<_> = headers.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let script = move || {
            let headers: Vec<_> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
            answer(status, &headers, "no\nway")
        };
        let backend = Backend::start(script, None).await;
        let got = post(&client, &url(format!("http://{}/", backend.address))).await.unwrap();
        let got = match got.outcome() {
            Outcome::Retry { after, .. } => Outcome::Retry { after, detail: String::new() },
            Outcome::Drop { reason, detail } => {
                assert!(detail.ends_with(": no way"), "{detail}");
                Outcome::Drop { reason, detail: String::new() }
            }
            other => other,
        };
        assert_eq!(got, wanted, "{status}");
        assert_eq!(backend.received.lock().len(), 1, "{status}: neither followed nor retried");
    };
    let never = |reason| Outcome::Drop { reason, detail: String::new() };
    let again =
        |after: Option<u64>| Outcome::Retry { after: after.map(Duration::from_secs), detail: String::new() };
    check(200, &[], Outcome::Delivered).await;
    check(204, &[], Outcome::Delivered).await;
    check(400, &[], never("http_400")).await;
    check(403, &[], never("http_403")).await;
    check(418, &[], never("http_4xx")).await;
    check(302, &[("location", "/elsewhere")], never("http_redirect")).await;
    check(408, &[], again(None)).await;
    check(413, &[], Outcome::Split).await;
    check(429, &[("retry-after", "30")], again(Some(30))).await;
    check(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], again(Some(0))).await;
    check(503, &[], again(None)).await;
    check(500, &[("retry-after", "later")], again(None)).await;
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again_and_tells_no_secret() {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = url(format!("http://127.0.0.1:{port}/?key=s3cr3t"));
    let error = client.post(&to, HeaderMap::new(), Bytes::new()).await.unwrap_err();
    let Outcome::Retry { after: None, detail } = error.outcome() else { panic!("{error}") };
    assert!(detail.contains("refused") && !detail.contains("s3cr3t"), "{detail}");
}

#[tokio::test]
async fn proxies_are_used_but_not_for_exceptions() {
    let proxy = Backend::start(|| answer(200, &[], "proxy"), None).await;
    let backend = Backend::start(|| answer(200, &[], "backend"), None).await;
    let address = format!("http://user:pass@{}", proxy.address);
    let check = async |variables: &[(&str, &str)], to: String, by: &str| {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.replace("PROXY", &address))
        };
        let settings = ProxySettings::from_lookup(lookup);
        assert!(!format!("{settings:?}").contains("pass"));
        let client = HttpClient::new(&HttpOptions { proxy: settings, ..Default::default() }).unwrap();
        let body = post(&client, &url(&to)).await.map(|answer| answer.body);
        assert_eq!(body.as_deref(), Ok(by.as_bytes()), "{variables:?} {to}");
    };
    let own = format!("http://{}/x", backend.address);
    let far = "http://backend.invalid/x".to_owned();
    check(&[], own.clone(), "backend").await;
    check(&[("HTTP_PROXY", "PROXY")], own.clone(), "proxy").await;
    check(&[("http_proxy", "PROXY")], far.clone(), "proxy").await;
    check(&[("ALL_PROXY", "PROXY")], far.clone(), "proxy").await;
    check(&[("HTTPS_PROXY", "PROXY")], own.clone(), "backend").await;
    check(&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "127.0.0.1")], own.clone(), "backend").await;
    check(&[("HTTP_PROXY", "PROXY"), ("no_proxy", "127.0.0.0/8")], own.clone(), "backend").await;
    check(&[("HTTP_PROXY", "PROXY"), ("NO_PROXY", "example.com")], far, "proxy").await;
    check(&[("HTTP_PROXY", " ")], own, "backend").await;
    let (parts, _) = proxy.received.lock().pop().unwrap();
    assert_eq!(parts.uri.to_string(), "http://backend.invalid/x");
    assert_eq!(parts.headers["proxy-authorization"], "Basic dXNlcjpwYXNz");
}

#[test]
fn what_is_no_proxy_is_an_error() {
    let proxy = ProxySettings { https: Some(Secret::from("http://")), ..Default::default() };
    let error = HttpClient::new(&HttpOptions { proxy, ..Default::default() }).unwrap_err();
    assert!(error.to_string().contains("https proxy"), "{error}");
}

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that wants a certificate of the authority when `mutual`.
pub(crate) fn acceptor(authority: &Authority, mutual: bool) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let builder = match mutual {
        true => builder.with_client_cert_verifier(verifier),
        false => builder.with_no_client_auth(),
    };
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn only_named_authorities_are_trusted_and_a_certificate_is_shown() {
    let (ours, other) = (authority(), authority());
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["adapter".to_owned()]).unwrap();
    let own = ClientCertificate {
        certificate: put("own", params.signed_by(&key, &ours).unwrap().pem()),
        key: put("key", key.serialize_pem()),
    };
    let (ours_file, other_file) = (put("ours", ours.pem()), put("other", other.pem()));
    let check = async |ca: Option<&PathBuf>, own: Option<&ClientCertificate>, mutual: bool, ok: bool| {
        let backend = Backend::start(|| answer(200, &[], ""), Some(acceptor(&ours, mutual))).await;
        let options =
            HttpOptions { ca_file: ca.cloned(), client_certificate: own.cloned(), ..HttpOptions::default() };
        let client = HttpClient::new(&options).unwrap();
        let to = url(format!("https://localhost:{}/", backend.address.port()));
        let result = post(&client, &to).await;
        assert_eq!(result.is_ok(), ok, "{ca:?} {own:?} {mutual} {result:?}");
    };
    check(Some(&ours_file), None, false, true).await;
    check(Some(&other_file), None, false, false).await;
    check(None, None, false, false).await;
    check(Some(&ours_file), None, true, false).await;
    check(Some(&ours_file), Some(&own), true, true).await;
}

/// Writes a certificate of an authority and its key over what was there.
pub(crate) fn renew(own: &ClientCertificate, authority: &Authority) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["adapter".to_owned()]).unwrap();
    std::fs::write(&own.key, key.serialize_pem()).unwrap();
    std::fs::write(&own.certificate, params.signed_by(&key, authority).unwrap().pem()).unwrap();
}

/// Asks again until the answer is as wanted.
pub(crate) async fn until(wanted: bool, ask: impl AsyncFn() -> bool) {
    let asking = async {
        while ask().await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("it changes");
}

#[tokio::test]
async fn certificates_that_change_on_disk_are_used_without_a_restart() {
    let (ours, other) = (authority(), authority());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (ca_file, own) = (file("ca"), ClientCertificate { certificate: file("own"), key: file("key") });
    std::fs::write(&ca_file, ours.pem()).unwrap();
    renew(&own, &other);
    let backend = Backend::start(|| answer(200, &[], ""), Some(acceptor(&ours, true))).await;
    let client = HttpClient::new(&HttpOptions {
        ca_file: Some(ca_file.clone()),
        client_certificate: Some(own.clone()),
        reload_interval: Duration::from_millis(20),
        ..HttpOptions::default()
    });
    let (client, to) = (client.unwrap(), url(format!("https://localhost:{}/", backend.address.port())));
    let is_taken = async || post(&client, &to).await.is_ok();
    assert!(!is_taken().await, "the backend does not know its authority");
    renew(&own, &ours);
    until(true, is_taken).await;
    let reloads = |result| DeliveryMetrics::shared().unwrap().reloads_so_far(result);
    let failed = reloads("failed");
    std::fs::write(&ca_file, "half of a file").unwrap();
    until(true, async || reloads("failed") > failed).await;
    assert!(is_taken().await, "the last good one stays");
    std::fs::write(&ca_file, other.pem()).unwrap();
    until(false, is_taken).await;
    assert!(reloads("ok") >= 2);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_by_both_clients() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (ours, other) = (authority(), authority());
    std::fs::write(file("ca"), ours.pem()).unwrap();
    std::fs::write(file("empty"), "").unwrap();
    renew(&ClientCertificate { certificate: file("own"), key: file("key") }, &ours);
    renew(&ClientCertificate { certificate: file("other"), key: file("other-key") }, &other);
    let check = |ca: &str, own: Option<(&str, &str)>, named: &str, why: &str| {
        let client_certificate = own
            .map(|(certificate, key)| ClientCertificate { certificate: file(certificate), key: file(key) });
        let options = HttpOptions { ca_file: Some(file(ca)), client_certificate, ..Default::default() };
        let https = url("https://localhost");
        let errors = [
            HttpClient::new(&options).unwrap_err().to_string(),
            GrpcClient::new(&https, &options).unwrap_err().to_string(),
        ];
        for error in errors {
            let start = format!("the file {} cannot be used: ", file(named).display());
            assert!(error.starts_with(&start) && error.contains(why), "{error}");
        }
    };
    check("empty", None, "empty", "it holds no certificate");
    check("missing", None, "missing", "No such file");
    check("key", None, "key", "it holds no certificate");
    check("ca", Some(("own", "missing")), "missing", "No such file");
    check("ca", Some(("own", "empty")), "own", "the private key: ");
    check("ca", Some(("own", "other-key")), "own", "do not make a pair");
    // Plaintext needs none of them.
    let options = HttpOptions { ca_file: Some(file("missing")), ..Default::default() };
    assert!(GrpcClient::new(&url("http://localhost"), &options).is_ok());
}

#[tokio::test]
async fn credentials_come_from_files_or_the_environment_and_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "k3y\n").unwrap();
    let key = Credential::from_file(&path).await.unwrap();
    assert_eq!(key.get().expose(), "k3y");
    let header = key.header().unwrap();
    assert!(header.is_sensitive());
    assert!(!format!("{key:?} {header:?}").contains("k3y"));

    let missing = Credential::from_file(directory.path().join("no")).await.unwrap_err();
    assert!(missing.to_string().contains("/no"), "{missing}");
    assert_eq!(Credential::from_env("CARGO_PKG_NAME").unwrap().get().expose(), "mixer-adapter-sdk");
    let unset = Credential::from_env("MIXER_NO_SUCH_KEY").unwrap_err();
    assert!(unset.to_string().contains("MIXER_NO_SUCH_KEY"), "{unset}");
    assert!(Credential::from(Secret::from("a\nb")).header().is_err());
}
