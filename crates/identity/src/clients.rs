//! Which clients may connect: an authority that is trusted has signed their certificate, and it names one who is allowed.

use std::sync::Arc;

use mixer_peer_id::PeerId;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};

use crate::facts::Facts;
use crate::refused::{Reason, Refused, of_certificate, sentence, tell};
use crate::trust::{Choice, Trust, has_name, list};

/// Checks certificates of clients.
#[derive(Debug)]
pub(crate) struct Clients {
    verifiers: Choice<Arc<dyn ClientCertVerifier>>,
    allowed: Vec<PeerId>,
    expected: String,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl Clients {
    /// Lets pass clients of these authorities whose certificate has one of these names; any name when there is none.
    ///
    /// # Errors
    /// There is no authority.
    pub(crate) fn new(trust: &Trust, allowed: &[PeerId]) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let verifiers: Choice<Arc<dyn ClientCertVerifier>> = trust.try_map(|roots| {
            let built = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
            built.map(|built| built as Arc<dyn ClientCertVerifier>).map_err(|error| error.to_string())
        })?;
        if verifiers.first().is_none() {
            return Err("there is no authority that clients could have a certificate of".to_owned());
        }
        let names = match allowed.is_empty() {
            true => String::new(),
            false => format!(" with a name among [{}]", list(allowed)),
        };
        Ok(Self {
            verifiers,
            allowed: allowed.to_vec(),
            expected: trust.describe() + &names,
            hints: trust.subjects(),
            provider,
        })
    }

    fn refuse(&self, reason: Reason, facts: &Facts, why: &str, error: Error) -> Error {
        let expected = &self.expected;
        tell(Refused::new(reason, format!("the client showed {facts}: {why}; expected {expected}")));
        error
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let facts = Facts::of(end_entity).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let Some(verifier) = self.verifiers.for_peer(&facts) else {
            let error = Error::InvalidCertificate(CertificateError::UnknownIssuer);
            return Err(self.refuse(
                Reason::UnknownAuthority,
                &facts,
                "its trust domain is not known here",
                error,
            ));
        };
        let verified = match verifier.verify_client_cert(end_entity, intermediates, now) {
            Ok(verified) => verified,
            Err(Error::InvalidCertificate(fault)) => {
                let (reason, why) = (of_certificate(&fault), sentence(&fault));
                return Err(self.refuse(reason, &facts, &why, Error::InvalidCertificate(fault)));
            }
            Err(error) => return Err(error),
        };
        if self.allowed.is_empty() || has_name(&facts, &self.allowed) {
            return Ok(verified);
        }
        let error = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        Err(self.refuse(Reason::WrongId, &facts, "it is not among those who may connect", error))
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
