//! A certificate that changes on disk is used without a restart and without a call that is lost; who has the wrong SPIFFE id, or a
//! certificate that has expired, is refused.

use std::path::PathBuf;
use std::sync::Arc;

use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_testkit::FakeNewRelic;
use mixer_testkit::pki::{Authority, Issued, Validity};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

use crate::program::{PATIENCE, Program, request};
use crate::support::{KEY, key_file, params};

const MIXER: &str = "spiffe://cluster.local/ns/istio-system/sa/mixer";
const ADAPTER: &str = "spiffe://cluster.local/ns/mixer-system/sa/newrelic";

/// The adapter with certificates, and New Relic behind it.
struct Secured {
    authority: Authority,
    directory: tempfile::TempDir,
    fake: FakeNewRelic,
    params: Json,
    program: Program,
}

impl Secured {
    async fn start() -> Self {
        let (authority, directory) = (Authority::new("mesh").unwrap(), tempfile::tempdir().unwrap());
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY)}));
        let path = |name: &str| directory.path().join(name);
        let flag = |flag: &str, path: PathBuf| format!("{flag}={}", path.display());
        std::fs::write(path("ca"), authority.pem()).unwrap();
        show(&directory, &own(&authority));
        let flags = [
            flag("--tlsCertificate", path("certificate")),
            flag("--tlsKey", path("key")),
            flag("--tlsClientCa", path("ca")),
            format!("--tlsAllowedClient={MIXER}"),
            "--reloadInterval=50ms".to_owned(),
        ];
        let program = Program::start(&flags.each_ref().map(String::as_str), &[]).await;
        Self { authority, directory, fake, params, program }
    }

    /// Waits until the metrics of the process say so.
    async fn until(&self, line: &str) {
        let said = async { while !self.program.get("/metrics").await.contains(line) {} };
        tokio::time::timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("nobody says {line:?}"));
    }

    /// The certificate that a new connection is shown, DER.
    async fn shown(&self) -> Vec<u8> {
        let mixer = self.authority.issue(&[MIXER]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().into()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![mixer.chain_der.into()], mixer.key_der.try_into().unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(&self.program.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

/// A certificate of the adapter.
fn own(authority: &Authority) -> Issued {
    authority.issue(&["localhost", ADAPTER]).unwrap()
}

/// Puts a certificate where the adapter looks for it.
fn show(directory: &tempfile::TempDir, own: &Issued) {
    std::fs::write(directory.path().join("key"), &own.key).unwrap();
    std::fs::write(directory.path().join("certificate"), &own.chain).unwrap();
}

/// A connection of a client with this certificate.
async fn dial(address: &str, ca: &str, client: &Issued) -> Result<HandleMetricServiceClient<Channel>, Error> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca))
        .domain_name("localhost")
        .identity(Identity::from_pem(&client.chain, &client.key));
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls)?;
    Ok(HandleMetricServiceClient::new(endpoint.connect().await?))
}

/// Calls of a sample each, one after the other, until told to stop: over one connection, or each over a new one. How many there
/// were; not one may fail.
async fn calling(
    secured: &Secured,
    each_anew: bool,
    count: watch::Sender<u32>,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = u32> + use<> {
    let (address, ca) = (secured.program.address.clone(), secured.authority.pem());
    let mixer = secured.authority.issue(&[MIXER]).unwrap();
    let call = request(&secured.params, 1, &[]);
    let mut client = dial(&address, &ca, &mixer).await.unwrap();
    async move {
        while !*stop.borrow_and_update() {
            if each_anew {
                client = dial(&address, &ca, &mixer).await.unwrap();
            }
            client.handle_metric(call.clone()).await.unwrap();
            count.send_modify(|count| *count += 1);
        }
        *count.borrow()
    }
}

/// Waits for so many calls more, which come as long as none failed.
async fn go_on(count: &mut watch::Receiver<u32>, more: u32) {
    let wanted = *count.borrow() + more;
    let going_on = count.wait_for(|count| *count >= wanted);
    tokio::time::timeout(PATIENCE, going_on).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_used_without_restart_and_no_call_is_lost() {
    let secured = Secured::start().await;
    let (stop, stopped) = watch::channel(false);
    let (mut counts, mut callers) = (Vec::new(), Vec::new());
    for each_anew in [false, true] {
        let (sender, count) = watch::channel(0);
        let calls = calling(&secured, each_anew, sender, stopped.clone()).await;
        counts.push(count);
        callers.push(tokio::spawn(calls));
    }
    let before = secured.shown().await;
    for round in 1..=3 {
        for count in &mut counts {
            go_on(count, 3).await;
        }
        let next = own(&secured.authority);
        show(&secured.directory, &next);
        // Key and certificate are two files: a look between the two may fail, and changes nothing.
        secured
            .until(&format!("mixer_adapter_file_reloads_total{{file=\"tls\",result=\"ok\"}} {round}"))
            .await;
        assert_eq!(secured.shown().await, next.chain_der, "round {round}");
        assert_ne!(before, next.chain_der);
        for count in &mut counts {
            go_on(count, 3).await;
        }
    }
    stop.send(true).unwrap();
    let mut calls = 0;
    for caller in callers {
        calls += tokio::time::timeout(PATIENCE, caller).await.unwrap().unwrap();
    }
    let Secured { fake, program, .. } = secured;
    program.stop().await;
    let seen = fake.seen();
    let total: f64 = seen.metrics.iter().map(|metric| metric["value"].as_f64().unwrap()).sum();
    assert_eq!((total, seen.faults.len()), (f64::from(calls), 0));
}

/// A client is refused, counted, and told of with what it has shown; the right one is served as before.
async fn refused(names: &[&str], validity: Validity, texts: &[&str]) {
    let mut secured = Secured::start().await;
    let ca = secured.authority.pem();
    let address = secured.program.address.clone();
    let call = async |client: &Issued| match dial(&address, &ca, client).await {
        // With TLS 1.3 a client learns only from the first answer that it was refused.
        Ok(mut client) => client.handle_metric(request(&secured.params, 1, &[])).await.is_ok(),
        Err(_) => false,
    };
    let right = secured.authority.issue(&[MIXER]).unwrap();
    let wrong = secured.authority.issue_for(names, validity).unwrap();
    assert!(call(&right).await);
    assert!(!call(&wrong).await, "{names:?} {validity:?}");
    let line = secured.program.line("a connection was refused").await;
    assert_eq!(line["reason"], "tls_handshake", "{line}");
    let detail = line["detail"].as_str().unwrap();
    assert!(texts.iter().all(|text| detail.contains(text)), "{detail}");
    // A client that was refused may try again by itself.
    secured.until("mixer_adapter_refused_total{reason=\"tls_handshake\"}").await;
    assert!(call(&right).await);
    secured.program.stop().await;
    let total: f64 = secured.fake.seen().metrics.iter().map(|metric| metric["value"].as_f64().unwrap()).sum();
    assert_eq!(total, 2.0, "nothing came of the call that was refused");
}

#[tokio::test]
async fn a_client_with_the_wrong_spiffe_id_is_refused() {
    let other = "spiffe://cluster.local/ns/default/sa/mixer";
    refused(&[other], Validity::Now, &["wrong_id", other, MIXER]).await;
}

#[tokio::test]
async fn a_client_whose_certificate_has_expired_is_refused() {
    refused(&[MIXER], Validity::Past, &["expired", MIXER]).await;
}
