//! The server of an adapter process: bound first, then run, then drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mixer_adapter_api::Adapter;
use mixer_rpc::raw::HandlerService;
use prometheus::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use super::args::ServeArgs;
use super::auth::Guard;
use super::calls::{Calls, isolate};
use super::connections::{Connections, Doors, Entrance, Limits};
use super::dedup::Dedup;
use super::dry_run::DryRun;
use super::error::ServeError;
use super::handlers::Handlers;
use super::intake::Intake;
use super::metrics::Metrics;
use super::process::Process;
use super::reload::Watched;
use super::session::{self, Sessions};
use super::{monitoring, quiet, reflection, tls};
#[cfg(feature = "delivery")]
use crate::delivery::spool::SpoolHome;
use crate::http::HttpServer;
use crate::templates::TemplateService;
use mixer_identity::ServerTls;
use mixer_listen::{ListenAddress, Listener};

/// Calls that one connection takes at a time, at least.
const MIN_STREAMS: usize = 1024;

/// Room beside the calls that count for --maxConcurrentCalls: for the refusal of more, for health and sessions.
const SPARE_STREAMS: usize = 64;

/// How long the answers of calls that are cut off may take to be sent.
const CUT_OFF_GRACE: Duration = Duration::from_secs(1);

/// An adapter's server with its ports bound.
pub struct Server {
    args: ServeArgs,
    name: &'static str,
    services: Vec<TemplateService>,
    not_replayed: Vec<&'static str>,
    listener: Listener,
    monitoring: Option<HttpServer>,
    ready: Arc<AtomicBool>,
    handlers: Arc<Handlers>,
    calls: Arc<Calls>,
    intake: Arc<Intake>,
    metrics: Arc<Metrics>,
    guard: Option<Arc<Guard>>,
    tls: Option<Arc<ServerTls>>,
    /// The files of tokens.
    watched: Watched,
    /// Delivers what is left from before for as long as the server runs.
    #[cfg(feature = "delivery")]
    _spool: Option<SpoolHome>,
}

impl Server {
    /// Binds the ports of an adapter that takes shipped templates.
    ///
    /// # Errors
    ///
    /// A port cannot be bound, a file cannot be used, or the adapter names a template that is not shipped.
    pub async fn bind(adapter: Arc<dyn Adapter>, args: ServeArgs) -> Result<Self, ServeError> {
        Self::of(Process::new(adapter), args).await
    }

    /// Binds the ports of a process, for programs and tests that want to know the addresses before it runs. What
    /// [`Process::on_start`] was told is not run.
    ///
    /// # Errors
    ///
    /// As [`Server::bind`].
    pub async fn of(process: Process, args: ServeArgs) -> Result<Self, ServeError> {
        let services = process.services()?;
        let Process { mut adapter, not_replayed, .. } = process;
        let info = *adapter.info();
        if let Some(file) = &args.dry_run {
            adapter = Arc::new(DryRun::new(adapter, &services, file.as_ref())?);
        }
        #[cfg(feature = "delivery")]
        let spool = open_spool(&args, &mut adapter).await?;
        let registry = Registry::new();
        let metrics = Arc::new(Metrics::register(&registry)?);
        #[cfg(feature = "delivery")]
        crate::delivery::DeliveryMetrics::shared()?.register(&registry)?;
        let watched = Watched::new("token", args.auth.files()).await;
        let guard = Guard::new(&args.auth, &metrics)?;
        let tls = tls::start(&args.tls, args.reload_interval, &metrics).await?;
        let address = args.address.clone().ok_or(ServeError::NoAddress)?;
        let listener = address.bind("gRPC").await?;
        // Without a certificate, which may come later, nobody can connect.
        let has_certificate = tls.as_ref().is_none_or(|tls| tls.credentials().get().is_ok());
        let ready = Arc::new(AtomicBool::new(has_certificate));
        let monitoring = match &args.monitoring_address {
            Some(address) if !args.no_monitoring => {
                let responder = monitoring::responder(registry, ready.clone());
                Some(HttpServer::start_with("monitoring", address, monitoring::METHODS, responder).await?)
            }
            _ => None,
        };
        let (max, idle) = (args.max_handlers, args.handler_idle_timeout);
        let handlers = Arc::new(Handlers::new(adapter, metrics.clone(), max, idle));
        let (max_message, max_buffered) = (args.max_message_size, args.max_buffered_bytes);
        let intake = Intake::new(max_message, max_buffered, args.receive_timeout, metrics.clone());
        let intake = Arc::new(intake);
        let dedup = Dedup::new(args.dedup_window, args.dedup_entries);
        let room = (dedup, args.max_concurrent_calls);
        let calls = Calls::new(handlers.clone(), metrics.clone(), intake.clone(), room);
        Ok(Self {
            args,
            name: info.name,
            services,
            not_replayed,
            listener,
            monitoring,
            ready,
            handlers,
            calls: Arc::new(calls),
            intake,
            metrics,
            guard,
            tls,
            watched,
            #[cfg(feature = "delivery")]
            _spool: spool,
        })
    }

    /// Where gRPC is served.
    pub fn address(&self) -> ListenAddress {
        // The system knows the address of a socket that is bound.
        self.listener.local_address().unwrap_or(ListenAddress::AnyHost(0))
    }

    /// Where /metrics and the probes are served.
    pub fn monitoring_address(&self) -> Option<SocketAddr> {
        self.monitoring.as_ref().map(HttpServer::local_addr)
    }

    /// Serves until `stop` is done, then drains.
    ///
    /// # Errors
    ///
    /// The server fails, or something was still busy at the end of the grace period; the log names it.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let monitoring = self.monitoring_address().map(|address| address.to_string());
        tracing::info!(
            adapter = self.name,
            address = %self.address(),
            monitoring = monitoring.as_deref().unwrap_or("off"),
            templates = self.services.iter().map(|service| service.template).collect::<Vec<_>>().join(","),
            version = env!("CARGO_PKG_VERSION"),
            "adapter serves"
        );
        if self.guard.is_some() && self.tls.is_none() {
            tracing::warn!(
                "tokens come in plaintext; --tlsCertificate, --tlsSds or --tlsWorkloadApi protect them"
            );
        }
        let (doors, health) = self.doors().await?;
        let grace = self.args.shutdown_grace;
        let entrance =
            Entrance { limits: limits(&self.args), tls: self.tls.clone(), metrics: self.metrics.clone() };
        let connections = Connections::new(doors, entrance);
        let mut background = self.background();
        let becoming_ready = background.spawn(until_certificate(self.tls.clone(), self.ready.clone()));
        let serving = tokio::spawn({
            let connections = connections.clone();
            async move { connections.accept(self.listener).await }
        });
        tokio::pin!(serving);

        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = stop => tracing::info!("asked to stop"),
        }
        becoming_ready.abort();
        self.ready.store(false, Ordering::Relaxed);
        for service in health_names(&self.services) {
            health.set_service_status(service, tonic_health::ServingStatus::NotServing).await;
        }
        tokio::time::sleep(self.args.drain_delay).await;
        connections.close();
        serving.await?;
        connections.drain();
        let served = tokio::time::timeout(grace, connections.ended()).await;
        if served.is_err() {
            tracing::error!("calls were still running at the end of the grace period; they are cut off");
            self.calls.cut_off();
            // Those that were cut off are told so; whoever does not listen is not waited for.
            let _ = tokio::time::timeout(CUT_OFF_GRACE, connections.ended()).await;
            connections.cut();
        }
        background.abort_all();
        let closed = self.handlers.close_all(grace).await;
        if let Some(monitoring) = self.monitoring {
            monitoring.stop(Duration::from_secs(1)).await;
        }
        served.map_err(|_| ServeError::CutOff)?;
        if !closed {
            return Err(ServeError::NotClosed);
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// What goes on beside the calls.
    fn background(&mut self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let handlers = self.handlers.clone();
        tasks.spawn(async move { handlers.close_idle().await });
        let (quiet, metrics) = (self.args.quiet_warning, self.metrics.clone());
        tasks.spawn(async move { quiet::watch(quiet, metrics).await });
        let every = self.args.reload_interval;
        let of_tokens = std::mem::take(&mut self.watched);
        if let Some(guard) = self.guard.clone() {
            let metrics = self.metrics.clone();
            tasks.spawn(async move { of_tokens.watch(every, metrics, || guard.reload()).await });
        }
        tasks
    }

    async fn doors(&self) -> Result<(Doors, HealthReporter), ServeError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        for service in health_names(&self.services) {
            health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
        }
        let sessions = Arc::new(Sessions::new(self.handlers.clone(), self.services.clone()));
        // The limit of the size is watched where the request arrives.
        let mut service = HandlerService::new().max_decoding_message_size(usize::MAX);
        for template in self.services.clone() {
            let replays = self.args.dedup_varieties.contains(&template.variety)
                && !self.not_replayed.contains(&template.template);
            let (calls, method) = (self.calls.clone(), Arc::new(self.calls.method(template, replays)));
            service = service.method(template.path(), move |request| {
                let (calls, method) = (calls.clone(), method.clone());
                async move { calls.handle(&method, request).await }
            });
        }
        let methods = add_sessions(service, &sessions);
        let routes = reflection::add(Routes::new(health_service), &self.services)?;
        let routes = methods.clone().mount(routes).prepare();
        let (guard, intake) = (self.guard.clone(), self.intake.clone());
        Ok((Doors { methods, routes, guard, intake, drain: CancellationToken::new() }, health))
    }
}

/// Lets handlers keep on disk what they take, when a flag says where. A dry run builds no handler.
#[cfg(feature = "delivery")]
async fn open_spool(
    args: &ServeArgs,
    adapter: &mut Arc<dyn Adapter>,
) -> Result<Option<SpoolHome>, ServeError> {
    let Some(options) = args.spool.options().filter(|_| args.dry_run.is_none()) else { return Ok(None) };
    let home = SpoolHome::open(options).await?;
    *adapter = home.wrap(adapter.clone());
    Ok(Some(home))
}

/// Says that the process is ready when its port has a certificate.
async fn until_certificate(tls: Option<Arc<ServerTls>>, ready: Arc<AtomicBool>) {
    let Some(tls) = tls else { return };
    tls.credentials().ready().await;
    ready.store(true, Ordering::Relaxed);
}

fn limits(args: &ServeArgs) -> Limits {
    let streams = args.max_concurrent_calls.saturating_add(SPARE_STREAMS).max(MIN_STREAMS);
    Limits {
        max_connections: args.connections(),
        keepalive: args.keepalive_interval,
        keepalive_timeout: args.keepalive_timeout,
        max_streams: u32::try_from(streams).unwrap_or(u32::MAX),
        max_age: args.max_connection_age,
        age_grace: args.shutdown_grace,
    }
}

fn add_sessions(service: HandlerService, sessions: &Arc<Sessions>) -> HandlerService {
    let path = |method| format!("/{}/{method}", session::SERVICE);
    let (validate, create, close) = (sessions.clone(), sessions.clone(), sessions.clone());
    service
        .method(path("Validate"), move |request| {
            let validate = validate.clone();
            async move { isolate("Validate", async { validate.validate(request.get_ref()) }).await }
        })
        .method(path("CreateSession"), move |request| {
            let create = create.clone();
            async move { isolate("CreateSession", create.create(request.get_ref())).await }
        })
        .method(path("CloseSession"), move |request| std::future::ready(close.close(request.get_ref())))
}

/// The names that health is asked for; the empty one is the whole process.
fn health_names(services: &[TemplateService]) -> impl Iterator<Item = &'static str> {
    let names: Vec<_> = services.iter().map(|service| service.service).collect();
    names.into_iter().chain(["", session::SERVICE])
}

/// Done when the process is asked to stop. Signals are received from the call on, not from the first poll.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (mut terminate, mut interrupt) = match signals {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "signals cannot be received; the process stops only when it is killed");
                return std::future::pending().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
