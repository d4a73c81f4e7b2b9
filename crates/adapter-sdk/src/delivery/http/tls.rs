//! TLS towards backends: whom to trust, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{HttpOptions, HttpOptionsError};

/// A certificate that a backend asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file of the certificate with everything up to the authority, PEM.
    pub certificate: PathBuf,
    /// The file of its private key, PEM.
    pub key: PathBuf,
}

pub(in crate::delivery) fn config(options: &HttpOptions) -> Result<ClientConfig, HttpOptionsError> {
    let roots = match &options.ca_file {
        Some(file) => roots_of(file)?,
        None => system_roots(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpOptionsError::Client(error.to_string()))?
        .with_root_certificates(roots);
    let Some(own) = &options.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|error| unusable(&own.key, error))?;
    let config = builder.with_client_auth_cert(certificates(&own.certificate)?, key);
    config.map_err(|error| unusable(&own.certificate, error))
}

fn roots_of(file: &Path) -> Result<RootCertStore, HttpOptionsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(file)? {
        roots.add(authority).map_err(|error| unusable(file, error))?;
    }
    Ok(roots)
}

/// What the system trusts. An image without authorities can still reach plaintext backends, so this is no error.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        tracing::warn!(
            "no authority is trusted: the system has no certificates, so no https backend can be reached; give a file of them"
        );
    }
    roots
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, HttpOptionsError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, error))?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(file, error))?;
    match certificates.is_empty() {
        true => Err(unusable(file, "it holds no certificate")),
        false => Ok(certificates),
    }
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> HttpOptionsError {
    HttpOptionsError::File { file: file.to_owned(), message: error.to_string() }
}
