//! Certificates as they are at one moment: our own with its key, and whom we trust.

use std::sync::Arc;
use std::time::SystemTime;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::facts::Facts;
use crate::trust::Trust;

/// Our own certificate and its key.
#[derive(Clone, Debug)]
pub struct Own {
    resolver: Arc<SingleCertAndKey>,
    facts: Arc<Facts>,
}

impl Own {
    /// A chain, from our own certificate on, with its key.
    ///
    /// # Errors
    /// Certificate and key do not belong together or cannot be used; the text says why.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, String> {
        let first = chain.first().ok_or("there is no certificate")?;
        let facts = Facts::of(first).ok_or("the certificate cannot be read")?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| format!("certificate and key do not make a pair: {error}"))?;
        Ok(Self { resolver: Arc::new(SingleCertAndKey::from(key)), facts: Arc::new(facts) })
    }

    /// The same from PEM.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain = certificates(chain).map_err(|error| format!("the certificate: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("the private key: {error}"))?;
        Self::new(chain, key)
    }

    /// What the certificate says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        self.resolver.clone()
    }
}

/// Certificates of one moment.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// Our own, when a side needs one.
    pub own: Option<Own>,
    /// Whom we trust, when a side asks.
    pub trust: Trust,
}

impl Material {
    /// What we show, for messages.
    pub fn shown(&self) -> String {
        self.own.as_ref().map_or_else(|| "no certificate".to_owned(), |own| own.facts.to_string())
    }

    /// Until when our own certificate is valid, in seconds since 1970.
    pub fn not_after(&self) -> Option<i64> {
        self.own.as_ref().map(|own| own.facts.not_after)
    }

    /// Whether our own certificate is out of date, so that peers will refuse it.
    pub fn is_out_of_date(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.facts.is_out_of_date(SystemTime::now()))
    }
}

/// The certificates of a PEM text, at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| error.to_string())?;
    if read.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(read)
}
