//! TLS and tokens: how the suite gets to an adapter that does not let everyone in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::target::TargetError;

/// The files of TLS, as a caller of the adapter has them.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Certificates of the authorities of which the adapter's certificate has to be, PEM.
    pub ca: PathBuf,
    /// The caller's certificate with everything up to the authority, and its private key, PEM: mutual TLS.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What the adapter's certificate has to name when it is not the host of the address: a DNS name, or a SPIFFE id
    /// (`spiffe://cluster.local/ns/istio-system/sa/adapter`), as certificates of a mesh have nothing else.
    pub server_name: Option<String>,
}

/// Where a call carries a token: the `authHeader` or the `customHeader` of Mixer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenHeader {
    /// `authorization: TOKEN`.
    #[default]
    Plain,
    /// `authorization: Bearer TOKEN`.
    Bearer,
    /// The token alone in a header of this name.
    Custom(HeaderName),
}

/// Ready to connect.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    /// The same without the caller's certificate; none when it has no certificate.
    pub(crate) anonymous: Option<Arc<ClientConfig>>,
    pub(crate) name: ServerName<'static>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn read(files: &TlsFiles, host: &str) -> Result<Self, TargetError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(&files.ca)? {
            roots.add(authority).map_err(|error| unusable(&files.ca, &error))?;
        }
        let provider = Arc::new(ring::default_provider());
        let spiffe = files.server_name.as_deref().filter(|name| name.contains("://"));
        let name = files.server_name.as_deref().filter(|_| spiffe.is_none()).unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| TargetError::new(format!("{name} is no name of a server: {error}")))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let verifier = verifier.map_err(|error| unusable(&files.ca, &error))?;
        let verifier: Arc<dyn ServerCertVerifier> = match spiffe {
            Some(id) => Arc::new(ById { id: id.to_owned(), verifier }),
            None => verifier,
        };
        let anonymous = config(&provider, &verifier, None)?;
        let Some((certificate, key)) = &files.identity else {
            return Ok(Self { config: anonymous, anonymous: None, name });
        };
        let config = config(&provider, &verifier, Some((certificate, key)))?;
        Ok(Self { config, anonymous: Some(anonymous), name })
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    verifier: &Arc<dyn ServerCertVerifier>,
    identity: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, TargetError> {
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TargetError::new(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone());
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| unusable(certificate, &error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TargetError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, &error))?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(file, &error))?;
    match certificates.is_empty() {
        true => Err(unusable(file, &"it holds no certificate")),
        false => Ok(certificates),
    }
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> TargetError {
    TargetError::new(format!("{} cannot be used for TLS: {error}", file.display()))
}

/// The header of a token.
pub(crate) fn token_header(token: &str, header: &TokenHeader) -> Result<HeaderMap, TargetError> {
    let token = token.trim();
    if token.is_empty() {
        return Err(TargetError::new("the token is empty"));
    }
    let (name, text) = match header {
        TokenHeader::Plain => (AUTHORIZATION, token.to_owned()),
        TokenHeader::Bearer => (AUTHORIZATION, format!("Bearer {token}")),
        TokenHeader::Custom(name) => (name.clone(), token.to_owned()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| TargetError::new("the token has characters that no header may hold"))?;
    value.set_sensitive(true);
    Ok([(name, value)].into_iter().collect())
}

/// Accepts a certificate of the authorities that holds a URI, whatever host it is for.
#[derive(Debug)]
struct ById {
    id: String,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for ById {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at behind everything else.
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(error) => return Err(error),
        }
        let parsed = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let found: Vec<&str> = parsed.valid_uri_names().collect();
        match found.contains(&self.id.as_str()) {
            true => Ok(ServerCertVerified::assertion()),
            false => {
                Err(Error::General(format!("its certificate is for {found:?}, and not for {}", self.id)))
            }
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
