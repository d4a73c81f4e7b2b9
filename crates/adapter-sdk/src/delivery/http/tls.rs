//! TLS towards backends: whom to trust, and who we are.

use mixer_identity::{Authorities, Files, KeyPair, Material, RootCertStore, https};
use tokio_rustls::rustls::ClientConfig;

use super::{HttpOptions, HttpOptionsError};

/// A certificate that a backend asks for.
pub type ClientCertificate = KeyPair;

impl HttpOptions {
    /// The files that TLS is made of. An image without authorities can still reach plaintext backends, so that is no error.
    pub(in crate::delivery) fn files(&self) -> Files {
        let own = self.client_certificate.clone();
        let authorities = self.ca_file.clone().map_or(Authorities::System, Authorities::File);
        Files { own, authorities, every: self.reload_interval }
    }
}

/// TLS with the certificates of this moment.
pub(in crate::delivery) fn config(material: &Material) -> Result<ClientConfig, HttpOptionsError> {
    let roots = material.trust.everyone().cloned().unwrap_or_else(|| RootCertStore::empty().into());
    https(roots, material.own.as_ref()).map_err(HttpOptionsError::Client)
}
