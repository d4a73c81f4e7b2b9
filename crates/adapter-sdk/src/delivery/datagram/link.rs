//! One socket to a daemon, made again when the daemon is another one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream, lookup_host};
use tokio::time::Instant;

use super::address::LineAddress;
use super::failure::{Failure, is_gone};

/// Room that the system should have for what was sent and not read.
const SEND_BUFFER: usize = 32 * 1024;
/// How long a name or a connection that failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a name is looked up again.
const LOOK_UP: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Datagram(UnixDatagram),
    Stream(UnixStream),
    Tcp(TcpStream),
}

/// What a file is, as long as it is the same one.
type Identity = (u64, u64, i64, i64);

#[derive(Debug)]
pub(super) struct Link {
    address: LineAddress,
    socket: Option<Socket>,
    /// The socket's file when it was connected.
    file: Option<Identity>,
    looked_up: Instant,
    /// Whether somebody refused since then: the name may lead elsewhere by now.
    doubtful: bool,
    /// The last attempt that failed, for a while.
    failed: Option<(Instant, Failure)>,
    /// Set while a payload is written into a stream: what follows half of one would not be understood.
    torn: bool,
    /// The last payload was sent a second time.
    again: bool,
    frame: Vec<u8>,
}

/// What went wrong in one attempt, and whether some of the payload is out.
struct Attempt {
    error: io::Error,
    partly: bool,
}

impl From<io::Error> for Attempt {
    fn from(error: io::Error) -> Self {
        Self { error, partly: false }
    }
}

impl Link {
    pub(super) fn new(address: LineAddress) -> Self {
        Self {
            address,
            socket: None,
            file: None,
            looked_up: Instant::now(),
            doubtful: false,
            failed: None,
            torn: false,
            again: false,
            frame: Vec::new(),
        }
    }

    pub(super) fn address(&self) -> &LineAddress {
        &self.address
    }

    /// The word by which DogStatsD's clients name a transport.
    pub(super) fn transport(&self) -> &'static str {
        match (&self.socket, &self.address) {
            (Some(Socket::Stream(_)), _) | (None, LineAddress::UnixStream(_)) => "uds-stream",
            (Some(Socket::Datagram(_)), _) | (None, LineAddress::UnixDatagram(_) | LineAddress::Unix(_)) => {
                "uds"
            }
            (Some(Socket::Tcp(_)), _) | (None, LineAddress::Tcp { .. }) => "tcp",
            (Some(Socket::Udp(_)), _) | (None, LineAddress::Udp { .. }) => "udp",
        }
    }

    /// Whether a payload that was refused shows only after it was sent.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.address, LineAddress::Udp { .. })
    }

    /// Connects when there is no socket.
    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        if self.torn {
            self.socket = None;
            self.torn = false;
        }
        if self.socket.is_some() {
            return Ok(());
        }
        if let Some((when, failure)) = &self.failed
            && when.elapsed() < PAUSE
        {
            return Err(failure.clone());
        }
        self.failed = None;
        self.file = self.address.path().and_then(identity);
        match self.open().await {
            Ok(socket) => {
                self.socket = Some(socket);
                (self.looked_up, self.doubtful) = (Instant::now(), false);
                Ok(())
            }
            Err(failure) => {
                // A socket file costs nothing to look for; a name or a network does.
                if self.address.path().is_none() {
                    self.failed = Some((Instant::now(), failure.clone()));
                }
                Err(failure)
            }
        }
    }

    async fn open(&self) -> Result<Socket, Failure> {
        let socket = match &self.address {
            LineAddress::Udp { host, port } => Socket::Udp(udp(host, *port).await?),
            LineAddress::Tcp { host, port } => {
                let stream = TcpStream::connect(&*resolve(host, *port).await?).await?;
                stream.set_nodelay(true)?;
                Socket::Tcp(stream)
            }
            LineAddress::UnixDatagram(path) => Socket::Datagram(datagram(path)?),
            LineAddress::UnixStream(path) => Socket::Stream(stream(path).await?),
            LineAddress::Unix(path) => match datagram(path) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::PROTOTYPE) => {
                    Socket::Stream(stream(path).await?)
                }
                socket => Socket::Datagram(socket?),
            },
        };
        Ok(socket)
    }

    /// Sends a payload. When the receiver is gone before it has any of it, a new socket is tried once.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.again = false;
        self.connect().await?;
        match self.attempt(payload).await {
            Ok(()) => Ok(()),
            Err(Attempt { error, partly: false }) if is_gone(&error) => {
                self.socket = None;
                self.connect().await?;
                self.again = true;
                self.attempt(payload).await.map_err(|attempt| self.failure(attempt.error))
            }
            Err(Attempt { error, .. }) => Err(self.failure(error)),
        }
    }

    /// Whether the last payload was sent a second time, because the first receiver was gone.
    pub(super) fn sent_again(&self) -> bool {
        self.again
    }

    /// What fails for other reasons than a full buffer fails again on the same socket.
    fn failure(&mut self, error: io::Error) -> Failure {
        let passing = [Errno::NOBUFS, Errno::AGAIN, Errno::MSGSIZE];
        if !Errno::from_io_error(&error).is_some_and(|errno| passing.contains(&errno)) {
            self.socket = None;
        }
        error.into()
    }

    async fn attempt(&mut self, payload: &[u8]) -> Result<(), Attempt> {
        let Self { socket, frame, torn, .. } = self;
        match socket {
            Some(Socket::Udp(socket)) => whole(socket.send(payload).await?, payload),
            Some(Socket::Datagram(socket)) => whole(socket.send(payload).await?, payload),
            Some(Socket::Stream(stream)) => {
                check_open(&*stream)?;
                let length = u32::try_from(payload.len()).map_err(|_| io::Error::from(Errno::MSGSIZE))?;
                frame.clear();
                frame.extend_from_slice(&length.to_le_bytes());
                frame.extend_from_slice(payload);
                write(stream, frame, torn).await
            }
            Some(Socket::Tcp(stream)) => {
                check_open(&*stream)?;
                write(stream, payload, torn).await
            }
            None => Err(io::Error::from(Errno::NOTCONN).into()),
        }
    }

    /// Whether an earlier payload was refused since the last time this was asked.
    pub(super) fn refused(&mut self) -> Result<(), Failure> {
        let error = match &self.socket {
            Some(Socket::Udp(socket)) => socket.take_error()?,
            _ => None,
        };
        self.doubtful |= error.is_some();
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Lets go of a socket that leads to a receiver which is no longer at the address.
    pub(super) async fn look(&mut self) {
        if self.socket.is_none() {
            return;
        }
        if let Some(path) = self.address.path() {
            // While there is no file the old receiver may still read.
            if let Some(file) = identity(path)
                && self.file != Some(file)
            {
                tracing::debug!(address = %self.address, "the socket's file is a new one");
                self.socket = None;
            }
            return;
        }
        let (LineAddress::Udp { host, port } | LineAddress::Tcp { host, port }) = &self.address else {
            return;
        };
        let often_enough = if self.doubtful { PAUSE } else { LOOK_UP };
        if self.looked_up.elapsed() < often_enough || host.parse::<IpAddr>().is_ok() {
            return;
        }
        (self.looked_up, self.doubtful) = (Instant::now(), false);
        if let (Ok(found), Some(peer)) = (resolve(host, *port).await, self.peer())
            && !found.contains(&peer)
        {
            tracing::debug!(address = %self.address, "the name has another address now");
            self.socket = None;
        }
    }

    fn peer(&self) -> Option<SocketAddr> {
        match self.socket.as_ref()? {
            Socket::Udp(socket) => socket.peer_addr().ok(),
            Socket::Tcp(stream) => stream.peer_addr().ok(),
            Socket::Datagram(_) | Socket::Stream(_) => None,
        }
    }
}

fn whole(sent: usize, payload: &[u8]) -> Result<(), Attempt> {
    match sent == payload.len() {
        true => Ok(()),
        false => Err(Attempt { error: io::ErrorKind::WriteZero.into(), partly: true }),
    }
}

async fn write(
    stream: &mut (impl tokio::io::AsyncWrite + Unpin),
    mut rest: &[u8],
    torn: &mut bool,
) -> Result<(), Attempt> {
    let mut partly = false;
    while !rest.is_empty() {
        // Stays set when this is given up at the next line.
        *torn = partly;
        match stream.write(rest).await {
            Ok(0) => return Err(Attempt { error: Errno::PIPE.into(), partly }),
            Ok(written) => {
                partly = true;
                rest = rest.get(written..).unwrap_or_default();
            }
            Err(error) => {
                *torn = true;
                return Err(Attempt { error, partly });
            }
        }
    }
    *torn = false;
    Ok(())
}

/// A receiver of lines sends nothing; when reading comes to an end, it is gone. The system is asked itself, as the runtime
/// may not have heard of it yet.
fn check_open(stream: impl AsFd) -> io::Result<()> {
    let mut ignored = [0; 256];
    match recv(stream, &mut ignored, RecvFlags::DONTWAIT) {
        Ok((0, _)) => Err(Errno::PIPE.into()),
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let file = std::fs::metadata(path).ok()?;
    // Numbers of files are used again; times are not.
    Some((file.dev(), file.ino(), file.ctime(), file.ctime_nsec()))
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|error| Failure::new("name_not_resolved", format!("{host}: {error}")))?;
    let mut found: Vec<_> = found.collect();
    // A daemon that knows only one of the two knows IPv4.
    found.sort_by_key(SocketAddr::is_ipv6);
    match found.is_empty() {
        true => Err(Failure::new("name_not_resolved", format!("{host} has no address"))),
        false => Ok(found),
    }
}

async fn udp(host: &str, port: u16) -> Result<UdpSocket, Failure> {
    let mut last = io::Error::from(Errno::ADDRNOTAVAIL);
    for address in resolve(host, port).await? {
        let any: IpAddr = match address.is_ipv4() {
            true => Ipv4Addr::UNSPECIFIED.into(),
            false => Ipv6Addr::UNSPECIFIED.into(),
        };
        let connected = async {
            let socket = UdpSocket::bind((any, 0)).await?;
            make_room(&socket);
            socket.connect(address).await.map(|()| socket)
        };
        match connected.await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn datagram(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    make_room(&socket);
    socket.connect(path)?;
    Ok(socket)
}

async fn stream(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path).await?;
    make_room(&stream);
    Ok(stream)
}

fn make_room(socket: impl AsFd) {
    // A socket with less room works too.
    if sockopt::socket_send_buffer_size(&socket).is_ok_and(|size| size < SEND_BUFFER) {
        let _ = sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER);
    }
}
