//! Where to listen: what an address says, and binding it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A port on all interfaces, IPv6 and IPv4.
    AnyHost(u16),
    /// `host:port`, where the host is an address or a name.
    Tcp(String),
    /// A socket file.
    Unix(PathBuf),
}

/// A text that names no place to listen at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("address {0:?} is none of :port, host:port and unix:///path")]
pub struct ParseListenAddressError(String);

impl FromStr for ListenAddress {
    type Err = ParseListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseListenAddressError(text.to_owned());
        let rest = match text.split_once("://") {
            Some(("unix", "")) => return Err(error()),
            Some(("unix", path)) => return Ok(Self::Unix(path.into())),
            Some(("tcp", rest)) => rest,
            Some(_) => return Err(error()),
            None => text,
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(error)?;
        let port = port.parse().map_err(|_| error())?;
        match host {
            "" | "*" | "[::]" => Ok(Self::AnyHost(port)),
            _ => Ok(Self::Tcp(rest.to_owned())),
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V6(ip) if ip.is_unspecified() => Self::AnyHost(address.port()),
            _ => Self::Tcp(address.to_string()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyHost(port) => write!(f, ":{port}"),
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// A socket could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for {purpose} on {address}: {source}; {}", advice(source))]
pub struct BindError {
    /// What the socket is for, such as `gRPC`.
    pub purpose: &'static str,
    /// Where.
    pub address: ListenAddress,
    /// Why not.
    pub source: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "stop the process that holds it or choose another address",
        io::ErrorKind::PermissionDenied => {
            "choose a port above 1023, or a directory that this user may write"
        }
        _ => "check the address",
    }
}

/// A bound socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Removes the socket file when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the socket file was not removed");
        }
    }
}

impl ListenAddress {
    /// Binds the address. A socket file that nobody listens on is replaced.
    pub(crate) async fn bind(&self, purpose: &'static str) -> Result<Listener, BindError> {
        let bound = match self {
            Self::AnyHost(port) => any_host(*port).await.map(Listener::Tcp),
            Self::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Self::Unix(path) => {
                unix(path).await.map(|listener| Listener::Unix(listener, SocketFile(path.clone())))
            }
        };
        bound.map_err(|source| BindError { purpose, address: self.clone(), source })
    }

    /// Binds the address, which has to be a port.
    pub(crate) async fn bind_tcp(&self, purpose: &'static str) -> Result<TcpListener, BindError> {
        match self.bind(purpose).await? {
            Listener::Tcp(listener) => Ok(listener),
            Listener::Unix(..) => {
                let source = io::Error::new(io::ErrorKind::Unsupported, "HTTP is served on a port only");
                Err(BindError { purpose, address: self.clone(), source })
            }
        }
    }
}

/// A socket of IPv6 takes IPv4 connections too; without IPv6 in the kernel, one of IPv4 has to do.
async fn any_host(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

async fn unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            // Left behind by a process that was killed: nobody answers.
            match UnixStream::connect(path).await {
                Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                _ => Err(error),
            }
        }
        bound => bound,
    }
}
