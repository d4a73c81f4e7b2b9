//! The segments of a spool: which there are, what of them is settled, and where reading and writing stand.

mod recover;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::segment::{self, FRAME, Item, MAGIC};
use super::{EntryId, Fsync, Record, SpoolError, SpoolOptions, SpoolStats};

#[derive(Debug)]
pub(super) struct Store {
    options: SpoolOptions,
    segments: BTreeMap<u64, Segment>,
    writer: Option<Writer>,
    reader: Option<Reader>,
    /// Segments below were read to their end.
    read_from: u64,
    next_number: u64,
    bytes: u64,
    dropped_items: u64,
    corrupt_segments: u64,
    /// Locked for as long as the spool is open.
    _lock: File,
}

/// One segment.
#[derive(Debug, Default)]
struct Segment {
    bytes: u64,
    /// How many items each entry holds; none when it is settled.
    entries: Vec<Option<u32>>,
    settled: Option<File>,
}

impl Segment {
    fn open_entries(&self) -> usize {
        self.entries.iter().flatten().count()
    }
}

/// The segment that is written.
#[derive(Debug)]
struct Writer {
    number: u64,
    file: File,
    configs: HashMap<Bytes, u32>,
}

/// The segment that is read.
#[derive(Debug)]
struct Reader {
    number: u64,
    file: File,
    position: u64,
    configs: Vec<Bytes>,
    index: u32,
}

impl Store {
    pub(super) fn stats(&self) -> SpoolStats {
        SpoolStats {
            entries: self.segments.values().map(|segment| segment.open_entries() as u64).sum(),
            bytes: self.bytes,
            dropped_items: self.dropped_items,
            corrupt_segments: self.corrupt_segments,
        }
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), SpoolError> {
        // Room for a segment of its own, with its configuration.
        let most = MAGIC.len() + 2 * FRAME + 32 + record.config.len() + record.payload.len();
        let (most, max_bytes) = (most as u64, self.options.max_bytes);
        if most > max_bytes {
            return Err(SpoolError::TooLarge { bytes: most, max_bytes });
        }
        self.make_room(most);
        let written = self.write(record);
        if written.is_err() {
            // What stands in the file now is not known. A torn end is read as such.
            self.writer = None;
        }
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> SpoolError {
        SpoolError::Io { directory: self.options.directory.clone(), source }
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let segment_bytes = self.options.segment_bytes.min(self.options.max_bytes / 4);
        let full = |number| self.segments.get(number).is_none_or(|segment| segment.bytes >= segment_bytes);
        if self.writer.as_ref().is_none_or(|writer| full(&writer.number)) {
            self.begin_segment()?;
        }
        let Some(writer) = &mut self.writer else { return Err(io::ErrorKind::NotFound.into()) };
        let mut frames = Vec::with_capacity(record.payload.len() + record.config.len() + 64);
        let known = writer.configs.get(&record.config).copied();
        let config = known.unwrap_or(writer.configs.len() as u32);
        let mut fits = known.is_some() || segment::put(&mut frames, Item::Config(&record.config));
        fits &= segment::put(
            &mut frames,
            Item::Entry {
                request_id: record.request_id,
                config,
                items: record.items,
                payload: &record.payload,
            },
        );
        if !fits {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        writer.file.write_all(&frames)?;
        if self.options.fsync == Fsync::Always {
            writer.file.sync_data()?;
        }
        writer.configs.insert(record.config.clone(), config);
        let segment = self.segments.entry(writer.number).or_default();
        segment.bytes += frames.len() as u64;
        segment.entries.push(Some(record.items));
        self.bytes += frames.len() as u64;
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        if let Some(old) = self.writer.take() {
            self.remove_if_settled(old.number);
        }
        let number = self.next_number;
        self.next_number += 1;
        let mut file = File::create_new(self.path(number, "seg"))?;
        file.write_all(MAGIC)?;
        if self.options.fsync == Fsync::Always {
            file.sync_data()?;
            // Without its name in the directory a file is lost too.
            File::open(&self.options.directory)?.sync_all()?;
        }
        self.bytes += MAGIC.len() as u64;
        self.segments.insert(number, Segment { bytes: MAGIC.len() as u64, ..Segment::default() });
        self.writer = Some(Writer { number, file, configs: HashMap::new() });
        Ok(())
    }

    /// Removes the oldest segments until there is room.
    fn make_room(&mut self, bytes: u64) {
        while self.bytes + bytes > self.options.max_bytes {
            let Some((&number, segment)) = self.segments.first_key_value() else { return };
            let items: u64 = segment.entries.iter().flatten().map(|items| u64::from(*items)).sum();
            if items > 0 {
                self.dropped_items += items;
                tracing::error!(
                    directory = %self.options.directory.display(), items,
                    "the spool is full; the oldest items were dropped. Is the backend reachable?"
                );
            }
            self.remove(number);
        }
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
            let read = reader.next(length);
            match read {
                Ok(Some((index, record))) => {
                    let open =
                        self.segments.get(&number).and_then(|segment| segment.entries.get(index as usize));
                    if open.is_some_and(Option::is_some) {
                        return Ok(Some((EntryId { segment: number, index }, record)));
                    }
                }
                // More may be written to this one.
                Ok(None) if self.writer.as_ref().is_some_and(|writer| writer.number == number) => {
                    return Ok(None);
                }
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

    /// Moves a segment out of the way; what it held and was not settled is lost, and counted.
    fn set_aside(&mut self, number: u64) {
        let lost = self.segments.get(&number).map(|segment| segment.entries.iter().flatten().sum::<u32>());
        self.dropped_items += u64::from(lost.unwrap_or_default());
        self.corrupt_segments += 1;
        if let Err(error) = fs::rename(self.path(number, "seg"), self.path(number, "corrupt")) {
            tracing::error!(%error, segment = number, "a corrupt segment cannot be set aside");
        }
        self.remove(number);
    }

    pub(super) fn settle(&mut self, entry: EntryId) -> Result<(), SpoolError> {
        let path = self.path(entry.segment, "settled");
        // A segment that made room is gone, and so is what was in it.
        let Some(segment) = self.segments.get_mut(&entry.segment) else { return Ok(()) };
        let open = segment.entries.get_mut(entry.index as usize).and_then(Option::take);
        if open.is_none() {
            return Ok(());
        }
        let noted = note(segment, &path, entry.index);
        if self.writer.as_ref().is_none_or(|writer| writer.number != entry.segment) {
            self.remove_if_settled(entry.segment);
        }
        noted.map_err(|source| self.failed(source))
    }

    fn remove_if_settled(&mut self, number: u64) {
        if self.segments.get(&number).is_some_and(|segment| segment.open_entries() == 0) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(segment) = self.segments.remove(&number) {
            self.bytes = self.bytes.saturating_sub(segment.bytes);
        }
        if self.writer.as_ref().is_some_and(|writer| writer.number == number) {
            self.writer = None;
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

    fn path(&self, number: u64, kind: &str) -> PathBuf {
        self.options.directory.join(format!("{number:020}.{kind}"))
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

impl Reader {
    fn open(number: u64, path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { number, file, position: MAGIC.len() as u64, configs: Vec::new(), index: 0 })
    }

    /// The next entry before `length`.
    fn next(&mut self, length: u64) -> io::Result<Option<(u32, Record)>> {
        let corrupt = || io::Error::new(io::ErrorKind::InvalidData, "bytes in it have changed");
        while self.position < length {
            self.file.seek(SeekFrom::Start(self.position))?;
            let mut frame = [0; FRAME];
            self.file.read_exact(&mut frame)?;
            let (size, sum) = segment::frame(&frame).ok_or_else(corrupt)?;
            let whole = FRAME as u64 + u64::from(size);
            if self.position + whole > length {
                return Err(corrupt());
            }
            let mut body = vec![0; size as usize];
            self.file.read_exact(&mut body)?;
            self.position += whole;
            match segment::body(size, sum, &body).ok_or_else(corrupt)? {
                Item::Config(config) => self.configs.push(Bytes::copy_from_slice(config)),
                Item::Entry { request_id, config, items, payload } => {
                    let config = self.configs.get(config as usize).cloned().ok_or_else(corrupt)?;
                    let index = self.index;
                    self.index += 1;
                    let payload = Bytes::copy_from_slice(payload);
                    return Ok(Some((index, Record { request_id, config, items, payload })));
                }
            }
        }
        Ok(None)
    }
}
