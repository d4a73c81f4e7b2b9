//! An optional write-ahead log on disk: what a report call brought is written before the call is answered, and so are
//! payloads before they are sent. What was acknowledged survives the death of the process, and is handed out again in order
//! with the request ids that it had, by handlers that are built of the configuration that is kept beside it.
//!
//! A handler configuration has a directory, and each of its pipelines has two logs there. The **journal** holds report calls
//! until a harvest; the **outbox** holds the payloads that were made of a harvest until the backend has them. A harvest closes
//! the journal's segment, writes its payloads as one group that ends with the number of the next segment, and removes what
//! stands below: a process that dies in between does neither lose nor repeat anything.
//!
//! It is plain files and no embedded database. The spool needs an append, a walk in order and the removal of the oldest; a
//! segment file with a checksum for each entry does that with one `write` per append, can be looked at and removed by
//! hand, frees its disk space at once, and what a killed process leaves behind is at worst one torn frame at the end of a file.
//! A store of keys and values would add compaction and a recovery of its own for nothing that is used.

mod appender;
mod args;
mod budget;
mod handler_file;
mod home;
mod journal;
mod keeper;
mod left;
mod outbox;
mod segment;
mod slot;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use args::SpoolArgs;
pub use home::SpoolHome;

pub(in crate::delivery) use journal::{Journal, Report};
pub(in crate::delivery) use outbox::{EntryId, Outbox, Record};
pub(in crate::delivery) use slot::{Replay, Replayed, Slot, is_replaying};

/// When what was appended is forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Fsync {
    /// When the system likes: an entry survives the death of the process, but not that of the machine.
    #[default]
    Never,
    /// Before a call is answered: an entry survives the death of the machine too. Calls that come together share one.
    Always,
}

/// Where a spool is, and how large it may be.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// A directory that belongs to this process alone; it is made when it is missing.
    pub directory: PathBuf,
    /// The most bytes of everything in it. The oldest payloads make room.
    pub max_bytes: u64,
    /// When entries are forced to the disk.
    pub fsync: Fsync,
}

impl SpoolOptions {
    /// 1 GiB, written to the disk when the system likes.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), max_bytes: 1 << 30, fsync: Fsync::default() }
    }

    /// Size at which a new segment is begun: small enough that a part of a small spool can make room.
    fn segment_bytes(&self) -> u64 {
        (self.max_bytes / 16).min(4 << 20)
    }
}

/// A spool that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk.
    #[error("the spool in {}: {source}; is the volume full, or read-only?", directory.display())]
    Io {
        /// Where the spool is.
        directory: PathBuf,
        /// What happened.
        source: Arc<io::Error>,
    },
    /// Another process has it.
    #[error("the spool in {} is used by another process; give each one a directory of its own", .0.display())]
    InUse(PathBuf),
    /// There is no room, and nothing that could make some.
    #[error(
        "the spool has no room for {bytes} more bytes ({max_bytes} are allowed); --spoolMaxBytes sets its size"
    )]
    Full {
        /// How many bytes were to be written.
        bytes: u64,
        /// Size of the spool.
        max_bytes: u64,
    },
    /// The runtime or the handler ends.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    fn io(directory: &std::path::Path, source: io::Error) -> Self {
        Self::Io { directory: directory.to_owned(), source: Arc::new(source) }
    }
}

/// What a segment file holds, for whoever looks at one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Report calls.
    pub reports: usize,
    /// Payloads.
    pub payloads: usize,
    /// Items of the payloads.
    pub items: u64,
    /// Bytes that can be read; what follows is torn or has changed.
    pub good_bytes: usize,
}

impl SegmentSummary {
    /// Reads the bytes of a segment file, whatever they are.
    pub fn of(bytes: &[u8]) -> Self {
        let mut summary = Self::default();
        let mut frames = segment::Frames::new(bytes);
        for item in frames.by_ref() {
            match item {
                segment::Item::Report { .. } => summary.reports += 1,
                segment::Item::Payload { items, .. } => {
                    summary.payloads += 1;
                    summary.items += u64::from(items);
                }
                segment::Item::Commit { .. } => {}
            }
        }
        summary.good_bytes = frames.position();
        summary
    }
}

/// Does work that waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    // An error is the end of the runtime, or a panic, which is a defect and was told.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(SpoolError::Closed))
}
