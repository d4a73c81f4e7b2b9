//! Which clients may connect: names in the certificate that an authority has signed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};

use super::Verifier;

/// A client that may call: a SPIFFE id or another URI, or a DNS name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// A URI of the certificate, such as a SPIFFE id.
    Uri(String),
    /// The start of a URI, written with `*` at the end.
    UriPrefix(String),
    /// A DNS name of the certificate.
    Dns(String),
    /// What a DNS name ends with, written `*.example.com`: with the dot.
    DnsSuffix(String),
}

/// A text that names no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a SPIFFE id such as spiffe://cluster.local/ns/mixer/sa/mixer nor a DNS name")]
pub struct ParseClientIdError(String);

impl ClientId {
    fn allows_uri(&self, uri: &str) -> bool {
        match self {
            Self::Uri(id) => id == uri,
            Self::UriPrefix(prefix) => uri.starts_with(prefix.as_str()),
            Self::Dns(_) | Self::DnsSuffix(_) => false,
        }
    }

    fn allows_dns(&self, name: &str) -> bool {
        match self {
            Self::Dns(id) => id.eq_ignore_ascii_case(name),
            Self::DnsSuffix(suffix) => {
                let start = name.len().checked_sub(suffix.len());
                // At least one character stands before the dot.
                let end = start.filter(|start| *start > 0).and_then(|start| name.get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
            Self::Uri(_) | Self::UriPrefix(_) => false,
        }
    }
}

impl FromStr for ClientId {
    type Err = ParseClientIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || Err(ParseClientIdError(text.to_owned()));
        if text.contains("://") {
            return match text.strip_suffix('*') {
                // A bare start would let in every trust domain.
                Some(prefix) if prefix.ends_with("://") || prefix.contains('*') => error(),
                Some(prefix) => Ok(Self::UriPrefix(prefix.to_owned())),
                None if text.contains('*') => error(),
                None => Ok(Self::Uri(text.to_owned())),
            };
        }
        let (name, wildcard) = match text.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        match (is_name && name.len() > 1, wildcard) {
            (true, true) if name.starts_with('.') => Ok(Self::DnsSuffix(name.to_owned())),
            (true, false) if !name.starts_with('.') => Ok(Self::Dns(name.to_owned())),
            _ => error(),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(id) | Self::Dns(id) => f.write_str(id),
            Self::UriPrefix(prefix) => write!(f, "{prefix}*"),
            Self::DnsSuffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

/// Lets pass only clients that are named; everyone when none is.
pub(super) fn allow(verifier: Verifier, allowed: &[ClientId]) -> Verifier {
    match allowed.is_empty() {
        true => verifier,
        false => Arc::new(Allowed { verifier, allowed: allowed.to_vec() }),
    }
}

/// Checks the names of a certificate beside everything else.
#[derive(Debug)]
struct Allowed {
    verifier: Verifier,
    allowed: Vec<ClientId>,
}

impl Allowed {
    fn is_allowed(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let parsed = webpki::EndEntityCert::try_from(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let by_uri = parsed.valid_uri_names().any(|uri| self.allowed.iter().any(|id| id.allows_uri(uri)));
        Ok(by_uri || parsed.valid_dns_names().any(|name| self.allowed.iter().any(|id| id.allows_dns(name))))
    }
}

impl ClientCertVerifier for Allowed {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        match self.is_allowed(end_entity)? {
            true => Ok(verified),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
