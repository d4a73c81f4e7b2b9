//! New Relic: the strict fake, behind TLS with a certificate of an authority that nobody else knows, at the names that New Relic has.

use std::sync::Arc;

use mixer_testkit::FakeNewRelic;
use mixer_testkit::pki::Authority;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names of the APIs in the US.
pub(crate) const HOSTS: [&str; 3] =
    ["metric-api.newrelic.com", "trace-api.newrelic.com", "log-api.newrelic.com"];

/// The key of the account.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef0123NRAL";

/// The fake and who vouches for it.
pub(crate) struct Backend {
    pub(crate) fake: FakeNewRelic,
    authority: Authority,
}

impl Backend {
    /// Takes connections at port 443 of every address.
    pub(crate) async fn start() -> Self {
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let authority = Authority::new("private").unwrap();
        let issued = authority.issue(&HOSTS).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.key_der));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![CertificateDer::from(issued.chain_der)], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("0.0.0.0:443").await.unwrap();
        let to = fake.address();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut outside = acceptor.accept(stream).await?;
                    let mut inside = TcpStream::connect(to).await?;
                    copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        Self { fake, authority }
    }

    /// The certificate to trust, PEM.
    pub(crate) fn authority(&self) -> String {
        self.authority.pem()
    }
}
