//! Accepts connections and serves HTTP/2 on them, until they are old or the process drains. Methods of handlers,
//! which are nearly all of the traffic, do not go through a router.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mixer_rpc::raw::{HandlerService, ResponseFuture};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;

use super::auth::Guard;
use super::greeting::{Greeted, Greeting};
use super::intake::{Arriving, Intake};
use super::metrics::{Metrics, refused};
use super::throttle::Throttle;
use super::{drained, timeout};
use mixer_identity::{Accepted, ServerTls};
use mixer_listen::Listener;

/// How long to wait after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A client that has not sent its first byte by then is cut off.
const GREETING: Duration = Duration::from_secs(10);

/// The same when the process drains: a client that connected a moment before may still say something.
const LAST_GREETING: Duration = Duration::from_secs(1);

/// The most connections that are taken out of the backlog in the end.
const MAX_BACKLOG: usize = 4096;

/// The part of its age by which a connection may be closed earlier, by chance: those that were made together do not
/// come back together.
const AGE_SPREAD: f64 = 0.1;

/// How often the same trouble with connections is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time; more are closed at once.
    pub(super) max_connections: usize,
    /// Calls at a time on one connection; more wait at the client.
    pub(super) max_streams: u32,
    /// Age at which a connection is closed in an orderly way; zero for never.
    pub(super) max_age: Duration,
    /// How long the calls of an old connection may still run.
    pub(super) age_grace: Duration,
    /// A connection on which nothing happened for so long is asked whether it is still there; zero for never.
    pub(super) keepalive: Duration,
    /// A connection that does not answer for so long is closed.
    pub(super) keepalive_timeout: Duration,
}

/// What is served on each connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Doors {
    pub(super) methods: HandlerService,
    /// Everything else.
    pub(super) routes: Routes,
    pub(super) guard: Option<Arc<Guard>>,
    pub(super) intake: Arc<Intake>,
    pub(super) drain: CancellationToken,
}

impl hyper::service::Service<Request<Incoming>> for Doors {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        if let Some(guard) = &self.guard
            && let Some(refusal) = guard.refuse(request.uri().path(), request.headers())
        {
            return Box::pin(ready(Ok(refusal.into_http())));
        }
        let timeout = timeout::of_call(request.headers());
        let request = request.map(|body| Arriving::new(body, self.intake.clone()));
        let answer = self.methods.call_or(request, |request| self.route(request));
        let Some(timeout) = timeout else { return answer };
        Box::pin(async move {
            let late = |_| {
                let text = format!("no answer within {timeout:?}, which is how long the caller waits");
                Ok(Status::deadline_exceeded(text).into_http())
            };
            tokio::time::timeout(timeout, answer).await.unwrap_or_else(late)
        })
    }
}

impl Doors {
    /// Health and reflection, whose streams end when the process drains.
    fn route(&self, request: Request<Arriving>) -> ResponseFuture {
        let (mut routes, drain) = (self.routes.clone(), self.drain.clone());
        Box::pin(async move {
            let response = routes.call(request.map(|body| Body::new(body.into_stream()))).await?;
            Ok(drained::until(&drain, response))
        })
    }
}

/// What new connections go through.
pub(super) struct Entrance {
    pub(super) limits: Limits,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) metrics: Arc<Metrics>,
}

/// The connections of a server.
#[derive(Clone)]
pub(super) struct Connections {
    doors: Doors,
    entrance: Arc<Entrance>,
    log: Arc<Throttle>,
    close: CancellationToken,
    cut: CancellationToken,
    running: TaskTracker,
}

impl Connections {
    pub(super) fn new(doors: Doors, entrance: Entrance) -> Self {
        let log = Arc::new(Throttle::new(LOG_EVERY));
        let (close, cut, running) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        Self { doors, entrance: Arc::new(entrance), log, close, cut, running }
    }

    /// Accepts connections until [`Self::close`]. The listener is closed then, and clients that were in its backlog are
    /// served: later ones are refused at once, and nobody is met with a reset.
    pub(super) async fn accept(&self, listener: Listener) {
        let accepting = async {
            match &listener {
                Listener::Tcp(listener) => loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            // Without it the connection is slower, not broken.
                            let _ = stream.set_nodelay(true);
                            self.spawn(stream);
                        }
                        Err(error) => self.pause(&error).await,
                    }
                },
                Listener::Unix(listener, _) => loop {
                    match listener.accept().await {
                        Ok((stream, _)) => self.spawn(stream),
                        Err(error) => self.pause(&error).await,
                    }
                },
            }
        };
        self.close.run_until_cancelled(accepting).await;
        self.empty(listener);
    }

    /// Takes those who wait in the backlog, and closes it.
    fn empty(&self, listener: Listener) {
        match listener {
            Listener::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return };
                let waiting = listener.incoming().take(MAX_BACKLOG).map_while(Result::ok);
                for stream in waiting.filter(|stream| stream.set_nonblocking(true).is_ok()) {
                    let _ = stream.set_nodelay(true);
                    let _ = TcpStream::from_std(stream).map(|stream| self.spawn(stream));
                }
            }
            Listener::Unix(listener, _file) => {
                let Ok(listener) = listener.into_std() else { return };
                let waiting = listener.incoming().take(MAX_BACKLOG).map_while(Result::ok);
                for stream in waiting.filter(|stream| stream.set_nonblocking(true).is_ok()) {
                    let _ = UnixStream::from_std(stream).map(|stream| self.spawn(stream));
                }
            }
        }
    }

    /// Takes no new connections; [`Self::accept`] ends.
    pub(super) fn close(&self) {
        self.close.cancel();
    }

    /// After [`Self::accept`]: connections are told to go (GOAWAY); they finish their calls and take no more.
    pub(super) fn drain(&self) {
        self.doors.drain.cancel();
        self.running.close();
    }

    /// After [`Self::drain`]: waits until every connection has ended.
    pub(super) async fn ended(&self) {
        self.running.wait().await;
    }

    /// Closes every connection, whatever is going on there.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    fn spawn(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let limit = self.entrance.limits.max_connections;
        if self.running.len() >= limit {
            self.refuse(refused::CONNECTIONS, &format!("there are {limit}, which --maxConnections allows"));
            return;
        }
        let (cut, serving) = (self.cut.clone(), self.clone().enter(io));
        self.running.spawn(async move { cut.run_until_cancelled(serving).await });
    }

    /// From the first byte of a connection to its end.
    async fn enter(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let metrics = self.entrance.metrics.clone();
        metrics.connections.inc();
        let _open = Open(&metrics);
        let Some(tls) = self.entrance.tls.clone() else {
            return self.serve(io).await;
        };
        // A client that is still greeting is not waited for long when the process drains.
        let accepted = tokio::select! {
            accepted = tls.accept(io) => accepted,
            () = self.soon_over() => return,
        };
        match accepted {
            Ok(Accepted::Tls(stream)) => self.serve(*stream).await,
            Ok(Accepted::Plaintext(stream)) => self.serve(stream).await,
            Err(error) => {
                let detail = format!("{}: {error}", error.reason.label());
                self.refuse(refused::TLS_HANDSHAKE, &detail);
            }
        }
    }

    async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let limits = self.entrance.limits;
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.max_streams)
            // A server that gives up many calls at once, before they were looked at, is no attacker.
            .max_pending_accept_reset_streams(usize::try_from(limits.max_streams).ok())
            .keep_alive_interval((!limits.keepalive.is_zero()).then_some(limits.keepalive))
            .keep_alive_timeout(limits.keepalive_timeout);
        let (greeting, io) = Greeted::new(io);
        let doors = self.doors.clone();
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), doors));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = self.doors.drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => Some(ended),
                    () = silence(&greeting, LAST_GREETING) => return,
                }
            }
            () = silence(&greeting, GREETING) => return self.refuse(refused::SILENT_CONNECTION, "no greeting came"),
            () = age(limits.max_age) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(limits.age_grace, connection).await.ok()
            }
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
            None => {
                tracing::warn!("an old connection was cut off; its calls took longer than --shutdownGrace")
            }
        }
    }

    /// Done a moment after the process drains.
    async fn soon_over(&self) {
        self.doors.drain.cancelled().await;
        tokio::time::sleep(LAST_GREETING).await;
    }

    fn refuse(&self, reason: &str, detail: &str) {
        self.entrance.metrics.refused(reason);
        if let Some(similar_lines_held_back) = self.log.pass() {
            tracing::warn!(reason, detail, similar_lines_held_back, "a connection was refused");
        }
    }

    async fn pause(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        if let Some(similar_lines_held_back) = self.log.pass() {
            tracing::warn!(%error, similar_lines_held_back, "cannot accept a gRPC connection; are too many files open?");
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Counts a connection for as long as it is open.
struct Open<'a>(&'a Metrics);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Done when the client has not begun after some time.
async fn silence(greeting: &Greeting, time: Duration) {
    tokio::time::sleep(time).await;
    if greeting.has_come() {
        std::future::pending().await
    }
}

async fn age(max: Duration) {
    match max.is_zero() {
        true => std::future::pending().await,
        false => tokio::time::sleep(max.mul_f64(1.0 - AGE_SPREAD * fastrand::f64())).await,
    }
}
