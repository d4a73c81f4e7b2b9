//! The server as a whole: configure, bind, run until asked to stop, end in order.

mod drain;
mod metrics;
mod options;
mod runtime;

pub use options::{AppOptions, Timing};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::Registry as Adapters;
use mixer_dispatch::Engine;
use mixer_identity::Credentials;
use mixer_listen::{BindError, ListenAddress, Listener};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::admin::Admin;
use crate::config::{ConfigLoop, ConfigMetrics, ConfigSource};
use crate::envoy;
use crate::front::Front;
use crate::grpc::{Entrance, Goaway, GrpcServer, Health, Services};
use crate::readiness::{Guard, Readiness};
use crate::shedding::Throttler;
use crate::stop::Stop;
use crate::version::BUILD;
use runtime::RequestRuntimes;

/// What start-up waits for: the first configuration.
const CONFIG: &str = "config";

/// What start-up waits for: that the gRPC port is served.
const LISTENER: &str = "listener";

/// What start-up waits for: certificates of the gRPC port.
const CERTIFICATES: &str = "certificates";

/// The server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file of TLS.
    #[error("TLS of the gRPC port: {0}")]
    Tls(mixer_identity::FileError),
    /// Threads or sockets.
    #[error("the system refuses: {0}; check the limits of processes and open files")]
    System(#[from] io::Error),
    /// Two metrics of one name: a defect.
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A descriptor that is compiled in cannot be read: a defect.
    #[error("service descriptors cannot be read: {0}")]
    Descriptors(#[from] tonic_reflection::server::Error),
}

/// The server ended otherwise than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No configuration in time.
    #[error(
        "exceeded timeout {timeout:?} (--configWaitTimeout) waiting for the first configuration from {from}: {reason}"
    )]
    NoConfig {
        /// How long it was waited.
        timeout: Duration,
        /// Where configuration should have come from.
        from: String,
        /// Why it did not, as far as that is known.
        reason: String,
    },
    /// A part of the server panicked: going on would mean to serve without it.
    #[error("a part of the server ended, which is a defect: {0}")]
    Defect(String),
}

/// A server whose sockets are bound and which answers nobody yet.
#[derive(Debug)]
pub struct Bound {
    options: AppOptions,
    addresses: Addresses,
    listener: Listener,
    admin_listener: TcpListener,
    server: GrpcServer,
    health: Health,
    admin: Arc<Admin>,
    config: ConfigLoop,
    /// Not ready before the gRPC port is served.
    serving: Guard,
    /// Not ready before there are certificates, where there should be.
    identity: Option<(Credentials, Guard)>,
    front: Arc<Front>,
    requests: RequestRuntimes,
}

/// The addresses that were really bound.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The gRPC port.
    pub grpc: ListenAddress,
    /// The monitoring port.
    pub admin: ListenAddress,
}

impl Bound {
    /// Binds the sockets and puts everything together. Must be called on the runtime of the admin port.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn bind(
        options: AppOptions,
        adapters: Adapters,
        source: ConfigSource,
    ) -> Result<Self, StartError> {
        let requests = RequestRuntimes::start(options.request_threads)?;
        let registry = Registry::new();
        metrics::register(&registry)?;
        let readiness = Readiness::new();
        let (first, serving) = (readiness.wait_for(CONFIG), readiness.wait_for(LISTENER));
        let (listener, admin_listener, addresses) = bind(&options, &requests).await?;
        let engine = engine(&options, &adapters, &registry)?;
        let throttler = Throttler::new(&options.shedding, &registry)?;
        let front = Arc::new(Front::new(engine.clone(), throttler, options.compat));
        let goaway = Goaway::default();
        let mut services = Services::default();
        envoy::add(&mut services, &front, &goaway, &options, &registry)?;
        let entrance = Entrance::new(addresses.grpc.to_string(), options.tls.clone(), &registry).await?;
        let identity = entrance.credentials().cloned().map(|found| (found, readiness.wait_for(CERTIFICATES)));
        let port = (options.grpc.clone(), Arc::new(entrance));
        let (server, health) = GrpcServer::new(port, &front, services, goaway, &registry)?;
        let config = ConfigLoop {
            source,
            adapters,
            options: options.compile.clone(),
            engine,
            metrics: ConfigMetrics::register(&registry)?,
            first: Some(first),
            unavailable: watch::Sender::default(),
        };
        let unavailable = config.unavailable.subscribe();
        let admin = Arc::new(Admin { metrics: registry, readiness, unavailable, build: BUILD });
        Ok(Self {
            options,
            addresses,
            listener,
            admin_listener,
            server,
            health,
            admin,
            config,
            serving,
            identity,
            front,
            requests,
        })
    }

    /// The addresses that were really bound.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The self-metrics, as `/metrics` serves them.
    pub fn metrics(&self) -> &Registry {
        &self.admin.metrics
    }

    /// Serves until asked to stop, and then ends in order.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(self, stop: &Stop) -> Result<(), RunError> {
        let mut tasks = JoinSet::new();
        let ended = self.run_beside(&mut tasks, stop).await;
        tasks.shutdown().await;
        if ended.is_ok() {
            tracing::info!("stopped");
        }
        ended
    }

    /// Everything in `tasks` runs for as long as the server does.
    async fn run_beside(self, tasks: &mut JoinSet<()>, stop: &Stop) -> Result<(), RunError> {
        let readiness = self.admin.readiness.clone();
        tasks.spawn(self.admin.serve(self.admin_listener));
        tasks.spawn(self.health.follow(readiness.clone()));
        if let Some((credentials, guard)) = self.identity {
            tasks.spawn(async move {
                credentials.ready().await;
                drop(guard);
            });
        }
        if let Some(file) = self.options.liveness_file.clone() {
            tasks.spawn(file.keep(Readiness::new().subscribe()));
        }
        if let Some(file) = self.options.readiness_file.clone() {
            tasks.spawn(file.keep(readiness.subscribe()));
        }
        let engine = self.config.engine.clone();
        let started = first_configuration(self.config, &self.options, &readiness, tasks, stop).await?;
        if started {
            let end = drain::Drain {
                readiness,
                goaway: self.server.goaway().clone(),
                metrics: self.server.metrics().clone(),
                front: self.front,
                engine,
                timing: self.options.timing,
            };
            let others = self.requests.others().to_vec();
            let serving = async move { self.server.serve(self.listener, &others).await };
            let mut served = self.requests.first().spawn(serving);
            drop(self.serving);
            let client = self.addresses.grpc.for_local_client();
            tracing::info!("ready; next: mixc check -m {client} -s destination.namespace=default");
            tokio::select! {
                () = stop.requested(1) => {}
                what = defect(tasks, &mut served) => return Err(what),
            }
            end.run(stop, served).await;
        }
        Ok(())
    }
}

/// Binds both ports; the gRPC port on the runtime that serves it.
async fn bind(
    options: &AppOptions,
    requests: &RequestRuntimes,
) -> Result<(Listener, TcpListener, Addresses), StartError> {
    let address = options.grpc_address.clone();
    let binding = async move { address.bind("gRPC").await };
    let listener = requests.first().spawn(binding).await.map_err(io::Error::from)??;
    let admin = options.admin_address.bind_tcp("monitoring").await?;
    let addresses = Addresses {
        grpc: listener.local_address()?,
        admin: ListenAddress::Tcp(admin.local_addr()?.to_string()),
    };
    tracing::info!("listening for gRPC on {}", addresses.grpc);
    tracing::info!("listening for monitoring on {}: /metrics, /readyz, /healthz, /version", addresses.admin);
    Ok((listener, admin, addresses))
}

fn engine(options: &AppOptions, adapters: &Adapters, registry: &Registry) -> Result<Engine, StartError> {
    let options = mixer_dispatch::EngineOptions { compat: options.compat, ..options.engine.clone() };
    Ok(Engine::new(options, adapters.clone(), registry)?)
}

/// Waits for a panic of something that should run for as long as the server does.
async fn defect(tasks: &mut JoinSet<()>, served: &mut JoinHandle<()>) -> RunError {
    loop {
        let ended = tokio::select! {
            ended = &mut *served => return RunError::Defect(ended.err().map_or_else(String::new, |e| e.to_string())),
            Some(ended) = tasks.join_next() => ended,
        };
        // A configuration source may end, which is said where it happens.
        if let Err(error) = ended {
            return RunError::Defect(error.to_string());
        }
    }
}

/// Waits for the first configuration. False when asked to stop before.
async fn first_configuration(
    config: ConfigLoop,
    options: &AppOptions,
    readiness: &Readiness,
    tasks: &mut JoinSet<()>,
    stop: &Stop,
) -> Result<bool, RunError> {
    let (timeout, from) = (options.timing.config_wait, config.source.description.clone());
    let unavailable = config.unavailable.subscribe();
    let mut waiting = readiness.subscribe();
    tasks.spawn(config.run());
    let applied = waiting.wait_for(|waiting| waiting.names().all(|name| name != CONFIG));
    tokio::select! {
        _ = applied => Ok(true),
        () = stop.requested(1) => Ok(false),
        () = tokio::time::sleep(timeout) => {
            let reason = unavailable.borrow().clone();
            let reason = reason.map_or_else(|| "it says nothing".to_owned(), |reason| reason.to_string());
            Err(RunError::NoConfig { timeout, from, reason })
        }
    }
}
