//! From a report call to the backend: what every handler that pushes has in common. A handler says how an instance is
//! collected and its [`Backend`] how items are sent; the pipeline harvests, hands over, refuses what it cannot keep, and
//! flushes in the end.

mod durable;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use mixer_adapter_api::{BuildError, ErrorKind, HandlerError, ReportOutcome};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::batch::BatchLimits;
use super::collect::Collector;
use super::engine::{Backend, Engine, EngineOptions, Payload};
use super::metrics::BackendMetrics;
use super::outcome::{Outcome, reason};
use super::request_id::RequestId;
use super::spool::{Replay, Slot, SpoolError};
use crate::serve::throttle::Throttle;
use crate::typed::template::variety;
use crate::typed::{DropReason, Template, TypedReport};
use durable::Durable;

/// At most one line of a kind in this time.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// How a pipeline collects and delivers. Start from the default and say what the backend's limits are.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// Tells the pipelines of a handler apart, in log lines and on disk: a short fixed word such as `metrics` or
    /// `spans`.
    pub name: &'static str,
    /// Time between two harvests.
    pub harvest_period: Duration,
    /// A harvest comes early when so many bytes wait. Series do not count: they do not grow with what comes.
    pub early_bytes: usize,
    /// How long delivery may take in the end; less than `--shutdownGrace`.
    pub close_patience: Duration,
    /// How items are delivered.
    pub engine: EngineOptions,
    /// How what waits on disk is delivered, when the process has a spool.
    pub spool: SpoolUse,
}

impl Default for PipelineOptions {
    /// A harvest every five seconds or at 1 MiB, ten seconds in the end. A harvest waits for no other one.
    fn default() -> Self {
        let batch = BatchLimits { age: Duration::from_millis(50), ..BatchLimits::default() };
        Self {
            name: "items",
            harvest_period: Duration::from_secs(5),
            early_bytes: 1 << 20,
            close_patience: Duration::from_secs(10),
            engine: EngineOptions { batch, ..EngineOptions::default() },
            spool: SpoolUse::default(),
        }
    }
}

/// How what waits on disk is delivered, when the process has a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolUse {
    /// How long a payload is tried; then it is dropped and counted as `expired`.
    pub max_age: Duration,
    /// The most payloads that are taken from the disk in a second.
    pub per_second: u32,
}

impl Default for SpoolUse {
    /// 48 hours; 100 payloads a second.
    fn default() -> Self {
        Self { max_age: Duration::from_secs(48 * 3600), per_second: 100 }
    }
}

/// Collects what report calls bring, and delivers it. [`Pipeline::close`] flushes; a pipeline that is only dropped loses
/// what waits.
pub struct Pipeline<C: Collector, B: Backend<Item = C::Item>> {
    shared: Arc<Shared<C, B>>,
    harvesting: Mutex<Option<AbortOnDropHandle<()>>>,
}

struct Shared<C: Collector, B: Backend<Item = C::Item>> {
    collector: C,
    engine: Engine<B>,
    metrics: BackendMetrics,
    name: &'static str,
    early_bytes: usize,
    attempt_timeout: Duration,
    close_patience: Duration,
    /// A harvest is due before its time.
    due: Notify,
    /// One harvest at a time.
    harvest: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    /// The harvests by time end.
    stop: CancellationToken,
    refused: Throttle,
    durable: Option<Durable>,
}

impl<C: Collector, B: Backend<Item = C::Item>> Pipeline<C, B> {
    /// Starts on the current runtime, while a handler is built.
    ///
    /// # Errors
    ///
    /// The disk on which the process keeps what it has taken cannot be used.
    pub async fn start(
        collector: C,
        backend: B,
        options: PipelineOptions,
        metrics: BackendMetrics,
    ) -> Result<Self, BuildError> {
        let PipelineOptions { name, harvest_period, early_bytes, close_patience, engine, spool } = options;
        let attempt_timeout = engine.attempt_timeout;
        let slot = Slot::current();
        if slot.as_ref().is_some_and(|slot| slot.has(name)) {
            return Err(BuildError(format!("two pipelines of the handler are named {name}")));
        }
        let durable = match &slot {
            Some(slot) => Some(Durable::open(slot, name, &metrics).await?),
            None => None,
        };
        let outbox = durable.as_ref().map(|durable| (durable.outbox.clone(), spool));
        let shared = Arc::new(Shared {
            collector,
            engine: Engine::start_with(backend, engine, metrics.clone(), outbox),
            metrics,
            name,
            early_bytes,
            attempt_timeout,
            close_patience,
            due: Notify::new(),
            harvest: tokio::sync::Mutex::default(),
            closed: AtomicBool::new(false),
            stop: CancellationToken::new(),
            refused: Throttle::new(LOG_PERIOD),
            durable,
        });
        if let Some(slot) = slot {
            slot.add(shared.clone());
        }
        let harvesting = tokio::spawn(run(shared.clone(), harvest_period));
        Ok(Self { shared, harvesting: Mutex::new(Some(AbortOnDropHandle::new(harvesting))) })
    }

    /// Where the closure of [`Pipeline::accept`] puts things.
    pub fn collector(&self) -> &C {
        &self.shared.collector
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        self.shared.engine.backend()
    }

    /// Takes the instances of a report: `take` puts each one into the collector, or says why not. The time is when the
    /// instance came, which after a restart may be long ago: use it instead of the clock. When this returns, what was
    /// taken is as safe as the process is configured to keep it: in memory, or on disk.
    ///
    /// # Errors
    ///
    /// `Unavailable` when nothing could be kept, for want of room or because the disk fails; the caller may try again.
    /// An instance without room among others that were kept is dropped and counted.
    pub async fn accept<T, E>(
        &self,
        report: &TypedReport<'_, T>,
        mut take: impl FnMut(&str, T::View<'_>, SystemTime) -> Result<(), E> + Send,
    ) -> Result<ReportOutcome, HandlerError>
    where
        T: Template<Variety = variety::Report>,
        E: DropReason,
    {
        let shared = &*self.shared;
        let mut each = |at| report.each(|name, view| take(name, view, at));
        let Some(durable) = &shared.durable else {
            shared.has_room(report.len())?;
            let outcome = each(SystemTime::now());
            return shared.taken(report.len(), outcome);
        };
        if let Some(replay) = Replay::current() {
            // A report of an earlier process; it is in the journal of one pipeline, and each has its own.
            let own = replay.pipeline == durable.id;
            return Ok(if own {
                durable.replayed(replay.at, || each(replay.at))
            } else {
                ReportOutcome::complete()
            });
        }
        shared.has_room(report.len())?;
        let at = SystemTime::now();
        // Held until the collector has what the journal has, so that a harvest takes both or neither.
        let _taking = durable.taking().await;
        let kept = durable.journal.append(at, T::NAME, report.framed()).await;
        kept.map_err(|error| shared.not_kept(report.len(), &error))?;
        durable.came(at);
        let outcome = each(at);
        shared.taken(report.len(), outcome)
    }

    /// Harvests now instead of later.
    pub async fn flush(&self) {
        self.shared.harvest(true).await;
    }

    /// Items that were harvested and are neither delivered nor dropped yet.
    pub fn pending(&self) -> usize {
        self.shared.engine.pending()
    }

    /// Takes nothing more, harvests, and delivers what waits within [`PipelineOptions::close_patience`]. What is left
    /// then is dropped and counted; with a spool it stays there, and is delivered later.
    pub async fn close(&self) {
        let shared = &self.shared;
        let until = Instant::now() + shared.close_patience;
        shared.closed.store(true, Ordering::Relaxed);
        shared.stop.cancel();
        let harvesting = self.harvesting.lock().take();
        let harvested = async {
            if let Some(harvesting) = harvesting {
                // A harvest that has begun goes to its end.
                let _ = harvesting.await;
            }
            shared.harvest(true).await;
        };
        // Only a disk that hangs takes so long; what is in the journal stays there.
        let _ = tokio::time::timeout_at(until, harvested).await;
        shared.engine.close(until.saturating_duration_since(Instant::now())).await;
    }

    /// Sends a payload of these items once, past everything that waits. None make a payload without items, by which many
    /// backends check a credential.
    ///
    /// # Errors
    ///
    /// What the backend said when it did not take the payload.
    pub async fn self_test(&self, items: &[C::Item]) -> Result<(), HandlerError> {
        let failed = |detail: String| HandlerError::new(ErrorKind::Unavailable, detail);
        let backend = self.backend();
        let body = backend.encode(items).map_err(|error| failed(error.detail))?;
        let payload = Payload { body, request_id: RequestId::random(), items: items.len(), attempt: 1 };
        let limit = self.shared.attempt_timeout;
        let outcome = timeout(limit, backend.send(&payload)).await;
        match outcome {
            Ok(Outcome::Delivered) => Ok(()),
            Ok(
                Outcome::Retry { detail, .. } | Outcome::Drop { detail, .. } | Outcome::Partly { detail, .. },
            ) => Err(failed(detail)),
            Ok(Outcome::Split) => Err(failed("the backend finds the payload too large".to_owned())),
            Err(_) => Err(failed(format!("no answer within {} s", limit.as_secs_f64()))),
        }
    }
}

impl<C: Collector, B: Backend<Item = C::Item>> fmt::Debug for Pipeline<C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

async fn run<C: Collector, B: Backend<Item = C::Item>>(shared: Arc<Shared<C, B>>, period: Duration) {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = interval.tick() => {}
            () = shared.due.notified() => {}
        }
        shared.harvest(false).await;
    }
}

impl<C: Collector, B: Backend<Item = C::Item>> Shared<C, B> {
    fn has_room(&self, instances: usize) -> Result<(), HandlerError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(self.refuse(instances, reason::CLOSED, "the handler is closed"));
        }
        if self.collector.is_full() {
            self.due.notify_one();
            return Err(self.no_room(instances));
        }
        Ok(())
    }

    fn no_room(&self, instances: usize) -> HandlerError {
        let text = "as much waits as may; is the backend reachable, and fast enough?";
        self.refuse(instances, reason::QUEUE_FULL, text)
    }

    fn refuse(&self, instances: usize, reason: &'static str, text: &str) -> HandlerError {
        self.metrics.dropped(reason, instances);
        if let Some(held_back) = self.refused.pass() {
            let (backend, pipeline) = (self.metrics.backend(), self.name);
            tracing::warn!(backend, pipeline, reason, instances, held_back, "a report was refused: {text}");
        }
        HandlerError::new(ErrorKind::Unavailable, text)
    }

    fn not_kept(&self, instances: usize, error: &SpoolError) -> HandlerError {
        let reason = match error {
            SpoolError::Full { .. } => reason::SPOOL_FULL,
            SpoolError::Io { .. } | SpoolError::InUse(_) | SpoolError::Closed => reason::SPOOL_FAILED,
        };
        self.due.notify_one();
        self.refuse(instances, reason, &format!("it cannot be kept on disk: {error}"))
    }

    /// Counts what was taken of a report; one of which nothing found room is refused.
    fn taken(&self, instances: usize, outcome: ReportOutcome) -> Result<ReportOutcome, HandlerError> {
        let early = self.durable.as_ref().is_some_and(Durable::is_due);
        if early || self.collector.is_due(self.early_bytes) {
            self.due.notify_one();
        }
        let count =
            |dropped: &mixer_adapter_api::Dropped| usize::try_from(dropped.count).unwrap_or(usize::MAX);
        let full = outcome.dropped.iter().filter(|dropped| dropped.reason == reason::QUEUE_FULL);
        let without_room: usize = full.map(count).sum();
        if without_room > 0 {
            self.due.notify_one();
            if without_room >= instances {
                return Err(self.no_room(instances));
            }
        }
        let dropped: usize = outcome.dropped.iter().map(count).sum();
        self.metrics.collected(instances.saturating_sub(dropped));
        Ok(outcome)
    }

    /// Hands what was collected over to the engine. Unless it must be, a harvest that would find no room stays where it
    /// is: series go on adding up, and a list refuses reports when it is full, which callers see.
    async fn harvest(&self, must: bool) {
        let _one = self.harvest.lock().await;
        if let Some(durable) = &self.durable {
            let kept = durable.harvest(&self.collector, &self.engine).await;
            if let Err(error) = kept
                && let Some(held_back) = self.refused.pass()
            {
                let (backend, pipeline) = (self.metrics.backend(), self.name);
                tracing::error!(backend, pipeline, held_back, "a harvest cannot be kept yet: {error}");
            }
            return;
        }
        let (items, bytes) = self.collector.level();
        if !must && !self.engine.has_room(items, bytes) {
            return;
        }
        // What finds no room is counted and logged by the engine.
        let _ = self.engine.offer_all(self.collector.take(SystemTime::now()));
    }
}

#[cfg(test)]
mod tests;
