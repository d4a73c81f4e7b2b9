//! One HTTP/2 connection to an adapter: made when it is first needed, made again after it broke.
//!
//! A call goes from the caller's task straight to the connection's, with no queue between them: a general-purpose
//! channel costs two more changes of tasks for each call.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use http::uri::InvalidUri;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::body::Body;
use tonic::client::Grpc;

use super::endpoint::Place;
use super::local::PerRuntime;

/// The longest that one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the other end of a connection may be silent when it should not be.
const SILENCE: Duration = Duration::from_secs(15);

/// What adapters see in their logs.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mixer-rs/", env!("CARGO_PKG_VERSION")));

/// What is the same for every address of an adapter.
#[derive(Debug)]
pub(crate) struct Connector {
    origin: Uri,
}

impl Connector {
    /// Connections whose calls carry this authority.
    ///
    /// # Errors
    /// The authority cannot be one.
    pub(crate) fn new(authority: &str) -> Result<Self, InvalidUri> {
        Ok(Self { origin: format!("http://{authority}").parse()? })
    }

    /// A client that connects when it is first used.
    pub(super) fn client(&self, place: &Place) -> Grpc<Connection> {
        let connection = Connection { place: place.clone(), lines: Arc::default() };
        Grpc::with_origin(connection, self.origin.clone())
    }
}

/// The connection could not be made: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectFailed(Box<dyn Error + Send + Sync>);

/// The connections to an address, one for each runtime, shared by all its calls.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    place: Place,
    lines: Arc<PerRuntime<Line>>,
}

/// The connection of one runtime, whose tasks run there.
#[derive(Debug)]
struct Line {
    place: Place,
    sender: Mutex<Option<SendRequest<Body>>>,
    /// Held by whoever connects; the others wait for the outcome.
    connecting: tokio::sync::Mutex<()>,
}

type Sending = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Box<dyn Error + Send + Sync>>> + Send>>;

impl tower::Service<Request<Body>> for Connection {
    type Response = Response<Incoming>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Sending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Sending {
        request.headers_mut().insert(USER_AGENT, AGENT);
        let line = self.lines.get_or_make(|| Line::to(&self.place));
        Box::pin(async move {
            let mut sender = match line.open() {
                Some(sender) => sender,
                None => line.connect().await?,
            };
            Ok(sender.send_request(request).await?)
        })
    }
}

impl Line {
    fn to(place: &Place) -> Self {
        let connecting = tokio::sync::Mutex::new(());
        Self { place: place.clone(), sender: Mutex::new(None), connecting }
    }

    /// The connection, when there is one that works as far as is known.
    fn open(&self) -> Option<SendRequest<Body>> {
        self.sender.lock().as_ref().filter(|sender| !sender.is_closed()).cloned()
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ConnectFailed> {
        let _mine = self.connecting.lock().await;
        if let Some(sender) = self.open() {
            return Ok(sender);
        }
        let made = tokio::time::timeout(CONNECT_TIMEOUT, self.establish()).await;
        let sender = made.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        let sender = sender.map_err(ConnectFailed)?;
        *self.sender.lock() = Some(sender.clone());
        Ok(sender)
    }

    async fn establish(&self) -> Result<SendRequest<Body>, Box<dyn Error + Send + Sync>> {
        match &self.place {
            Place::Tcp(address) => self.handshake(tcp(*address).await?).await,
            Place::Unix(path) => self.handshake(unix(path).await?).await,
        }
    }

    async fn handshake<S>(&self, stream: S) -> Result<SendRequest<Body>, Box<dyn Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake =
            Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an adapter ended");
            }
        });
        Ok(sender)
    }
}

async fn tcp(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    notice_death(&stream)?;
    Ok(stream)
}

/// Lets the kernel give up a connection whose other end is gone without a word. Pings of HTTP/2 would do the
/// same, but Go's servers end connections on which they come often.
fn notice_death(stream: &TcpStream) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    let probes = socket2::TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 3);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

async fn unix(path: &Path) -> std::io::Result<UnixStream> {
    UnixStream::connect(path).await
}
