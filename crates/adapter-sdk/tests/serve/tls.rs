//! TLS of the gRPC port: who may connect, and certificates that change under way.

use std::path::Path;
use std::time::Duration;

use mixer_adapter_sdk::{ListenAddress, ServeArgs, TlsArgs};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::toy::{Running, check, get, quick, serve_with};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key of someone with these names.
fn issue(authority: &Authority, dns: &str, uri: Option<&str>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![dns.to_owned()]).unwrap();
    params.subject_alt_names.extend(uri.map(|uri| SanType::URI(uri.try_into().unwrap())));
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.put(authority);
        files
    }

    /// A certificate of this authority, which is that of clients too.
    fn put(&self, authority: &Authority) {
        let (certificate, key) = issue(authority, "localhost", None);
        std::fs::write(self.path("ca"), authority.pem()).unwrap();
        std::fs::write(self.path("key"), key).unwrap();
        std::fs::write(self.path("certificate"), certificate).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::join(self.directory.path(), name)
    }

    fn args(&self, allowed: Option<&[&str]>) -> ServeArgs {
        let tls = TlsArgs {
            tls_certificate: Some(self.path("certificate")),
            tls_key: Some(self.path("key")),
            tls_client_ca: allowed.map(|_| self.path("ca")),
            tls_allowed_client: allowed.unwrap_or_default().iter().map(|id| id.parse().unwrap()).collect(),
            ..TlsArgs::default()
        };
        ServeArgs { tls, reload_interval: Duration::from_millis(10), ..quick() }
    }
}

async fn dial(
    address: &ListenAddress,
    authority: &Authority,
    identity: Option<&(String, String)>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost");
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap().connect().await
}

async fn may_call(running: &Running, authority: &Authority, identity: Option<&(String, String)>) -> bool {
    let Ok(channel) = dial(&running.address, authority, identity).await else { return false };
    // With TLS 1.3 the client learns that it was refused only when it reads.
    check(&channel, "ok", None).await.is_ok()
}

#[tokio::test]
async fn a_server_certificate_is_shown_and_plaintext_refused() {
    let (authority, stranger) = (authority(), authority());
    let running = serve_with(Files::new(&authority).args(None)).await;
    assert!(may_call(&running, &authority, None).await);
    assert!(!may_call(&running, &stranger, None).await, "the client does not know the authority");
    let plaintext = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy();
    check(&plaintext, "ok", None).await.unwrap_err();
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_refused_total{reason=\"tls_handshake\"}"), "{metrics}");
}

#[tokio::test]
async fn only_clients_with_an_allowed_name_may_call() {
    let (authority, stranger) = (authority(), authority());
    let mixer = "spiffe://cluster.local/ns/istio-system/sa/mixer";
    let allowed = &["spiffe://cluster.local/ns/istio-system/*", "*.mixer.example.com"];
    let running = serve_with(Files::new(&authority).args(Some(allowed))).await;
    let passes = async |identity| may_call(&running, &authority, Some(&identity)).await;
    assert!(passes(issue(&authority, "x", Some(mixer))).await);
    assert!(passes(issue(&authority, "a.mixer.example.com", None)).await);
    assert!(!passes(issue(&authority, "x", Some("spiffe://cluster.local/ns/default/sa/mixer"))).await);
    assert!(!passes(issue(&authority, "mixer.example.com", None)).await);
    assert!(!passes(issue(&stranger, "x", Some(mixer))).await, "signed by somebody else");
    assert!(!may_call(&running, &authority, None).await, "no certificate at all");
}

#[tokio::test]
async fn any_client_of_the_authority_may_call_when_no_name_is_asked_for() {
    let authority = authority();
    let running = serve_with(Files::new(&authority).args(Some(&[]))).await;
    assert!(may_call(&running, &authority, Some(&issue(&authority, "x", None))).await);
    assert!(!may_call(&running, &authority, None).await);
}

/// Waits until the metrics of the process say so.
async fn until(running: &Running, line: &str) {
    while !get(running.monitoring, "/metrics").await.1.contains(line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn new_certificates_are_used_and_open_connections_stay() {
    let (old, new) = (authority(), authority());
    let files = Files::new(&old);
    let running = serve_with(files.args(None)).await;
    let channel = dial(&running.address, &old, None).await.unwrap();
    check(&channel, "ok", None).await.unwrap();

    std::fs::write(files.path("certificate"), "broken").unwrap();
    until(&running, "mixer_adapter_file_reloads_total{file=\"tls\",result=\"failed\"}").await;
    assert!(may_call(&running, &old, None).await, "the last good certificate stays");

    files.put(&new);
    until(&running, "mixer_adapter_file_reloads_total{file=\"tls\",result=\"ok\"}").await;
    assert!(may_call(&running, &new, None).await);
    assert!(!may_call(&running, &old, None).await);
    check(&channel, "ok", None).await.unwrap();
    assert_eq!(running.toy.builds.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let files = Files::new(&authority());
    let check = async |args: ServeArgs, part: &str| {
        let error =
            mixer_adapter_sdk::Server::of(super::toy::process(), args).await.err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    };
    let mut args = files.args(None);
    args.tls.tls_key = Some(files.path("missing"));
    check(args, "missing cannot be used").await;
    let mut args = files.args(None);
    args.tls.tls_key = None;
    check(args, "--tlsKey").await;
    std::fs::write(files.path("empty"), "").unwrap();
    let mut args = files.args(Some(&[]));
    args.tls.tls_client_ca = Some(files.path("empty"));
    check(args, "holds no certificate").await;
    let other = issue(&authority(), "localhost", None).1;
    std::fs::write(files.path("key"), other).unwrap();
    check(files.args(None), "certificate cannot be used").await;
}
