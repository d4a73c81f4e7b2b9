//! The log of payloads: each harvest is appended as a group, each payload is removed when it is delivered or dropped.

mod reader;
mod store;

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::budget::MakesRoom;
use super::segment::{self, FRAME, Item, MAGIC};
use super::slot::Claim;
use super::{SpoolError, blocking};
use crate::delivery::outcome::reason;
use crate::delivery::{BackendMetrics, RequestId};
use store::Store;

/// A payload that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct Record {
    /// The id under which the payload is sent, also after a restart.
    pub(in crate::delivery) request_id: RequestId,
    /// When the oldest that went into it came.
    pub(in crate::delivery) since: SystemTime,
    /// How many items the payload holds.
    pub(in crate::delivery) items: u32,
    /// The payload.
    pub(in crate::delivery) payload: Bytes,
}

/// Names an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::delivery) struct EntryId {
    segment: u64,
    index: u32,
}

/// The outbox of a pipeline.
pub(in crate::delivery) struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    store: Mutex<Store>,
    changed: Notify,
    claim: Arc<Claim>,
    metrics: BackendMetrics,
}

impl Outbox {
    /// Opens the outbox, and tells which segments of the journal are in it already.
    pub(in crate::delivery) async fn open(
        claim: Arc<Claim>,
        name: &str,
        metrics: BackendMetrics,
    ) -> Result<(Self, u64), SpoolError> {
        let directory = claim.directory().join(name).join("outbox");
        let opened = blocking({
            let (claim, metrics) = (claim.clone(), metrics.clone());
            move || Store::open(&claim, &directory, metrics)
        });
        let (store, covers) = opened.await?;
        let inner = Inner { store: Mutex::new(store), changed: Notify::new(), claim, metrics };
        let inner = Arc::new(inner);
        let log = Arc::downgrade(&inner);
        inner.claim.budget().add_log(log as Weak<dyn MakesRoom>);
        Ok((Self { inner }, covers))
    }

    /// Removes what is left of payloads that were delivered, once the journal no longer needs their marks.
    pub(in crate::delivery) async fn sweep(&self) -> Result<(), SpoolError> {
        let inner = self.inner.clone();
        blocking(move || {
            inner.store.lock().sweep();
            Ok(())
        })
        .await
    }

    /// Keeps payloads as one group: all of them, or none. They hold what stands in the journal below `covers`. When the group
    /// is larger than the spool may be, its oldest payloads are dropped and counted.
    pub(in crate::delivery) async fn append(
        &self,
        records: Arc<[Record]>,
        covers: u64,
    ) -> Result<(), SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.append(&records, covers)).await?;
        self.inner.changed.notify_one();
        Ok(())
    }

    /// The oldest payload that was not handed out since the outbox was opened; none when there is none.
    pub(in crate::delivery) async fn next(&self) -> Result<Option<(EntryId, Record)>, SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.store.lock().next()).await
    }

    /// Done when something was appended since the last time.
    pub(in crate::delivery) async fn changed(&self) {
        // A permit of `notify_one` stays, so no append between a look and the wait is missed.
        self.inner.changed.notified().await;
    }

    /// A payload is delivered, or dropped for good: it is not handed out again.
    pub(in crate::delivery) async fn settle(&self, entry: EntryId) -> Result<(), SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.store.lock().settle(entry)).await
    }

    /// Payloads that are not settled, and their items.
    pub(in crate::delivery) fn level(&self) -> (u64, u64) {
        self.inner.store.lock().level()
    }
}

impl Inner {
    fn append(&self, records: &[Record], covers: u64) -> Result<(), SpoolError> {
        let room = self.claim.budget().max_group().saturating_sub(64);
        let size = |record: &Record| (record.payload.len() + FRAME + 32) as u64;
        let (mut total, mut first) = (0, records.len());
        while let Some(record) = first.checked_sub(1).and_then(|index| records.get(index))
            && total + size(record) <= room
        {
            total += size(record);
            first -= 1;
        }
        let (lost, kept) = records.split_at(first);
        let mut frames = Vec::with_capacity(usize::try_from(total).unwrap_or_default() + MAGIC.len() + 64);
        for record in kept {
            let Record { request_id, since, items, payload } = record;
            let item = Item::Payload { request_id: *request_id, since: *since, items: *items, body: payload };
            segment::put(&mut frames, item);
        }
        segment::put(&mut frames, Item::Commit { covers });
        let bytes = (frames.len() + MAGIC.len()) as u64;
        self.claim.budget().reserve(bytes)?;
        let appended = self.store.lock().append(&frames, kept);
        let spare = match &appended {
            Ok(began) if *began => 0,
            Ok(_) => MAGIC.len() as u64,
            Err(_) => bytes,
        };
        self.claim.budget().release(spare);
        appended?;
        if !lost.is_empty() {
            let items: u64 = lost.iter().map(|record| u64::from(record.items)).sum();
            self.dropped(reason::SPOOL_FULL, items);
        }
        Ok(())
    }

    fn dropped(&self, reason: &'static str, items: u64) {
        if items > 0 {
            self.metrics.dropped(reason, usize::try_from(items).unwrap_or(usize::MAX));
            tracing::error!(
                directory = %self.claim.directory().display(), backend = self.metrics.backend(), items, reason,
                "the spool is full; the oldest items were dropped. Is the backend reachable?"
            );
        }
    }
}

impl MakesRoom for Inner {
    fn bytes(&self) -> u64 {
        self.store.lock().bytes()
    }

    fn drop_oldest(&self) -> bool {
        let dropped = self.store.lock().drop_oldest();
        self.dropped(reason::SPOOL_FULL, dropped.unwrap_or_default());
        dropped.is_some()
    }
}

#[cfg(test)]
mod tests;
