//! Listening sockets: what an address says, and binding it. For the server and for adapters, whose flags are alike.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

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
#[error("address {0:?} is none of :port, host:port, tcp://host:port and unix:///path")]
pub struct ParseListenAddressError(String);

impl FromStr for ListenAddress {
    type Err = ParseListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseListenAddressError(text.to_owned());
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "tcp" | "tcp4" | "tcp6" => {
                let (host, port) = rest.rsplit_once(':').ok_or_else(error)?;
                let port: u16 = port.parse().map_err(|_| error())?;
                match host {
                    "" | "*" | "[::]" => Ok(Self::AnyHost(port)),
                    _ => Ok(Self::Tcp(rest.to_owned())),
                }
            }
            "unix" if !rest.is_empty() => Ok(Self::Unix(rest.into())),
            _ => Err(error()),
        }
    }
}

impl ListenAddress {
    /// How a client on the same host reaches it.
    pub fn for_local_client(&self) -> String {
        match self {
            Self::AnyHost(port) => format!("localhost:{port}"),
            Self::Unix(_) => self.to_string(),
            Self::Tcp(address) => match address.parse::<SocketAddr>() {
                Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
                _ => address.clone(),
            },
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
#[error("cannot listen for {purpose} on {address}: {source}; {advice}", advice = advice(source))]
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
        io::ErrorKind::AddrInUse => "stop the process that holds it or choose another",
        io::ErrorKind::PermissionDenied => {
            "choose a port above 1023, or a directory that this user may write"
        }
        _ => "check the address",
    }
}

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A socket file, which is removed in the end.
    Unix(UnixListener, SocketFile),
}

/// Removes the socket file when it is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "socket file was not removed");
        }
    }
}

impl ListenAddress {
    /// Binds the address. A socket file that nobody listens on is replaced. `purpose` is for error texts, such as
    /// `gRPC`.
    ///
    /// # Errors
    /// The address cannot be resolved or bound, or the path is there and is in use or no socket.
    pub async fn bind(&self, purpose: &'static str) -> Result<Listener, BindError> {
        let bound = match self {
            Self::AnyHost(port) => any_host(*port).map(Listener::Tcp),
            Self::Tcp(host_port) => TcpListener::bind(host_port).await.map(Listener::Tcp),
            Self::Unix(path) => unix(path).await,
        };
        bound.map_err(|source| BindError { purpose, address: self.clone(), source })
    }

    /// Binds the address, which has to be a port.
    ///
    /// # Errors
    /// As [`Self::bind`], or it is a socket file.
    pub async fn bind_tcp(&self, purpose: &'static str) -> Result<TcpListener, BindError> {
        match self.bind(purpose).await? {
            Listener::Tcp(listener) => Ok(listener),
            Listener::Unix(..) => {
                let source = io::Error::new(io::ErrorKind::Unsupported, "HTTP is served on a port only");
                Err(BindError { purpose, address: self.clone(), source })
            }
        }
    }
}

impl Listener {
    /// The address that was really bound: a port of 0 has become a number.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_address(&self) -> io::Result<ListenAddress> {
        Ok(match self {
            Self::Tcp(listener) => ListenAddress::Tcp(listener.local_addr()?.to_string()),
            Self::Unix(_, file) => ListenAddress::Unix(file.0.clone()),
        })
    }
}

fn any_host(port: u16) -> io::Result<TcpListener> {
    let v6 = SocketAddr::from((IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
    let v4 = SocketAddr::from((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    match listen(v6) {
        // A kernel without IPv6.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => listen(v4),
        result => result,
    }
}

/// A socket of IPv6 takes IPv4 connections too, whatever the system's default is.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn unix(path: &Path) -> io::Result<Listener> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the path is there and is not a socket",
            ));
        }
        Ok(_) if UnixStream::connect(path).await.is_ok() => return Err(io::ErrorKind::AddrInUse.into()),
        // Left behind by a process that is gone.
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    Ok(Listener::Unix(UnixListener::bind(path)?, SocketFile(path.to_owned())))
}

#[cfg(test)]
mod tests;
