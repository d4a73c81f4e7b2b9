//! A pipeline whose reports and payloads are kept on disk: how calls, harvests and the logs stay in step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use mixer_adapter_api::{BuildError, ReportOutcome};
use parking_lot::Mutex;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::Shared;
use crate::delivery::collect::Collector;
use crate::delivery::engine::{Backend, Engine};
use crate::delivery::metrics::BackendMetrics;
use crate::delivery::request_id::RequestId;
use crate::delivery::spool::{Journal, Outbox, Record, Replayed, Report, Slot, SpoolError};

/// A harvest comes early when the journal holds so much: what is replayed after a death stays small.
const EARLY_JOURNAL: u64 = 64 << 20;

static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// The logs of a pipeline.
pub(super) struct Durable {
    /// Tells the pipelines of the process apart.
    pub(super) id: u64,
    pub(super) journal: Journal,
    pub(super) outbox: Arc<Outbox>,
    /// Calls hold it for reading, a harvest for writing.
    gate: RwLock<()>,
    /// When the oldest came that no harvest has, in nanoseconds since 1970.
    oldest: AtomicU64,
    /// A harvest that is not in the outbox yet, because the disk failed.
    unsaved: Mutex<Option<Unsaved>>,
    /// What an earlier process left has been replayed.
    begun: AtomicBool,
    /// The journal makes a harvest due.
    early_bytes: u64,
}

#[derive(Clone)]
struct Unsaved {
    records: Arc<[Record]>,
    covers: u64,
}

impl Durable {
    pub(super) async fn open(slot: &Slot, name: &str, metrics: &BackendMetrics) -> Result<Self, BuildError> {
        let opening = async {
            let claim = slot.claim().await?;
            let early_bytes = EARLY_JOURNAL.min(claim.early_bytes());
            let (outbox, covers) = Outbox::open(claim.clone(), name, metrics.clone()).await?;
            let journal = Journal::open(claim, name, covers, metrics.clone()).await?;
            outbox.sweep().await?;
            Ok::<_, SpoolError>(Self {
                id: LAST_ID.fetch_add(1, Ordering::Relaxed),
                journal,
                outbox: Arc::new(outbox),
                gate: RwLock::default(),
                oldest: AtomicU64::new(u64::MAX),
                unsaved: Mutex::default(),
                begun: AtomicBool::new(false),
                early_bytes,
            })
        };
        opening.await.map_err(|error| BuildError(error.to_string()))
    }

    /// Held from before a report is appended until it is collected.
    pub(super) async fn taking(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// Notes when a report came.
    pub(super) fn came(&self, at: SystemTime) {
        let nanos = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        self.oldest.fetch_min(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Takes a report of an earlier process.
    pub(super) fn replayed(&self, at: SystemTime, take: impl FnOnce() -> ReportOutcome) -> ReportOutcome {
        self.came(at);
        take()
    }

    pub(super) fn is_due(&self) -> bool {
        self.journal.bytes() >= self.early_bytes
    }

    /// Takes what was collected together with the place in the journal up to which it was, and moves it to the outbox.
    pub(super) async fn harvest<C: Collector, B: Backend<Item = C::Item>>(
        &self,
        collector: &C,
        engine: &Engine<B>,
    ) -> Result<(), SpoolError> {
        if !self.begun.load(Ordering::Acquire) {
            return Ok(());
        }
        // The order of harvests is that of their marks.
        self.save().await?;
        let (items, since, covers) = {
            let _alone = self.gate.write().await;
            let covers = self.journal.rotate().await?;
            (collector.take(SystemTime::now()), self.take_oldest(), covers)
        };
        self.put(engine, items, since, covers).await
    }

    async fn put<B: Backend>(
        &self,
        engine: &Engine<B>,
        items: Vec<B::Item>,
        since: SystemTime,
        covers: u64,
    ) -> Result<(), SpoolError> {
        let records = engine.encode_all(&items).await.into_iter().map(|(payload, items)| Record {
            request_id: RequestId::random(),
            since,
            items: u32::try_from(items).unwrap_or(u32::MAX),
            payload,
        });
        *self.unsaved.lock() = Some(Unsaved { records: records.collect(), covers });
        self.save().await
    }

    /// Moves a harvest to the outbox. When the disk fails it stays in memory and in the journal, and keeps its ids.
    async fn save(&self) -> Result<(), SpoolError> {
        let Some(Unsaved { records, covers }) = self.unsaved.lock().clone() else { return Ok(()) };
        if !records.is_empty() {
            self.outbox.append(records, covers).await?;
        }
        self.unsaved.lock().take();
        self.journal.settle(covers).await
    }

    fn take_oldest(&self) -> SystemTime {
        let nanos = self.oldest.swap(u64::MAX, Ordering::Relaxed);
        match nanos {
            u64::MAX => SystemTime::now(),
            nanos => UNIX_EPOCH + Duration::from_nanos(nanos),
        }
    }

    fn is_drained(&self) -> bool {
        let saved = self.unsaved.lock().is_none();
        saved && self.journal.bytes() == 0 && self.outbox.level().0 == 0
    }
}

impl<C: Collector, B: Backend<Item = C::Item>> Shared<C, B> {
    fn durable(&self) -> Result<&Durable, SpoolError> {
        self.durable.as_ref().ok_or(SpoolError::Closed)
    }
}

impl<C: Collector, B: Backend<Item = C::Item>> Replayed for Shared<C, B> {
    fn id(&self) -> u64 {
        self.durable.as_ref().map_or(u64::MAX, |durable| durable.id)
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn leftover(&self) -> Vec<u64> {
        self.durable.as_ref().map(|durable| durable.journal.leftover().to_vec()).unwrap_or_default()
    }

    fn read(&self, segment: u64) -> BoxFuture<'_, Result<Vec<Report>, SpoolError>> {
        Box::pin(async move { self.durable()?.journal.read(segment).await })
    }

    fn harvest_below(&self, covers: u64) -> BoxFuture<'_, Result<(), SpoolError>> {
        Box::pin(async move {
            let durable = self.durable()?;
            let items = self.collector.take(SystemTime::now());
            durable.put(&self.engine, items, durable.take_oldest(), covers).await
        })
    }

    fn begin(&self) {
        if let Some(durable) = &self.durable {
            durable.begun.store(true, Ordering::Release);
        }
        self.engine.begin();
    }

    fn is_drained(&self) -> bool {
        self.durable.as_ref().is_none_or(Durable::is_drained)
    }
}
