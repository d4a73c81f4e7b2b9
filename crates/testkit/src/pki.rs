//! Authorities and certificates for tests of TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

/// An authority that signs whatever it is asked to.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate, PEM.
    pub chain: String,
    /// Its private key, PEM.
    pub key: String,
    /// The certificate, DER.
    pub chain_der: Vec<u8>,
    /// Its private key, PKCS #8 DER.
    pub key_der: Vec<u8>,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validity {
    /// Always.
    #[default]
    Now,
    /// Until 2020.
    Past,
    /// From 4000 on.
    Future,
}

impl Authority {
    /// A new one of this name.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = common_name(name);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate, DER.
    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A certificate with these names: URIs (`spiffe://…`), host names and addresses.
    ///
    /// # Errors
    /// A name is none, or the certificate cannot be made.
    pub fn issue(&self, names: &[&str]) -> Result<Issued, rcgen::Error> {
        self.issue_for(names, Validity::Now)
    }

    /// TLS of a server at `localhost` with a certificate of this authority, which asks clients for one of another if there is
    /// one.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn acceptor(&self, clients: Option<&Self>) -> std::io::Result<TlsAcceptor> {
        fn failed(error: impl std::error::Error + Send + Sync + 'static) -> std::io::Error {
            std::io::Error::other(error)
        }
        let Issued { chain_der, key_der, .. } = self.issue(&["localhost"]).map_err(failed)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.der().into()).map_err(failed)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(failed)?)
            }
        };
        let key = PrivatePkcs8KeyDer::from(key_der).into();
        let config = builder.with_single_cert(vec![chain_der.into()], key).map_err(failed)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The same, valid at another time.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn issue_for(&self, names: &[&str], validity: Validity) -> Result<Issued, rcgen::Error> {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let mut params = CertificateParams::new(hosts.into_iter().map(str::to_owned).collect::<Vec<_>>())?;
        params.distinguished_name = DistinguishedName::new();
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        match validity {
            Validity::Now => {}
            Validity::Past => params.not_after = rcgen::date_time_ymd(2020, 1, 1),
            Validity::Future => params.not_before = rcgen::date_time_ymd(4000, 1, 1),
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Issued {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            chain_der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        })
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
