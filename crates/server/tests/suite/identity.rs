//! TLS of the gRPC port: who is let in, what the others hear, and certificates that change while calls go on.

use std::path::PathBuf;
use std::time::Duration;

use mixer_adapter_api::Registry;
use mixer_identity::{Authorities, ClientPolicy, Files, KeyPair, ServerOptions, Source};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_server::app::{AppOptions, Bound};
use mixer_server::config::{ConfigSource, Content};
use mixer_server::grpc::TlsOptions;
use mixer_testkit::pki::{Authority, Issued, Validity};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::support::{CONFIG, World, check_request, options};

const MIXS: &str = "spiffe://cluster.local/ns/istio-system/sa/mixs";
const PROXY: &str = "spiffe://cluster.local/ns/default/sa/web";

/// The server's files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(authority: &Authority) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.show(&authority.issue(&[MIXS, "localhost"]).unwrap());
        folder.trust(&[authority]);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path("part"), content).unwrap();
        std::fs::rename(self.path("part"), self.path(name)).unwrap();
    }

    fn show(&self, own: &Issued) {
        self.write("key", &own.key);
        self.write("certificate", &own.chain);
    }

    fn trust(&self, authorities: &[&Authority]) {
        self.write("ca", &authorities.iter().map(|authority| authority.pem()).collect::<String>());
    }

    fn options(&self, clients: ClientPolicy, permissive: bool) -> AppOptions {
        let own = Some(KeyPair { certificate: self.path("certificate"), key: self.path("key") });
        let authorities = match clients {
            ClientPolicy::Anybody => Authorities::None,
            ClientPolicy::Certificate(_) => Authorities::File(self.path("ca")),
        };
        let source = Source::Files(Files { own, authorities, every: Duration::from_millis(10) });
        with(source, ServerOptions { clients, permissive, timeout: Duration::from_secs(60) })
    }
}

fn with(source: Source, server: ServerOptions) -> AppOptions {
    AppOptions { tls: Some(TlsOptions { source, server }), ..options() }
}

fn mutual(allowed: &[&str]) -> ClientPolicy {
    ClientPolicy::Certificate(allowed.iter().map(|id| id.parse().unwrap()).collect())
}

async fn dial(
    world: &World,
    authority: &Authority,
    own: Option<&Issued>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new();
    tls = tls.ca_certificate(Certificate::from_pem(authority.pem())).domain_name("localhost");
    if let Some(own) = own {
        tls = tls.identity(Identity::from_pem(&own.chain, &own.key));
    }
    Endpoint::from_shared(format!("https://{}", world.grpc)).unwrap().tls_config(tls).unwrap().connect().await
}

async fn is_served(channel: &Channel) -> bool {
    MixerClient::new(channel.clone()).check(check_request("request.path=/a")).await.is_ok()
}

async fn may_call(world: &World, authority: &Authority, own: Option<&Issued>) -> bool {
    // With TLS 1.3 a client hears that it was refused only when it reads.
    match dial(world, authority, own).await {
        Ok(channel) => is_served(&channel).await,
        Err(_) => false,
    }
}

/// Waits until `/metrics` has a line that begins so.
async fn until(world: &World, line: &str) {
    world.until("/metrics", |_, text| text.lines().any(|found| found.starts_with(line))).await;
}

async fn refused(world: &World, reason: &str) {
    until(world, &format!("mixer_server_connections_refused_total{{reason=\"{reason}\"}} ")).await;
}

#[tokio::test]
async fn clients_have_to_be_who_they_should_be() {
    let (one, other) = (Authority::new("one").unwrap(), Authority::new("other").unwrap());
    let world = World::start(
        Folder::new(&one).options(mutual(&["spiffe://cluster.local/ns/default/*"]), false),
        CONFIG,
    )
    .await;
    let web = one.issue(&[PROXY]).unwrap();
    assert!(may_call(&world, &one, Some(&web)).await);
    assert!(!may_call(&world, &other, Some(&web)).await, "the client does not know the server");
    refused(&world, "refused_by_peer").await;
    let cases = [
        (one.issue(&["spiffe://cluster.local/ns/x/sa/web"]), "wrong_id"),
        (one.issue_for(&[PROXY], Validity::Past), "expired"),
        (one.issue_for(&[PROXY], Validity::Future), "not_yet_valid"),
        (other.issue(&[PROXY]), "unknown_authority"),
    ];
    for (own, reason) in cases {
        assert!(!may_call(&world, &one, Some(&own.unwrap())).await, "{reason}");
        refused(&world, reason).await;
    }
    assert!(!may_call(&world, &one, None).await);
    refused(&world, "no_certificate").await;
    let plaintext = Endpoint::from_shared(world.url()).unwrap().connect_lazy();
    assert!(!is_served(&plaintext).await);
    refused(&world, "plaintext").await;
    until(&world, "mixer_server_certificate_expiry_timestamp_seconds 6").await;
    world.end().await;
}

#[tokio::test]
async fn certificates_change_and_no_connection_is_dropped() {
    let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
    let folder = Folder::new(&old);
    let world = World::start(folder.options(mutual(&[PROXY]), false), CONFIG).await;
    let (before, after) = (old.issue(&[PROXY]).unwrap(), new.issue(&[PROXY]).unwrap());
    let first = dial(&world, &old, Some(&before)).await.unwrap();
    assert!(is_served(&first).await);

    folder.trust(&[&old, &new]);
    until(&world, "mixer_server_certificate_updates_total{result=\"ok\"} 2").await;
    assert!(may_call(&world, &old, Some(&before)).await && may_call(&world, &old, Some(&after)).await);
    // Key and certificate are two files: one look may find them apart, which changes nothing.
    folder.show(&new.issue(&[MIXS, "localhost"]).unwrap());
    while !may_call(&world, &new, Some(&after)).await {
        tokio::task::yield_now().await;
    }
    assert!(may_call(&world, &new, Some(&before)).await, "both authorities are trusted meanwhile");
    folder.trust(&[&new]);
    while may_call(&world, &new, Some(&before)).await {
        tokio::task::yield_now().await;
    }
    assert!(may_call(&world, &new, Some(&after)).await);
    folder.write("certificate", "broken");
    until(&world, "mixer_server_certificate_updates_total{result=\"failed\"}").await;
    assert!(may_call(&world, &new, Some(&after)).await, "the last good certificate stays");
    assert!(is_served(&first).await, "the connection that stood before all this still does");
    world.end().await;
}

#[tokio::test]
async fn plain_tls_and_permissive_ports() {
    let one = Authority::new("one").unwrap();
    let folder = Folder::new(&one);
    let world = World::start(folder.options(ClientPolicy::Anybody, false), CONFIG).await;
    assert!(may_call(&world, &one, None).await);
    assert!(!is_served(&Endpoint::from_shared(world.url()).unwrap().connect_lazy()).await);
    world.end().await;
    let world = World::start(folder.options(mutual(&[]), true), CONFIG).await;
    assert!(may_call(&world, &one, Some(&one.issue(&[PROXY]).unwrap())).await);
    assert!(!may_call(&world, &one, None).await, "who speaks TLS has to show a certificate");
    assert!(is_served(&Endpoint::from_shared(world.url()).unwrap().connect_lazy()).await);
    world.end().await;
}

#[tokio::test]
async fn tls_that_meets_a_plaintext_port_is_named() {
    let one = Authority::new("one").unwrap();
    let world = World::new().await;
    assert!(!may_call(&world, &one, None).await);
    refused(&world, "tls").await;
    world.end().await;
}

#[tokio::test]
async fn a_port_without_its_certificate_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent.sock").display().to_string();
    let server = ServerOptions { clients: mutual(&[]), permissive: false, timeout: Duration::from_secs(60) };
    let world = World::unconfigured(with(Source::WorkloadApi(socket.parse().unwrap()), server)).await;
    world.configure(CONFIG);
    world
        .until("/readyz", |status, text| {
            status == 503 && text.contains("certificates") && !text.contains("config")
        })
        .await;
    let one = Authority::new("one").unwrap();
    assert!(!may_call(&world, &one, None).await);
    refused(&world, "not_ready").await;
    world.end().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let one = Authority::new("one").unwrap();
    let check = async |name: &str, content: &str, part: &str| {
        let folder = Folder::new(&one);
        folder.write(name, content);
        let source = ConfigSource::fixed("the test", Content::default());
        let bound = Bound::bind(folder.options(mutual(&[]), false), Registry::default(), source).await;
        let error = bound.err().unwrap().to_string();
        assert!(
            error.contains("TLS of the gRPC port") && error.contains(name) && error.contains(part),
            "{error}"
        );
    };
    check("certificate", "", "holds no certificate").await;
    check("ca", "x", "holds no certificate").await;
    check("certificate", &one.issue(&["localhost"]).unwrap().chain, "do not make a pair").await;
}
