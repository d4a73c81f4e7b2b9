//! An optional write-ahead log on disk: what was appended survives the death of the process, and is handed out again in
//! order, with the handler configuration and the request id that it had.
//!
//! It is plain files and no embedded database. The spool needs an append, a walk in order and the removal of the oldest; a
//! segment file with a checksum for each entry does that with one `write` per append, can be looked at and removed by
//! hand, frees its disk space at once, and what a killed process leaves behind is at worst one torn frame at the end of a file.
//! A store of keys and values would add compaction and a recovery of its own for nothing that is used.

mod segment;
mod store;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::RequestId;
use store::Store;

/// When what was appended is forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// When the system likes: an entry survives the death of the process, but not that of the machine.
    #[default]
    Never,
    /// Before each append returns: an entry survives the death of the machine too.
    Always,
}

/// Where a spool is, and how large it may be.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// A directory that belongs to this spool alone; it is made when it is missing.
    pub directory: PathBuf,
    /// The most bytes of all segments. The oldest segment makes room.
    pub max_bytes: u64,
    /// Size at which a new segment is begun; at most a quarter of `max_bytes`.
    pub segment_bytes: u64,
    /// When entries are forced to the disk.
    pub fsync: Fsync,
}

impl SpoolOptions {
    /// 256 MiB in segments of 4 MiB, written to the disk when the system likes.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self { directory, max_bytes: 256 << 20, segment_bytes: 4 << 20, fsync: Fsync::default() }
    }
}

/// A spool that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk.
    #[error("the spool in {}: {source}; is the volume full, or read-only?", directory.display())]
    Io {
        /// Where the spool is.
        directory: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Another process has it.
    #[error("the spool in {} is used by another process; give each one a directory of its own", .0.display())]
    InUse(PathBuf),
    /// The entry is larger than the spool may be.
    #[error("an entry of {bytes} bytes is larger than the spool may be ({max_bytes} bytes)")]
    TooLarge {
        /// Size of the entry.
        bytes: u64,
        /// Size of the spool.
        max_bytes: u64,
    },
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id under which the payload is sent, also after a restart.
    pub request_id: RequestId,
    /// The encoded configuration of the handler, from which the handler is built after a restart.
    pub config: Bytes,
    /// How many items the payload holds.
    pub items: u32,
    /// The payload.
    pub payload: Bytes,
}

/// Names an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId {
    segment: u64,
    index: u32,
}

/// What a spool holds and what it has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Entries that are not settled.
    pub entries: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Items that were dropped to make room, since the spool was opened.
    pub dropped_items: u64,
    /// Segments that were set aside because bytes in them had changed, since the spool was opened.
    pub corrupt_segments: u64,
}

/// The spool. Reading and writing is done on blocking threads. Clones are the same spool.
#[derive(Clone, Debug)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Mutex<Store>,
    appended: Notify,
}

impl Spool {
    /// Opens a spool and finds what is left from before. A torn end is cut off; a segment in which bytes have changed is set
    /// aside as `*.corrupt`, and what stands before the change is kept.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or is in use.
    pub async fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let store = blocking(move || Store::open(options)).await?;
        let inner = Inner { store: Mutex::new(store), appended: Notify::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Keeps a record; when this returns it survives as [`SpoolOptions::fsync`] says. The oldest segment makes room when
    /// there is none.
    ///
    /// # Errors
    ///
    /// The record is not kept: the disk fails, or the record is too large.
    pub async fn append(&self, record: Record) -> Result<(), SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.store.lock().append(&record)).await?;
        self.inner.appended.notify_one();
        Ok(())
    }

    /// The oldest entry that was not handed out since the spool was opened; none when there is none.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub async fn next(&self) -> Result<Option<(EntryId, Record)>, SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.store.lock().next()).await
    }

    /// An entry is delivered, or dropped for good: it is not handed out after a restart.
    ///
    /// # Errors
    ///
    /// The disk fails; the entry comes again after a restart.
    pub async fn settle(&self, entry: EntryId) -> Result<(), SpoolError> {
        let inner = self.inner.clone();
        blocking(move || inner.store.lock().settle(entry)).await
    }

    /// What it holds.
    pub fn stats(&self) -> SpoolStats {
        self.inner.store.lock().stats()
    }

    /// Hands entries out in order, at most so many a second, for ever: `deliver` returns when an entry is settled. An entry
    /// whose delivery ends early, because this future is dropped, comes again after a restart.
    pub async fn replay<F: Future<Output = ()>>(
        &self,
        per_second: u32,
        mut deliver: impl FnMut(Record) -> F,
    ) {
        let pause = Duration::from_secs(1) / per_second.max(1);
        loop {
            let earliest = Instant::now() + pause;
            match self.next().await {
                Ok(Some((entry, record))) => {
                    deliver(record).await;
                    if let Err(error) = self.settle(entry).await {
                        tracing::error!(%error, "a delivered entry will come again after a restart");
                    }
                }
                // A permit of `notify_one` stays, so no append between the look and the wait is missed.
                Ok(None) => self.inner.appended.notified().await,
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read; it is tried again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            sleep_until(earliest).await;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only when the runtime ends.
        Err(error) => Err(SpoolError::Io { directory: PathBuf::new(), source: io::Error::other(error) }),
    }
}
