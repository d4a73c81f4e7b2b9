//! Which server is the right one: an authority that is trusted has signed its certificate, and it has the name that was
//! asked for.

use std::sync::Arc;

use mixer_peer_id::PeerId;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::facts::Facts;
use crate::material::Material;
use crate::refused::{Reason, Refused, of_certificate, sentence, tell};
use crate::trust::{Trust, has_name, list};

/// Who the server has to be, besides known to an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these names is in its certificate.
    Ids(Vec<PeerId>),
    /// Its certificate is for this host.
    Host(ServerName<'static>),
    /// It has a URI that our own certificate has too: it runs under the same identity.
    OwnId,
    /// It has a URI that our own certificate has too; when ours has none, its certificate is for this host.
    OwnIdOrHost(ServerName<'static>),
    /// Anybody whom the authorities know.
    Anybody,
}

/// Checks certificates of servers.
#[derive(Debug)]
pub(crate) struct Servers {
    trust: Trust,
    expected: Expected,
    provider: Arc<CryptoProvider>,
}

impl Servers {
    /// What `expected` means for our own certificate of this moment.
    pub(crate) fn new(material: &Material, expected: &Expected) -> Self {
        let own_ids = || {
            let uris = material.own.iter().flat_map(|own| &own.facts().uris);
            Expected::Ids(uris.map(|uri| PeerId::Uri(uri.clone())).collect())
        };
        let has_uri = material.own.as_ref().is_some_and(|own| !own.facts().uris.is_empty());
        let expected = match expected {
            Expected::OwnId => own_ids(),
            Expected::OwnIdOrHost(_) if has_uri => own_ids(),
            Expected::OwnIdOrHost(host) => Expected::Host(host.clone()),
            other => other.clone(),
        };
        Self { trust: material.trust.clone(), expected, provider: Arc::new(ring::default_provider()) }
    }

    fn describe(&self) -> String {
        let trust = self.trust.describe();
        match &self.expected {
            Expected::Ids(ids) => format!("{trust} with a name among [{}]", list(ids)),
            Expected::Host(host) | Expected::OwnIdOrHost(host) => {
                format!("{trust} for the host {}", host.to_str())
            }
            Expected::OwnId | Expected::Anybody => trust,
        }
    }

    fn check(
        &self,
        parsed: &ParsedCertificate<'_>,
        facts: &Facts,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let roots = self.trust.for_peer(facts).ok_or(CertificateError::UnknownIssuer)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let signed = verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, algorithms);
        signed.map_err(fault)?;
        match &self.expected {
            Expected::Ids(ids) if has_name(facts, ids) => Ok(()),
            Expected::Ids(_) => Err(CertificateError::ApplicationVerificationFailure),
            Expected::Host(host) | Expected::OwnIdOrHost(host) => {
                verify_server_name(parsed, host).map_err(fault)
            }
            Expected::OwnId | Expected::Anybody => Ok(()),
        }
    }
}

fn fault(error: Error) -> CertificateError {
    match error {
        Error::InvalidCertificate(fault) => fault,
        _ => CertificateError::BadEncoding,
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unreadable = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let parsed = ParsedCertificate::try_from(end_entity).map_err(|_| unreadable())?;
        let facts = Facts::of(end_entity).ok_or_else(unreadable)?;
        let checked = self.check(&parsed, &facts, intermediates, now);
        checked.map(|()| ServerCertVerified::assertion()).map_err(|fault| {
            let (reason, expected) = (of_certificate(&fault), self.describe());
            let why = match reason {
                Reason::WrongId => "it is not the one that is expected".to_owned(),
                _ => sentence(&fault),
            };
            tell(Refused::new(reason, format!("the server showed {facts}: {why}; expected {expected}")));
            Error::InvalidCertificate(fault)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
