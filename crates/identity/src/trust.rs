//! Whom a side believes: authorities, for everyone or for each trust domain, and who the peer has to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_peer_id::{PeerId, trust_domain};
use rustls_pki_types::CertificateDer;
use tokio_rustls::rustls::{DistinguishedName, RootCertStore};

use crate::facts::Facts;
use crate::material::certificates;

/// The authorities that are trusted.
pub type Trust = Choice<Arc<RootCertStore>>;

/// Something for every peer, or for the peers of each trust domain: an authority cannot speak for another domain.
#[derive(Clone, Debug)]
pub struct Choice<T> {
    any: Option<T>,
    domains: BTreeMap<String, T>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self { any: None, domains: BTreeMap::new() }
    }
}

impl<T> Choice<T> {
    /// What is meant for somebody with these names.
    pub(crate) fn for_peer(&self, peer: &Facts) -> Option<&T> {
        let of_domain = || {
            // A SPIFFE certificate has one URI, and that is the id.
            let [uri] = peer.uris.as_slice() else { return None };
            self.domains.get(trust_domain(uri)?)
        };
        self.any.as_ref().or_else(of_domain)
    }

    /// Anything of it: for what is the same for all.
    pub(crate) fn first(&self) -> Option<&T> {
        self.any.iter().chain(self.domains.values()).next()
    }

    /// The same choice among other things.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub(crate) fn try_map<U, E>(&self, make: impl Fn(&T) -> Result<U, E>) -> Result<Choice<U>, E> {
        let any = self.any.as_ref().map(&make).transpose()?;
        let domains = self.domains.iter().map(|(name, one)| Ok((name.clone(), make(one)?)));
        Ok(Choice { any, domains: domains.collect::<Result<_, E>>()? })
    }
}

impl Trust {
    /// Authorities for every peer.
    pub fn of_everyone(roots: RootCertStore) -> Self {
        Self { any: Some(Arc::new(roots)), domains: BTreeMap::new() }
    }

    /// Authorities of trust domains, each for its own peers.
    pub fn of_domains(domains: BTreeMap<String, RootCertStore>) -> Self {
        Self {
            any: None,
            domains: domains.into_iter().map(|(name, roots)| (name, Arc::new(roots))).collect(),
        }
    }

    /// The authorities for every peer; none when each trust domain has its own.
    pub fn everyone(&self) -> Option<&Arc<RootCertStore>> {
        self.any.as_ref()
    }

    /// What is trusted, for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.any {
            Some(roots) => format!("a certificate of one of the {} trusted authorities", roots.len()),
            None => {
                let domains: Vec<&str> = self.domains.keys().map(String::as_str).collect();
                format!("a certificate of the trust domains [{}]", domains.join(", "))
            }
        }
    }

    /// All authorities, for hints to peers.
    pub(crate) fn subjects(&self) -> Vec<DistinguishedName> {
        self.any.iter().chain(self.domains.values()).flat_map(|roots| roots.subjects()).collect()
    }
}

/// Whether a certificate has one of these names.
pub(crate) fn has_name(facts: &Facts, allowed: &[PeerId]) -> bool {
    let by_uri = facts.uris.iter().any(|uri| allowed.iter().any(|id| id.allows_uri(uri)));
    by_uri || facts.dns.iter().any(|name| allowed.iter().any(|id| id.allows_dns(name)))
}

/// Names as a message shows them.
pub(crate) fn list(allowed: &[PeerId]) -> String {
    allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A store of these certificates.
///
/// # Errors
/// One of them is no authority, or there is none; the text says which.
pub fn roots_of(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        roots
            .add(certificate)
            .map_err(|error| format!("certificate {} of it is no authority: {error}", index + 1))?;
    }
    match roots.is_empty() {
        true => Err("it holds no certificate".to_owned()),
        false => Ok(roots),
    }
}

/// A store of the certificates of a PEM text.
///
/// # Errors
/// As [`roots_of`].
pub fn roots_of_pem(pem: &[u8]) -> Result<RootCertStore, String> {
    roots_of(certificates(pem)?)
}

/// The authorities of the operating system. An image may have none: then nobody is trusted, and the log says so.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        tracing::warn!(
            "no authority is trusted: the system has no certificates; name a file of authorities where one can be named"
        );
    }
    roots
}
