//! The engine: holds the current runtime, replaces it whole, and ends handlers that nobody uses any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::join_all;
use http::uri::PathAndQuery;
use mixer_adapter_api::Registry;
use mixer_attribute::VocabularyBuilder;
use mixer_config::snapshot::{Counts, HandlerConfig, HandlerKind, Snapshot};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use self::closing::Closing;
use crate::RateLimitedLog;
use crate::handler::{Blueprint, HandlerSlot, Paths, Running, build};
use crate::metrics::Metrics;
use crate::options::EngineOptions;
use crate::route;
use crate::runtime::{Parts, Runtime};

mod closing;

/// Finds the actions of requests and calls adapters. Cheap to clone; all clones are one engine.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Arc<EngineOptions>,
    registry: Registry,
    metrics: Arc<Metrics>,
    current: ArcSwap<Runtime>,
    // Serialises changes.
    table: Mutex<Table>,
    closing: Arc<Closing>,
    released: Arc<Notify>,
}

/// The handlers that serve, by name.
type Table = BTreeMap<Arc<str>, Arc<Running>>;

/// A handler that could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildFailure {
    /// Its name.
    pub handler: Arc<str>,
    /// What keeps it from serving.
    pub reason: String,
    /// Whether an earlier version of it serves on.
    pub earlier_serves: bool,
}

/// What a change of configuration did to handlers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// Handlers that were built.
    pub built: usize,
    /// Handlers that were kept.
    pub reused: usize,
    /// Handlers that are closed in the background once no request uses them.
    pub closing: usize,
    /// Handlers that could not be built.
    pub failures: Vec<BuildFailure>,
}

/// What became of one handler of a snapshot.
enum Made {
    Kept(Arc<Running>),
    Built(Arc<Running>),
    Failed { reason: String, earlier: Option<Arc<Running>> },
}

impl Engine {
    /// An engine without configuration: every check is allowed and every report is taken and led nowhere.
    ///
    /// # Errors
    /// The metrics registry has a metric of one of our names.
    pub fn new(
        options: EngineOptions,
        registry: Registry,
        metrics: &prometheus::Registry,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Arc::new(Metrics::new(metrics)?);
        let options = Arc::new(options);
        let released = Arc::new(Notify::new());
        let snapshot = Arc::new(empty_snapshot());
        let empty = Parts {
            routes: route::build(&snapshot, &[], &metrics, false),
            snapshot,
            handlers: Vec::new(),
            metrics: metrics.clone(),
            options: options.clone(),
            compat: options.compat,
            released: released.clone(),
        };
        Ok(Self(Arc::new(Inner {
            current: ArcSwap::from_pointee(Runtime::new(empty)),
            closing: Arc::new(Closing::new(metrics.clone(), released.clone(), options.close_timeout)),
            table: Mutex::default(),
            options,
            registry,
            metrics,
            released,
        })))
    }

    /// The current runtime. A request takes it once and uses it from start to end.
    pub fn current(&self) -> Arc<Runtime> {
        self.0.current.load_full()
    }

    /// Makes a snapshot effective: builds the handlers that are new or changed, keeps the others, and replaces
    /// the runtime whole. A handler that cannot be built leaves its last good version serving. Handlers that
    /// are no longer used are closed in the background once no request uses them.
    pub async fn apply(&self, snapshot: Arc<Snapshot>) -> ApplyReport {
        let inner = &self.0;
        let mut table = inner.table.lock().await;
        let paths = call_paths(&snapshot);
        let made = join_all(snapshot.handlers.iter().map(|config| inner.make(config, &paths, &table))).await;
        let mut report = ApplyReport::default();
        let mut serving = Table::new();
        let mut slots = Vec::with_capacity(made.len());
        for (config, made) in snapshot.handlers.iter().zip(made) {
            let result = report.note(&config.spec.name, made);
            if let Ok(running) = &result {
                serving.insert(config.spec.name.clone(), running.clone());
            }
            slots.push(HandlerSlot {
                name: config.spec.name.clone(),
                adapter: config.adapter.clone(),
                policy: config.failure_policy,
                serving: result,
                log: Arc::new(RateLimitedLog::default()),
            });
        }
        let compat = inner.options.compat || snapshot.compat;
        let routes = route::build(&snapshot, &slots, &inner.metrics, compat);
        inner.metrics.set_config(&snapshot);
        inner.metrics.handlers.unsatisfied_actions.set(routes.unsatisfied_actions as i64);
        let parts = Parts {
            snapshot,
            routes,
            handlers: slots,
            metrics: inner.metrics.clone(),
            options: inner.options.clone(),
            compat,
            released: inner.released.clone(),
        };
        inner.current.store(Arc::new(Runtime::new(parts)));
        let before = std::mem::replace(&mut *table, serving);
        let kept = |running: &Arc<Running>| table.values().any(|other| Arc::ptr_eq(other, running));
        let unused: Vec<_> = before.into_values().filter(|running| !kept(running)).collect();
        report.closing = unused.len();
        inner.count(&report);
        inner.closing.start(unused);
        report
    }

    /// Flushes and closes every handler, also those that are being closed already. The names of those that did
    /// not manage until the deadline are returned. No request may follow.
    pub async fn shutdown(&self, deadline: std::time::Instant) -> Vec<String> {
        let deadline = Instant::from_std(deadline);
        let table = std::mem::take(&mut *self.0.table.lock().await);
        let closed = table.into_values().map(|running| async move {
            let in_time = running.close(deadline).await;
            (!in_time).then(|| running.name().to_string())
        });
        let mut late: Vec<String> = join_all(closed).await.into_iter().flatten().collect();
        late.extend(self.0.closing.finish(deadline).await);
        late.sort();
        late
    }
}

impl Inner {
    async fn make(&self, config: &HandlerConfig, paths: &Paths, table: &Table) -> Made {
        let blueprint = Blueprint { config: config.clone(), paths: paths_of(config, paths) };
        let earlier = table.get(&config.spec.name);
        if let Some(earlier) = earlier.filter(|earlier| earlier.blueprint().is_same(&blueprint)) {
            return Made::Kept(earlier.clone());
        }
        match build(blueprint, &self.registry, (&self.options, &self.metrics), earlier.is_some()).await {
            Ok(running) => Made::Built(Arc::new(running)),
            Err(reason) => Made::Failed { reason, earlier: earlier.cloned() },
        }
    }

    fn count(&self, report: &ApplyReport) {
        let gauges = &self.metrics.handlers;
        gauges.built.set(report.built as i64);
        gauges.reused.set(report.reused as i64);
        gauges.build_failures.set(report.failures.len() as i64);
        gauges.closed.set(0);
        gauges.close_failures.set(0);
    }
}

impl ApplyReport {
    /// Takes note of one handler. What serves, or why nothing does.
    fn note(&mut self, handler: &Arc<str>, made: Made) -> Result<Arc<Running>, Arc<str>> {
        match made {
            Made::Kept(running) => {
                self.reused += 1;
                Ok(running)
            }
            Made::Built(running) => {
                self.built += 1;
                Ok(running)
            }
            Made::Failed { reason, earlier } => {
                let earlier_serves = earlier.is_some();
                tracing::error!(%handler, earlier_serves, "the handler cannot be built: {reason}");
                let result = earlier.ok_or_else(|| reason.as_str().into());
                self.failures.push(BuildFailure { handler: handler.clone(), reason, earlier_serves });
                result
            }
        }
    }
}

/// Where gRPC adapters take instances, by template name.
fn call_paths(snapshot: &Snapshot) -> Paths {
    let mut paths = Paths::new();
    for template in snapshot.instances.iter().map(|instance| &instance.template) {
        if !paths.contains_key(template.name())
            && let Ok(path) = PathAndQuery::try_from(template.grpc_path())
        {
            paths.insert(template.name().clone(), path);
        }
    }
    paths
}

/// Those of the instances that a handler gets.
fn paths_of(config: &HandlerConfig, paths: &Paths) -> Paths {
    if !matches!(config.kind, HandlerKind::Grpc(_)) {
        return Paths::new();
    }
    let wanted = config.spec.instances.iter();
    wanted
        .filter_map(|instance| Some((instance.template.clone(), paths.get(&instance.template)?.clone())))
        .collect()
}

fn empty_snapshot() -> Snapshot {
    Snapshot {
        vocabulary: VocabularyBuilder::new().finish(),
        default_namespace: "istio-system".into(),
        compat: false,
        handlers: Vec::new(),
        instances: Vec::new(),
        conditions: Vec::new(),
        rules: Vec::new(),
        counts: Counts::default(),
    }
}
