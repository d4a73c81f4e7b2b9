//! Accepts connections and serves HTTP/2 on them, until told to say goodbye.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mixer_identity::FirstByte;
use mixer_listen::Listener;
use mixer_rpc::raw::MixerService;
use prometheus::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tonic::server::NamedService;

use super::GrpcOptions;
use super::doors::Doors;
use super::entrance::Entrance;
use super::goaway::Goaway;
use super::rpc_metrics::RpcMetrics;
use super::services::{Health, Served, Services};
use super::threads::Threads;
use crate::accept::{accept_tcp, accept_unix};
use crate::app::StartError;
use crate::front::Front;
use crate::mixer_api::MixerApi;

/// The most connections that are taken out of the backlog in the end.
const MAX_BACKLOG: usize = 4096;

/// How long a client that connected just before the end may still be silent.
const LAST_GREETING: Duration = Duration::from_secs(1);

/// The part of its age by which a connection may be closed earlier.
const AGE_SPREAD: f64 = 0.1;

/// The gRPC port, ready to be served.
#[derive(Debug)]
pub struct GrpcServer {
    doors: Doors,
    options: GrpcOptions,
    entrance: Arc<Entrance>,
}

impl GrpcServer {
    /// The Mixer API and these services, and what keeps their health in step.
    ///
    /// # Errors
    /// A metric is registered already, or a descriptor cannot be read.
    pub(crate) fn new(
        (options, entrance): (GrpcOptions, Arc<Entrance>),
        front: &Arc<Front>,
        mut services: Services,
        goaway: Goaway,
        registry: &Registry,
    ) -> Result<(Self, Health), StartError> {
        let mixer = MixerService::new(MixerApi::new(front.clone(), registry)?)
            .max_decoding_message_size(options.max_message_size);
        services.describe(<MixerService<MixerApi> as NamedService>::NAME, mixer_proto::DESCRIPTOR_SET);
        let Served { routes, methods, health } = services.finish()?;
        let metrics = Arc::new(RpcMetrics::register(&methods, registry)?);
        let doors = Doors { mixer, routes, metrics, goaway };
        Ok((Self { doors, options, entrance }, health))
    }

    /// Ends the serving.
    pub(crate) fn goaway(&self) -> &Goaway {
        &self.doors.goaway
    }

    /// Which methods have calls that are running, and how many: those who are late in the end.
    pub(crate) fn metrics(&self) -> &Arc<RpcMetrics> {
        &self.doors.metrics
    }

    /// Serves until [`Goaway::send`] and then until every connection has ended, on the runtime that runs this and
    /// on those of other threads. Dropping the future drops the connections.
    pub async fn serve(self, listener: Listener, others: &[Handle]) {
        let threads = Threads::new(others);
        let builder = self.builder();
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(self.doors.goaway.asked());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = accept(&listener) => self.begin(accepted, &builder, &threads, &mut connections),
            }
        }
        // Those in the backlog are served; later ones are refused at once, and nobody is met with a reset.
        for accepted in backlog(listener) {
            self.begin(accepted, &builder, &threads, &mut connections);
        }
        self.doors.goaway.closed();
        while connections.join_next().await.is_some() {}
    }

    fn begin(&self, accepted: Stream, builder: &Builder, threads: &Threads, connections: &mut JoinSet<()>) {
        let (runtime, place) = threads.place();
        let (builder, doors, entrance) = (builder.clone(), self.doors.clone(), self.entrance.clone());
        let serving = async move {
            let _counted = place;
            if let Err(error) = accepted.serve(builder, doors, &entrance).await {
                tracing::debug!(%error, "connection ended");
            }
        };
        connections.spawn_on(serving, runtime);
    }

    fn builder(&self) -> Builder {
        let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.options.max_concurrent_streams)
            // A proxy that gives up many calls at once, before they were looked at, is no attacker.
            .max_pending_accept_reset_streams(usize::try_from(self.options.max_concurrent_streams).ok())
            .keep_alive_interval(self.options.keepalive_interval)
            .keep_alive_timeout(self.options.keepalive_timeout);
        Builder { http2, max_age: self.options.max_connection_age }
    }
}

/// How connections are served.
#[derive(Clone)]
pub(super) struct Builder {
    http2: hyper::server::conn::http2::Builder<TokioExecutor>,
    max_age: Duration,
}

/// A connection that no runtime watches yet.
enum Stream {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

async fn accept(listener: &Listener) -> Stream {
    loop {
        let accepted = match listener {
            Listener::Tcp(listener) => accept_tcp(listener).await.into_std().map(Stream::Tcp),
            Listener::Unix(listener, _) => accept_unix(listener).await.into_std().map(Stream::Unix),
        };
        match accepted {
            Ok(stream) => return stream,
            Err(error) => tracing::warn!(%error, "a connection was lost before it could be served"),
        }
    }
}

/// Those who wait to be accepted. The listener is closed when they have been taken.
fn backlog(listener: Listener) -> Vec<Stream> {
    let taken = match listener {
        Listener::Tcp(listener) => listener.into_std().map(|listener| {
            let waiting = listener.incoming().take(MAX_BACKLOG).map_while(Result::ok);
            let usable = waiting.filter(|stream| stream.set_nonblocking(true).is_ok());
            usable.map(Stream::Tcp).collect()
        }),
        Listener::Unix(listener, _file) => listener.into_std().map(|listener| {
            let waiting = listener.incoming().take(MAX_BACKLOG).map_while(Result::ok);
            let usable = waiting.filter(|stream| stream.set_nonblocking(true).is_ok());
            usable.map(Stream::Unix).collect()
        }),
    };
    taken.unwrap_or_default()
}

impl Stream {
    /// Serves a connection to its end, on the runtime that runs this.
    async fn serve(
        self,
        builder: Builder,
        doors: Doors,
        entrance: &Entrance,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self {
            Self::Tcp(stream) => entrance.serve(TcpStream::from_std(stream)?, builder, doors).await?,
            Self::Unix(stream) => entrance.serve(UnixStream::from_std(stream)?, builder, doors).await?,
        }
        Ok(())
    }
}

/// Serves HTTP/2 until the client or the port ends. `first` is what the client began with.
pub(super) async fn serve<I>(builder: Builder, io: I, first: &FirstByte, doors: Doors) -> hyper::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let goaway = doors.goaway.clone();
    let mut connection = std::pin::pin!(builder.http2.serve_connection(TokioIo::new(io), doors));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = goaway.sent() => {}
        () = age(builder.max_age) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection => ended,
        () = nobody(&goaway, first) => Ok(()),
    }
}

/// Done when the port ends and the client has said nothing a moment later. Who connected just before may still speak.
async fn nobody(goaway: &Goaway, first: &FirstByte) {
    soon_over(goaway).await;
    if first.has_come() {
        std::future::pending().await
    }
}

/// Done a moment after the port ends.
pub(super) async fn soon_over(goaway: &Goaway) {
    goaway.sent().await;
    tokio::time::sleep(LAST_GREETING).await;
}

/// Done when a connection has come of age.
async fn age(max: Duration) {
    match max.is_zero() {
        true => std::future::pending().await,
        false => tokio::time::sleep(max.mul_f64(1.0 - AGE_SPREAD * fastrand::f64())).await,
    }
}
