//! Who a peer may be: SPIFFE ids, trust domains and DNS names, as flags and handlers write them. Pure, so that configuration
//! is checked by the same code that looks at certificates.

use std::fmt;
use std::str::FromStr;

/// The scheme of SPIFFE ids.
const SPIFFE: &str = "spiffe://";

/// A peer that is allowed, by a name in its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerId {
    /// A URI of the certificate, such as a SPIFFE id.
    Uri(String),
    /// The start of a URI, written with `*` at the end.
    UriPrefix(String),
    /// Every SPIFFE id of a trust domain, written `spiffe://cluster.local` or `spiffe://cluster.local/*`.
    TrustDomain(String),
    /// A DNS name of the certificate.
    Dns(String),
    /// What a DNS name ends with, written `*.example.com`: with the dot.
    DnsSuffix(String),
}

/// A text that names no peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither a SPIFFE id such as spiffe://cluster.local/ns/mixer/sa/mixer, nor a trust domain such as \
     spiffe://cluster.local, nor a DNS name"
)]
pub struct ParsePeerIdError(String);

impl PeerId {
    /// Whether a URI of a certificate is this peer's.
    pub fn allows_uri(&self, uri: &str) -> bool {
        match self {
            Self::Uri(id) => id == uri,
            Self::UriPrefix(prefix) => uri.starts_with(prefix.as_str()),
            Self::TrustDomain(domain) => trust_domain(uri) == Some(domain),
            Self::Dns(_) | Self::DnsSuffix(_) => false,
        }
    }

    /// Whether a DNS name of a certificate is this peer's. A wildcard name of a certificate is no more than a text.
    pub fn allows_dns(&self, name: &str) -> bool {
        match self {
            Self::Dns(id) => id.eq_ignore_ascii_case(name),
            Self::DnsSuffix(suffix) => {
                let start = name.len().checked_sub(suffix.len());
                // At least one character stands before the dot.
                let end = start.filter(|start| *start > 0).and_then(|start| name.get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
            Self::Uri(_) | Self::UriPrefix(_) | Self::TrustDomain(_) => false,
        }
    }
}

/// The trust domain of a SPIFFE id; none when the URI is not one.
pub fn trust_domain(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix(SPIFFE)?;
    let domain = rest.split('/').next().unwrap_or(rest);
    (!domain.is_empty()).then_some(domain)
}

impl FromStr for PeerId {
    type Err = ParsePeerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePeerIdError(text.to_owned());
        match text.split_once("://") {
            Some((_, rest)) => uri(text, rest).ok_or_else(error),
            None => dns(text).ok_or_else(error),
        }
    }
}

/// A URI whose part after the scheme is `rest`.
fn uri(text: &str, rest: &str) -> Option<PeerId> {
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(start, path)| (start, Some(path)));
    // A star in the authority, or a bare start of one, would let in trust domains of strangers.
    if authority.is_empty() || authority.contains('*') || text.contains(char::is_whitespace) {
        return None;
    }
    let is_spiffe = text.starts_with(SPIFFE);
    match path {
        None | Some("" | "*") if is_spiffe => Some(PeerId::TrustDomain(authority.to_owned())),
        None => Some(PeerId::Uri(text.to_owned())),
        Some(path) => match path.strip_suffix('*') {
            Some(start) if start.contains('*') => None,
            Some(_) => text.strip_suffix('*').map(|prefix| PeerId::UriPrefix(prefix.to_owned())),
            None if path.contains('*') => None,
            None => Some(PeerId::Uri(text.to_owned())),
        },
    }
}

fn dns(text: &str) -> Option<PeerId> {
    let (name, wildcard) = match text.strip_prefix('*') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    match (is_name && name.len() > 1, wildcard) {
        (true, true) if name.starts_with('.') => Some(PeerId::DnsSuffix(name.to_owned())),
        (true, false) if !name.starts_with('.') => Some(PeerId::Dns(name.to_owned())),
        _ => None,
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(id) | Self::Dns(id) => f.write_str(id),
            Self::UriPrefix(prefix) => write!(f, "{prefix}*"),
            Self::TrustDomain(domain) => write!(f, "{SPIFFE}{domain}"),
            Self::DnsSuffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests;
