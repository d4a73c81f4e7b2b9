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
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tonic::body::Body;
use tonic::client::Grpc;

use super::endpoint::Place;

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
    runtime: Handle,
}

impl Connector {
    /// Connections whose calls carry this authority, and whose tasks run on `runtime`.
    ///
    /// # Errors
    /// The authority cannot be one.
    pub(crate) fn new(authority: &str, runtime: Handle) -> Result<Self, InvalidUri> {
        Ok(Self { origin: format!("http://{authority}").parse()?, runtime })
    }

    /// A client that connects when it is first used.
    pub(super) fn client(&self, place: &Place) -> Grpc<Connection> {
        let shared = Shared {
            place: place.clone(),
            runtime: self.runtime.clone(),
            sender: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
        };
        Grpc::with_origin(Connection(Arc::new(shared)), self.origin.clone())
    }
}

/// The connection could not be made: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectFailed(Box<dyn Error + Send + Sync>);

/// A connection, shared by all calls to an address.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    place: Place,
    runtime: Handle,
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
        let shared = self.0.clone();
        Box::pin(async move {
            let mut sender = match shared.open() {
                Some(sender) => sender,
                None => shared.connect().await?,
            };
            Ok(sender.send_request(request).await?)
        })
    }
}

impl Shared {
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
        let executor = OnRuntime(self.runtime.clone());
        let handshake = Builder::new(executor).timer(TokioTimer::new()).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        self.runtime.spawn(async move {
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

#[derive(Clone, Debug)]
struct OnRuntime(Handle);

impl<F> hyper::rt::Executor<F> for OnRuntime
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
