//! Accepts connections and serves HTTP/2 on them, until told to say goodbye.

use std::error::Error;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use mixer_listen::Listener;
use mixer_rpc::raw::MixerService;
use prometheus::Registry;
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
        let mut stop = std::pin::pin!(self.doors.goaway.sent());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = accept(&listener) => {
                    let (runtime, place) = threads.place();
                    let (builder, doors, entrance) = (builder.clone(), self.doors.clone(), self.entrance.clone());
                    let serving = async move {
                        let _counted = place;
                        if let Err(error) = accepted.serve(builder, doors, &entrance).await {
                            tracing::debug!(%error, "connection ended");
                        }
                    };
                    connections.spawn_on(serving, runtime);
                },
            }
        }
        // New clients are refused at once instead of waiting in the backlog.
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    fn builder(&self) -> Builder {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.options.max_concurrent_streams)
            // A proxy that gives up many calls at once, before they were looked at, is no attacker.
            .max_pending_accept_reset_streams(usize::try_from(self.options.max_concurrent_streams).ok())
            .keep_alive_interval(self.options.keepalive_interval)
            .keep_alive_timeout(self.options.keepalive_timeout);
        builder
    }
}

pub(super) type Builder = hyper::server::conn::http2::Builder<TokioExecutor>;

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

/// Serves HTTP/2 until the client or the port ends.
pub(super) async fn serve<I>(builder: Builder, io: I, doors: Doors) -> hyper::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let goaway = doors.goaway.sent();
    let mut connection = std::pin::pin!(builder.serve_connection(io, doors));
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = goaway => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
