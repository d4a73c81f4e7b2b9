//! The address of a gRPC adapter, as the gRPC naming document and Go's client write it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The port of a `dns:` name without one.
const DNS_PORT: u16 = 443;

/// Where an adapter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A name: every address that it resolves to serves.
    Name {
        /// Host name.
        host: String,
        /// Port.
        port: u16,
    },
    /// Fixed addresses.
    Addresses(Vec<SocketAddr>),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection.address {address:?}: {problem}")]
pub(crate) struct InvalidAddress {
    address: String,
    problem: &'static str,
}

impl Target {
    /// Reads `host:port`, `[v6]:port`, `dns:host:port`, `dns:///host:port`, `passthrough:///host:port`,
    /// `ipv4:a:p,b:p`, `ipv6:[a]:p`, `unix:path` and `unix:///path`.
    ///
    /// # Errors
    /// The text is none of these.
    pub(crate) fn parse(address: &str) -> Result<Self, InvalidAddress> {
        Self::parse_text(address.trim())
            .map_err(|problem| InvalidAddress { address: address.to_owned(), problem })
    }

    fn parse_text(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme @ ("dns" | "passthrough" | "unix" | "ipv4" | "ipv6"), rest)) => (scheme, rest),
            Some(("http" | "https", rest)) if rest.starts_with("//") => {
                return Err("is a URL; write host:port");
            }
            _ => ("", text),
        };
        match scheme {
            // A path is all that follows; an authority has no meaning here.
            "unix" => unix(rest),
            "ipv4" | "ipv6" => {
                let addresses: Result<Vec<SocketAddr>, _> =
                    rest.split(',').map(|one| one.trim().parse()).collect();
                addresses.map(Self::Addresses).map_err(|_| "wants addresses with ports, separated by commas")
            }
            "dns" => {
                let endpoint = endpoint_of(rest)?;
                host_port(endpoint).or_else(|problem| match endpoint {
                    host if !host.is_empty() && !host.contains(':') => {
                        Ok(Self::Name { host: host.to_owned(), port: DNS_PORT })
                    }
                    _ => Err(problem),
                })
            }
            "passthrough" => host_port(endpoint_of(rest)?),
            _ => host_port(text),
        }
    }

    /// The host that a certificate is for, when nothing else is said.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Name { host, .. } => host.clone(),
            Self::Addresses(addresses) => {
                addresses.first().map_or_else(String::new, |one| one.ip().to_string())
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// What goes into the `:authority` header: the address as written, without the scheme.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Name { host, port } => format!("{host}:{port}"),
            Self::Addresses(addresses) => addresses.first().map_or_else(String::new, SocketAddr::to_string),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

/// What follows `//authority/`; the authority (a DNS server in the gRPC document) is not used.
fn endpoint_of(rest: &str) -> Result<&str, &'static str> {
    match rest.strip_prefix("//") {
        None => Ok(rest),
        Some(rest) => rest.split_once('/').map(|(_, endpoint)| endpoint).ok_or("wants three slashes"),
    }
}

fn unix(rest: &str) -> Result<Target, &'static str> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || (rest.starts_with("//") && !path.starts_with('/')) {
        return Err("wants a path: unix:///run/adapter.sock");
    }
    Ok(Target::Unix(PathBuf::from(path)))
}

fn host_port(text: &str) -> Result<Target, &'static str> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Target::Addresses(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').ok_or("has no port; write host:port")?;
    let port = port.parse().map_err(|_| "the port is not a number below 65536")?;
    let name = host.trim_matches(['[', ']']);
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(Target::Addresses(vec![SocketAddr::new(ip, port)]));
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err("the host is neither a name nor an IP address");
    }
    Ok(Target::Name { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests;
