//! Where lines go.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The largest payload that is not cut into fragments on its way through an Ethernet.
const UDP_PAYLOAD: usize = 1432;
/// What daemons read at once from sockets of the same machine.
const LOCAL_PAYLOAD: usize = 8192;

/// Where a daemon takes lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineAddress {
    /// `host:port` or `udp://host:port`.
    Udp {
        /// Name or address; looked up again and again.
        host: String,
        /// The port.
        port: u16,
    },
    /// `tcp://host:port`.
    Tcp {
        /// Name or address; looked up for every connection.
        host: String,
        /// The port.
        port: u16,
    },
    /// `unixgram:///path`: a Unix socket that takes datagrams.
    UnixDatagram(PathBuf),
    /// `unixstream:///path`: a Unix socket that takes a stream, in which each payload has its length in front, four bytes
    /// with the least significant one first.
    UnixStream(PathBuf),
    /// `unix:///path`: the one or the other, as it turns out.
    Unix(PathBuf),
}

impl LineAddress {
    /// Reads an address whose port may be missing.
    ///
    /// # Errors
    ///
    /// The text is no address.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, ParseLineAddressError> {
        let wrong = || ParseLineAddressError(text.to_owned());
        let path = |path: &str| path.starts_with('/').then(|| PathBuf::from(path)).ok_or_else(wrong);
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "udp" => host_port(rest, default_port).map(|(host, port)| Self::Udp { host, port }),
                "tcp" => host_port(rest, default_port).map(|(host, port)| Self::Tcp { host, port }),
                "unixgram" => return path(rest).map(Self::UnixDatagram),
                "unixstream" => return path(rest).map(Self::UnixStream),
                "unix" => return path(rest).map(Self::Unix),
                _ => None,
            }
            .ok_or_else(wrong);
        }
        host_port(text, default_port).map(|(host, port)| Self::Udp { host, port }).ok_or_else(wrong)
    }

    /// The payload that suits the transport: 1432 bytes over UDP, else 8192.
    pub fn optimal_payload(&self) -> usize {
        match self {
            Self::Udp { .. } => UDP_PAYLOAD,
            _ => LOCAL_PAYLOAD,
        }
    }

    /// The largest payload that the transport takes at all.
    pub fn largest_payload(&self) -> usize {
        match self {
            // What IPv4 leaves of 65,535 bytes.
            Self::Udp { .. } => 65_507,
            _ => 1 << 20,
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::UnixDatagram(path) | Self::UnixStream(path) | Self::Unix(path) => Some(path),
            Self::Udp { .. } | Self::Tcp { .. } => None,
        }
    }
}

fn host_port(text: &str, default_port: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        // Colons inside of an IPv6 address are no port's.
        Some((host, port)) if !port.contains(']') && (!host.contains(':') || host.ends_with(']')) => {
            (host, port.parse().ok()?)
        }
        _ => (text, default_port?),
    };
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => host,
    };
    let fits =
        |letter: char| letter.is_ascii_graphic() && !matches!(letter, '/' | '@' | '[' | ']' | '?' | '#');
    if port == 0 || !host.chars().all(fits) {
        return None;
    }
    // As Go dials `:8125`.
    let host = if host.is_empty() { "localhost" } else { host };
    Some((host.to_owned(), port))
}

impl FromStr for LineAddress {
    type Err = ParseLineAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, None)
    }
}

impl fmt::Display for LineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host_port =
            |f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16| match host.contains(':') {
                true => write!(f, "{scheme}://[{host}]:{port}"),
                false => write!(f, "{scheme}://{host}:{port}"),
            };
        match self {
            Self::Udp { host, port } => host_port(f, "udp", host, *port),
            Self::Tcp { host, port } => host_port(f, "tcp", host, *port),
            Self::UnixDatagram(path) => write!(f, "unixgram://{}", path.display()),
            Self::UnixStream(path) => write!(f, "unixstream://{}", path.display()),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// Text that is no [`LineAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address; write host:port, udp://host:port, tcp://host:port, unixgram:///path, unixstream:///path or unix:///path"
)]
pub struct ParseLineAddressError(String);
