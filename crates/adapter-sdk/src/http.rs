//! A small HTTP server for what scrapers and probes ask: GET and HEAD, a bounded number of connections, an orderly
//! end.

mod body;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use mixer_listen::{BindError, ListenAddress};

pub use body::{Body, BodySender, ClientGone};

/// Clients that are served at once; more wait.
const MAX_CONNECTIONS: usize = 128;

/// A client that has not sent its request by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The usual type of short answers.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers a GET or HEAD request. A long answer is best made in parts on a blocking thread.
pub type Responder = Arc<dyn Fn(Parts) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A running server. It stops when it is dropped; [`HttpServer::stop`] lets answers in progress finish.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl HttpServer {
    /// Binds an address and serves it on the current runtime. `purpose` is for error texts, such as
    /// `Prometheus`.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(
        purpose: &'static str,
        address: &ListenAddress,
        responder: Responder,
    ) -> Result<Self, BindError> {
        Self::start_with(purpose, address, &[Method::GET, Method::HEAD], responder).await
    }

    /// [`HttpServer::start`] for other methods than GET and HEAD. Bodies of requests are not read.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start_with(
        purpose: &'static str,
        address: &ListenAddress,
        methods: &'static [Method],
        responder: Responder,
    ) -> Result<Self, BindError> {
        let listener = address.bind_tcp(purpose).await?;
        let bound = listener.local_addr();
        let bound = bound.map_err(|source| BindError { purpose, address: address.clone(), source })?;
        let server = Self { address: bound, stop: CancellationToken::new(), connections: TaskTracker::new() };
        let door = Door { methods, responder };
        let accepting = accept(listener, door, server.stop.clone(), server.connections.clone());
        server.connections.spawn(accepting);
        Ok(server)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, and waits for answers in progress at most as long as `grace`.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.connections.close();
        if tokio::time::timeout(grace, self.connections.wait()).await.is_err() {
            tracing::warn!(address = %self.address, "HTTP clients were cut off at the end of the grace period");
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What requests come to.
#[derive(Clone)]
struct Door {
    methods: &'static [Method],
    responder: Responder,
}

async fn accept(listener: TcpListener, door: Door, stop: CancellationToken, connections: TaskTracker) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accepting = async {
        while let Ok(permit) = room.clone().acquire_owned().await {
            let stream = accept_one(&listener).await;
            let (door, stop) = (door.clone(), stop.clone());
            connections.spawn(async move {
                serve_connection(stream, door, stop).await;
                drop(permit);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
}

async fn accept_one(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection; are too many files open?");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, door: Door, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let Door { methods, responder } = door.clone();
        async move {
            let (parts, _) = request.into_parts();
            let response = match methods.contains(&parts.method) {
                true => responder(parts).await,
                false => text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
            };
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// An answer of plain text.
pub fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    response
}
