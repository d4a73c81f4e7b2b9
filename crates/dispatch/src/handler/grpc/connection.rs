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
use mixer_identity::{FirstByte, Reason, Refused, Watched};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::client::Grpc;

use super::endpoint::Place;
use super::identity::{Identity, IdentityMetrics};
use super::local::PerRuntime;

/// The longest that one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the other end of a connection may be silent when it should not be.
const SILENCE: Duration = Duration::from_secs(15);

/// What adapters see in their logs.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mixer-rs/", env!("CARGO_PKG_VERSION")));

/// The longest that one TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is the same for every address of an adapter.
#[derive(Debug)]
pub(crate) struct Connector {
    origin: Uri,
    security: Arc<Security>,
    ended: Arc<Notify>,
}

/// What connections are protected by, and where their refusals are counted.
#[derive(Debug)]
pub(super) struct Security {
    /// None for plaintext.
    pub(super) identity: Option<Identity>,
    pub(super) metrics: IdentityMetrics,
}

impl Connector {
    /// Connections whose calls carry this authority.
    ///
    /// # Errors
    /// The authority cannot be one.
    pub(super) fn new(authority: &str, security: Arc<Security>) -> Result<Self, InvalidUri> {
        let scheme = if security.identity.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{authority}").parse()?;
        Ok(Self { origin, security, ended: Arc::default() })
    }

    /// Told whenever a connection ends, because the adapter said goodbye (GOAWAY) or the connection broke: it may
    /// have moved.
    pub(super) fn ended(&self) -> &Arc<Notify> {
        &self.ended
    }

    /// A client that connects when it is first used.
    pub(super) fn client(&self, place: &Place) -> Grpc<Connection> {
        let (security, ended) = (self.security.clone(), self.ended.clone());
        let connection = Connection { place: place.clone(), security, ended, lines: Arc::default() };
        Grpc::with_origin(connection, self.origin.clone())
    }
}

/// The connection could not be made: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectFailed(pub(super) Box<dyn Error + Send + Sync>);

/// The other end closed the connection without a word, as servers do that end, or in plaintext those that want TLS. A
/// server of HTTP/2 that takes a request has begun with its own preface (RFC 9113, section 3.4): it took none.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Mute {
    #[source]
    cause: hyper::Error,
    pub(super) is_plaintext: bool,
}

/// The connections to an address, one for each runtime, shared by all its calls.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    place: Place,
    security: Arc<Security>,
    ended: Arc<Notify>,
    lines: Arc<PerRuntime<Line>>,
}

/// The connection of one runtime, whose tasks run there.
#[derive(Debug)]
struct Line {
    place: Place,
    security: Arc<Security>,
    ended: Arc<Notify>,
    sender: Mutex<Option<Open>>,
    /// Held by whoever connects; the others wait for the outcome.
    connecting: tokio::sync::Mutex<()>,
}

/// A connection that was made, and the byte that the other end began with, below TLS where there is TLS.
#[derive(Clone, Debug)]
struct Open {
    sender: SendRequest<Body>,
    is_plaintext: bool,
    first: FirstByte,
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
        let line = self.lines.get_or_make(|| Line::to(self));
        Box::pin(async move {
            let mut open = match line.open() {
                Some(open) => open,
                None => line.connect().await?,
            };
            match open.sender.send_request(request).await {
                Ok(response) => Ok(response),
                // Plaintext met TLS: nothing of the call was understood.
                Err(_) if open.is_plaintext && open.first.is_tls() => {
                    Err(line.failed(speaks_tls().into()).into())
                }
                Err(cause) if !open.first.has_come() => {
                    Err(Mute { cause, is_plaintext: open.is_plaintext }.into())
                }
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl Line {
    fn to(of: &Connection) -> Self {
        let (place, security, ended) = (of.place.clone(), of.security.clone(), of.ended.clone());
        Self { place, security, ended, sender: Mutex::new(None), connecting: tokio::sync::Mutex::new(()) }
    }

    /// The connection, when there is one that works as far as is known.
    fn open(&self) -> Option<Open> {
        self.sender.lock().as_ref().filter(|open| !open.sender.is_closed()).cloned()
    }

    async fn connect(&self) -> Result<Open, ConnectFailed> {
        let _mine = self.connecting.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let open = self.establish().await.map_err(|error| self.failed(error))?;
        *self.sender.lock() = Some(open.clone());
        Ok(open)
    }

    /// Counts a refusal.
    fn failed(&self, error: Box<dyn Error + Send + Sync>) -> ConnectFailed {
        if let Some(refused) = error.downcast_ref() {
            self.security.metrics.refused(refused);
        }
        ConnectFailed(error)
    }

    async fn establish(&self) -> Result<Open, Box<dyn Error + Send + Sync>> {
        match &self.place {
            Place::Tcp(address) => self.secure(in_time(tcp(*address)).await?).await,
            Place::Unix(path) => self.secure(in_time(unix(path)).await?).await,
        }
    }

    async fn secure<S>(&self, stream: S) -> Result<Open, Box<dyn Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(identity) = &self.security.identity else {
            let (first, stream) = Watched::new(stream);
            let sender = in_time(self.handshake(stream)).await?;
            return Ok(Open { sender, is_plaintext: true, first });
        };
        let late = |_| {
            let text = format!("the adapter did not finish the TLS handshake within {HANDSHAKE_TIMEOUT:?}");
            Err(Refused::new(Reason::Timeout, text))
        };
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, identity.tls.connect(stream))
            .await
            .unwrap_or_else(late)?;
        let (first, stream) = Watched::new(stream);
        let sender = in_time(self.handshake(stream)).await?;
        Ok(Open { sender, is_plaintext: false, first })
    }

    async fn handshake<S>(&self, stream: S) -> Result<SendRequest<Body>, Box<dyn Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake =
            Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await?;
        let ended = self.ended.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an adapter ended");
            }
            ended.notify_one();
        });
        Ok(sender)
    }
}

/// What the other end says when it should have spoken plaintext.
fn speaks_tls() -> Refused {
    Refused::new(
        Reason::Tls,
        "the adapter speaks TLS and the handler says nothing of it; set connection.authentication",
    )
}

/// A step that may not take long.
async fn in_time<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, Box<dyn Error + Send + Sync>>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    match tokio::time::timeout(CONNECT_TIMEOUT, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
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
