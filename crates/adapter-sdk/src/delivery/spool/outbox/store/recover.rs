//! Finds what an earlier process left in an outbox.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::super::SpoolError;
use super::super::super::appender::{self, Appender, make_directory, numbers};
use super::super::super::segment::{self, End, Frames, Item, MAGIC};
use super::super::super::slot::Claim;
use super::{Entry, Segment, State, Store};
use crate::delivery::BackendMetrics;

impl Store {
    /// Opens an outbox, and tells below which segment of the journal everything is in it.
    pub(in super::super) fn open(
        claim: &Arc<Claim>,
        directory: &Path,
        metrics: BackendMetrics,
    ) -> Result<(Self, u64), SpoolError> {
        let failed = |source| SpoolError::io(directory, source);
        make_directory(directory, claim.options().fsync).map_err(failed)?;
        let found = numbers(directory, "seg").map_err(failed)?;
        let next = found.last().map_or(0, |last| last + 1);
        let options = claim.options();
        let mut store = Self {
            appender: Appender::new(directory, options.fsync, options.segment_bytes(), next),
            segments: Default::default(),
            reader: None,
            read_from: 0,
            bytes: 0,
            metrics,
            claim: claim.clone(),
        };
        let mut covers = 0;
        for number in found {
            covers = store.recover(number).map_err(failed)?.max(covers);
        }
        let (entries, items) = store.level();
        if entries > 0 {
            tracing::info!(directory = %directory.display(), entries, items, "the spool holds payloads from before");
        }
        Ok((store, covers))
    }

    /// A torn end is cut off, and with it a group that was not written whole: what it held is in the journal. A segment in
    /// which bytes have changed is set aside, and what stands before the change is kept.
    fn recover(&mut self, number: u64) -> io::Result<u64> {
        let path = self.path(number, "seg");
        let bytes = fs::read(&path)?;
        let mut segment = Segment::default();
        let (mut covered, mut whole, mut whole_entries) = (0, MAGIC.len().min(bytes.len()), 0);
        let mut frames = Frames::new(&bytes);
        while let Some(item) = frames.next() {
            match item {
                Item::Payload { items, .. } => segment.entries.push(Entry { items, state: State::Waiting }),
                Item::Commit { covers } => {
                    covered = covers.max(covered);
                    (whole, whole_entries) = (frames.position(), segment.entries.len());
                }
                Item::Report { .. } => {}
            }
        }
        let good = bytes.get(..frames.position()).unwrap_or_default();
        segment.bytes = match frames.end() {
            End::Clean | End::Torn => {
                if whole < bytes.len() {
                    tracing::info!(
                        segment = number,
                        bytes = bytes.len() - whole,
                        "the torn end of a segment was cut off"
                    );
                    OpenOptions::new().write(true).open(&path)?.set_len(whole as u64)?;
                }
                segment.entries.truncate(whole_entries);
                whole
            }
            End::Corrupt => {
                self.metrics.spool.corrupt.inc();
                let aside = appender::set_aside(self.appender.directory(), number)?;
                tracing::error!(
                    segment = number, file = %aside.display(), kept_entries = segment.entries.len(),
                    "bytes in a segment of the spool have changed; it was set aside, and what stands before the change is kept"
                );
                let mut kept = if segment.entries.is_empty() { MAGIC.to_vec() } else { good.to_vec() };
                segment::put(&mut kept, Item::Commit { covers: covered });
                fs::write(&path, &kept)?;
                kept.len()
            }
        } as u64;
        for index in settled(&fs::read(self.path(number, "settled")).unwrap_or_default()) {
            if let Some(entry) = segment.entries.get_mut(index as usize) {
                entry.state = State::Settled;
            }
        }
        self.bytes += segment.bytes;
        self.claim.budget().add(segment.bytes);
        self.metrics.spool.bytes.add(segment.bytes as i64);
        self.metrics.spool.entries.add(segment.open().count() as i64);
        self.segments.insert(number, segment);
        Ok(covered)
    }
}

/// The entries that were noted as settled. What cannot be read counts as not settled.
fn settled(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<8>().0.iter().filter_map(|note| {
        let (index, sum) = (note.first_chunk::<4>()?, note.last_chunk::<4>()?);
        (crc32fast::hash(index).to_le_bytes() == *sum).then(|| u32::from_le_bytes(*index))
    })
}
