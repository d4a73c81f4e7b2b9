//! The segments of an outbox: which there are, what of them is settled, and where reading and writing stand.

mod recover;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::SpoolError;
use super::super::appender::{self, Appender};
use super::super::segment::MAGIC;
use super::super::slot::Claim;
use super::reader::Reader;
use super::{EntryId, Record};
use crate::delivery::BackendMetrics;
use crate::delivery::outcome::reason;

pub(super) struct Store {
    appender: Appender,
    segments: BTreeMap<u64, Segment>,
    reader: Option<Reader>,
    /// Segments below were read to their end.
    read_from: u64,
    bytes: u64,
    metrics: BackendMetrics,
    claim: Arc<Claim>,
}

/// One segment.
#[derive(Debug, Default)]
struct Segment {
    bytes: u64,
    entries: Vec<Entry>,
    settled: Option<File>,
}

/// A payload, as far as memory knows it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    items: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// Handed out: whoever has it decides.
    Out,
    Settled,
}

impl Segment {
    fn is_settled(&self) -> bool {
        self.entries.iter().all(|entry| entry.state == State::Settled)
    }

    fn waiting_items(&self) -> u64 {
        let waiting = self.entries.iter().filter(|entry| entry.state == State::Waiting);
        waiting.map(|entry| u64::from(entry.items)).sum()
    }

    fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.state != State::Settled)
    }
}

impl Store {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn level(&self) -> (u64, u64) {
        let open = self.segments.values().flat_map(Segment::open);
        open.fold((0, 0), |(entries, items), entry| (entries + 1, items + u64::from(entry.items)))
    }

    fn failed(&self, source: io::Error) -> SpoolError {
        SpoolError::io(self.appender.directory(), source)
    }

    fn path(&self, number: u64, kind: &str) -> PathBuf {
        appender::path(self.appender.directory(), number, kind)
    }

    /// Appends a group, and says whether it began a segment.
    pub(super) fn append(&mut self, frames: &[u8], records: &[Record]) -> Result<bool, SpoolError> {
        let before = self.appender.current();
        let appended = self.appender.append(frames);
        // A segment that is no longer written may be settled already.
        if let Some(before) = before.filter(|before| self.appender.current() != Some(*before)) {
            self.remove_if_settled(before);
        }
        let appended = appended.map_err(|source| self.failed(source))?;
        let bytes = (frames.len() + if appended.began { MAGIC.len() } else { 0 }) as u64;
        let segment = self.segments.entry(appended.number).or_default();
        segment.bytes += bytes;
        let entry = |record: &Record| Entry { items: record.items, state: State::Waiting };
        segment.entries.extend(records.iter().map(entry));
        self.bytes += bytes;
        self.metrics.spool.bytes.add(bytes as i64);
        self.metrics.spool.entries.add(records.len() as i64);
        Ok(appended.began)
    }

    /// Drops the oldest segment, and says how many items in it nobody had yet.
    pub(super) fn drop_oldest(&mut self) -> Option<u64> {
        let (&number, segment) = self.segments.first_key_value()?;
        let items = segment.waiting_items();
        self.remove(number);
        Some(items)
    }

    pub(super) fn next(&mut self) -> Result<Option<(EntryId, Record)>, SpoolError> {
        loop {
            let from = self.reader.as_ref().map_or(self.read_from, |reader| reader.number);
            let Some((&number, segment)) = self.segments.range(from..).next() else { return Ok(None) };
            let length = segment.bytes;
            if self.reader.as_ref().is_none_or(|reader| reader.number != number) {
                let reader = Reader::open(number, &self.path(number, "seg"));
                self.reader = Some(reader.map_err(|source| self.failed(source))?);
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            match reader.next(length) {
                Ok(Some((index, record))) => {
                    let entry = self.segments.get_mut(&number);
                    let entry = entry.and_then(|segment| segment.entries.get_mut(index as usize));
                    if let Some(entry) = entry.filter(|entry| entry.state == State::Waiting) {
                        entry.state = State::Out;
                        return Ok(Some((EntryId { segment: number, index }, record)));
                    }
                }
                // More may be written to this one.
                Ok(None) if self.appender.current() == Some(number) => return Ok(None),
                Ok(None) => self.read_past(number),
                Err(error) => {
                    tracing::error!(%error, segment = number, "a segment of the spool cannot be read on; it is set aside");
                    self.set_aside(number);
                    self.read_past(number);
                }
            }
        }
    }

    fn read_past(&mut self, number: u64) {
        self.reader = None;
        self.read_from = number + 1;
    }

    /// Moves a segment out of the way; what it held and nobody had yet is lost, and counted.
    fn set_aside(&mut self, number: u64) {
        let lost = self.segments.get(&number).map(Segment::waiting_items).unwrap_or_default();
        self.metrics.dropped(reason::SPOOL_CORRUPT, usize::try_from(lost).unwrap_or(usize::MAX));
        self.metrics.spool.corrupt.inc();
        if let Err(error) = appender::set_aside(self.appender.directory(), number) {
            tracing::error!(%error, segment = number, "a corrupt segment cannot be set aside");
        }
        self.remove(number);
    }

    pub(super) fn settle(&mut self, entry: EntryId) -> Result<(), SpoolError> {
        let path = self.path(entry.segment, "settled");
        // A segment that made room is gone, and so is what was in it.
        let Some(segment) = self.segments.get_mut(&entry.segment) else { return Ok(()) };
        match segment.entries.get_mut(entry.index as usize) {
            Some(found) if found.state != State::Settled => found.state = State::Settled,
            _ => return Ok(()),
        }
        self.metrics.spool.entries.dec();
        let current = self.appender.current() == Some(entry.segment);
        if segment.is_settled() && !current {
            self.remove(entry.segment);
            return Ok(());
        }
        let noted = note(segment, &path, entry.index);
        noted.map_err(|source| self.failed(source))
    }

    /// Removes segments of which everything is settled.
    pub(super) fn sweep(&mut self) {
        let numbers: Vec<u64> = self.segments.keys().copied().collect();
        for number in numbers {
            self.remove_if_settled(number);
        }
    }

    fn remove_if_settled(&mut self, number: u64) {
        if self.segments.get(&number).is_some_and(Segment::is_settled) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(segment) = self.segments.remove(&number) {
            self.count_out(&segment);
            self.bytes = self.bytes.saturating_sub(segment.bytes);
        }
        if self.appender.current() == Some(number) {
            self.appender.rotate();
        }
        if self.reader.as_ref().is_some_and(|reader| reader.number == number) {
            self.reader = None;
        }
        for kind in ["seg", "settled"] {
            if let Err(error) = fs::remove_file(self.path(number, kind))
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, segment = number, "a file of the spool cannot be removed");
            }
        }
    }

    fn count_out(&self, segment: &Segment) {
        self.claim.budget().release(segment.bytes);
        self.metrics.spool.bytes.sub(segment.bytes as i64);
        self.metrics.spool.entries.sub(segment.open().count() as i64);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Nothing is written any more: a segment that is settled can go.
        self.appender.rotate();
        self.sweep();
        for segment in self.segments.values() {
            self.count_out(segment);
        }
    }
}

/// Notes that an entry is settled: its index, and a checksum of it.
fn note(segment: &mut Segment, path: &Path, index: u32) -> io::Result<()> {
    let file = match &mut segment.settled {
        Some(file) => file,
        none => none.insert(OpenOptions::new().create(true).append(true).open(path)?),
    };
    let mut bytes = [0; 8];
    let (left, right) = bytes.split_at_mut(4);
    left.copy_from_slice(&index.to_le_bytes());
    right.copy_from_slice(&crc32fast::hash(&index.to_le_bytes()).to_le_bytes());
    file.write_all(&bytes)
}
