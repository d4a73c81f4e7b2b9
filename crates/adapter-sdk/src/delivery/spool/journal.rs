//! The log of report calls: appended in groups before the calls are answered, removed when a harvest has them.

mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::segment::{self, Item};
use super::slot::Claim;
use super::{SpoolError, blocking};
use crate::delivery::BackendMetrics;
use store::Store;

/// The most bytes that wait to be written together.
const MAX_WAITING: usize = 64 << 20;

/// A report call as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct Report {
    /// When it came.
    pub(in crate::delivery) at: SystemTime,
    /// Name of its template.
    pub(in crate::delivery) template: String,
    /// The instances as repeated field 1.
    pub(in crate::delivery) framed: Bytes,
}

/// The journal of a pipeline.
pub(in crate::delivery) struct Journal {
    shared: Arc<Shared>,
    leftover: Vec<u64>,
    _writing: AbortOnDropHandle<()>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    came: Notify,
    store: Arc<Mutex<Store>>,
    /// Bytes of reports that no harvest has yet.
    bytes: AtomicU64,
}

/// Frames that are written together, and the calls that wait for it.
#[derive(Default)]
struct Waiting {
    frames: Vec<u8>,
    calls: Vec<oneshot::Sender<Result<(), SpoolError>>>,
}

impl Journal {
    /// Opens the journal. Segments below `covers` are in the outbox already and are removed.
    pub(in crate::delivery) async fn open(
        claim: Arc<Claim>,
        name: &str,
        covers: u64,
        metrics: BackendMetrics,
    ) -> Result<Self, SpoolError> {
        let directory = claim.directory().join(name).join("journal");
        let (store, leftover) = blocking(move || Store::open(claim, &directory, covers, metrics)).await?;
        let bytes = AtomicU64::new(0);
        let store = Arc::new(Mutex::new(store));
        let shared = Arc::new(Shared { waiting: Mutex::default(), came: Notify::new(), store, bytes });
        let writing = tokio::spawn(write(shared.clone()));
        Ok(Self { shared, leftover, _writing: AbortOnDropHandle::new(writing) })
    }

    /// Segments of an earlier process that no harvest has yet, in order.
    pub(in crate::delivery) fn leftover(&self) -> &[u64] {
        &self.leftover
    }

    /// What stands in a segment of an earlier process. One in which bytes have changed is set aside; what stands before
    /// the change is kept.
    pub(in crate::delivery) async fn read(&self, segment: u64) -> Result<Vec<Report>, SpoolError> {
        let store = self.shared.store.clone();
        blocking(move || store.lock().read(segment)).await
    }

    /// Keeps a report call: when this returns it survives.
    pub(in crate::delivery) async fn append(
        &self,
        at: SystemTime,
        template: &str,
        framed: &[u8],
    ) -> Result<(), SpoolError> {
        let (sender, written) = oneshot::channel();
        {
            let mut waiting = self.shared.waiting.lock();
            let before = waiting.frames.len();
            let fits = before + framed.len() <= MAX_WAITING || before == 0;
            if !fits || !segment::put(&mut waiting.frames, Item::Report { at, template, framed }) {
                let (bytes, max_bytes) = (framed.len() as u64, MAX_WAITING as u64);
                return Err(SpoolError::Full { bytes, max_bytes });
            }
            waiting.calls.push(sender);
        }
        self.shared.came.notify_one();
        written.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Bytes of reports that no harvest has yet.
    pub(in crate::delivery) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// What is appended from now on stands in segments of this number or above. No append may be under way that counts.
    pub(in crate::delivery) async fn rotate(&self) -> Result<u64, SpoolError> {
        let store = self.shared.store.clone();
        self.shared.bytes.store(0, Ordering::Relaxed);
        blocking(move || Ok(store.lock().rotate())).await
    }

    /// Removes segments below a number: a harvest has them.
    pub(in crate::delivery) async fn settle(&self, covers: u64) -> Result<(), SpoolError> {
        let store = self.shared.store.clone();
        blocking(move || {
            store.lock().remove_below(covers);
            Ok(())
        })
        .await
    }
}

/// Writes what waits, again and again: while one group is written the next one gathers, so that many calls share one
/// write and one fsync.
async fn write(shared: Arc<Shared>) {
    loop {
        shared.came.notified().await;
        let Waiting { frames, calls } = std::mem::take(&mut *shared.waiting.lock());
        if calls.is_empty() {
            continue;
        }
        let (store, length) = (shared.store.clone(), frames.len() as u64);
        let written = blocking(move || Store::append(&store, &frames)).await;
        if written.is_ok() {
            shared.bytes.fetch_add(length, Ordering::Relaxed);
        }
        for call in calls {
            // A caller that gave up is not told.
            let _ = call.send(written.clone());
        }
    }
}
