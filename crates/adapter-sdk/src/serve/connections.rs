//! Accepts connections and serves HTTP/2 on them, until they are old or the process drains. Methods of handlers,
//! which are nearly all of the traffic, do not go through a router.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mixer_rpc::raw::{HandlerService, ResponseFuture};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;

use super::timeout;
use crate::address::Listener;

/// A connection on which nothing happened for so long is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A connection that does not answer for so long is closed.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Calls at a time on one connection; more wait at the client.
    pub(super) max_streams: u32,
    /// Age at which a connection is closed in an orderly way; zero for never.
    pub(super) max_age: Duration,
    /// How long the calls of an old connection may still run.
    pub(super) age_grace: Duration,
}

/// What is served on each connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Doors {
    pub(super) methods: HandlerService,
    /// Everything else.
    pub(super) routes: Routes,
}

impl hyper::service::Service<Request<Incoming>> for Doors {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        let timeout = timeout::of_call(request.headers());
        let routed =
            |request: Request<Incoming>| Box::pin(self.routes.clone().call(request.map(Body::new))) as _;
        let answer = self.methods.call_or(request, routed);
        let Some(timeout) = timeout else { return answer };
        Box::pin(async move {
            let late = |_| Ok(Status::cancelled("Timeout expired").into_http());
            tokio::time::timeout(timeout, answer).await.unwrap_or_else(late)
        })
    }
}

/// The connections of a server.
#[derive(Clone)]
pub(super) struct Connections {
    doors: Doors,
    limits: Limits,
    drain: CancellationToken,
    cut: CancellationToken,
    running: TaskTracker,
}

impl Connections {
    pub(super) fn new(doors: Doors, limits: Limits) -> Self {
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { doors, limits, drain, cut, running: TaskTracker::new() }
    }

    /// Accepts connections until [`Self::drain`]. The listener is closed then: new clients are refused at once
    /// instead of waiting in the backlog.
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
                        Err(error) => pause(&error).await,
                    }
                },
                Listener::Unix(listener, _) => loop {
                    match listener.accept().await {
                        Ok((stream, _)) => self.spawn(stream),
                        Err(error) => pause(&error).await,
                    }
                },
            }
        };
        self.drain.run_until_cancelled(accepting).await;
    }

    /// Takes no new connections; those that are there finish their calls and take no more.
    pub(super) fn drain(&self) {
        self.drain.cancel();
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
        let (cut, serving) = (self.cut.clone(), self.clone().serve(io));
        self.running.spawn(async move { cut.run_until_cancelled(serving).await });
    }

    async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.max_streams)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), self.doors));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = self.drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                Some(connection.await)
            }
            () = age(self.limits.max_age) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.limits.age_grace, connection).await.ok()
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
}

async fn age(max: Duration) {
    match max.is_zero() {
        true => std::future::pending().await,
        false => tokio::time::sleep(max).await,
    }
}

async fn pause(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::warn!(%error, "cannot accept a gRPC connection; are too many files open?");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
