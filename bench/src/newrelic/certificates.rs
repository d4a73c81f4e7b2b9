//! The authority that the adapter is told to trust, and the certificate of the backend; both are replaced at once.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A new authority, whose certificate goes to the file, and the TLS of a server that it vouches for.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn renew(ca_file: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Whole or not at all, as a mounted secret is replaced.
    let next = ca_file.with_extension("next");
    std::fs::write(&next, authority.pem())?;
    std::fs::rename(&next, ca_file).with_context(|| format!("cannot write {}", ca_file.display()))?;
    Ok(Arc::new(config))
}
