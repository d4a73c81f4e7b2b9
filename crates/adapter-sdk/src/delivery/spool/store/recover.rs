//! Finds what an earlier process left in the directory of a spool.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::super::segment::{End, Frames, Item};
use super::super::{SpoolError, SpoolOptions};
use super::{Segment, Store};

/// Corrupt segments that are kept for whoever wants to look at them.
const KEPT_CORRUPT: usize = 3;

impl Store {
    pub(in super::super) fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Io { directory: options.directory.clone(), source };
        fs::create_dir_all(&options.directory).map_err(failed)?;
        let lock = OpenOptions::new().create(true).append(true).open(options.directory.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(options.directory)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let numbers = numbers(&options.directory, "seg").map_err(failed)?;
        let mut store = Self {
            segments: Default::default(),
            writer: None,
            reader: None,
            read_from: 0,
            next_number: numbers.last().map_or(0, |last| last + 1),
            bytes: 0,
            dropped_items: 0,
            corrupt_segments: 0,
            options,
            _lock: lock,
        };
        for number in numbers {
            let recovered = store.recover(number);
            recovered.map_err(|source| store.failed(source))?;
        }
        let forgotten = store.forget_corrupt();
        forgotten.map_err(|source| store.failed(source))?;
        if !store.segments.is_empty() {
            let (directory, stats) = (store.options.directory.display(), store.stats());
            tracing::info!(%directory, entries = stats.entries, bytes = stats.bytes, "the spool holds entries from before");
        }
        Ok(store)
    }

    fn recover(&mut self, number: u64) -> io::Result<()> {
        let path = self.path(number, "seg");
        let bytes = fs::read(&path)?;
        let mut segment = Segment::default();
        let mut frames = Frames::new(&bytes);
        for item in frames.by_ref() {
            if let Item::Entry { items, .. } = item {
                segment.entries.push(Some(items));
            }
        }
        let good = bytes.get(..frames.position()).unwrap_or_default();
        match frames.end() {
            End::Clean => {}
            End::Torn => {
                tracing::info!(
                    segment = number,
                    bytes = bytes.len() - good.len(),
                    "the torn end of a segment was cut off"
                );
                OpenOptions::new().write(true).open(&path)?.set_len(good.len() as u64)?;
            }
            End::Corrupt => {
                self.corrupt_segments += 1;
                let aside = self.path(number, "corrupt");
                tracing::error!(
                    segment = number, file = %aside.display(), kept_entries = segment.entries.len(),
                    "bytes in a segment of the spool have changed; it was set aside, and what stands before the change is kept"
                );
                fs::rename(&path, aside)?;
                fs::write(&path, if segment.entries.is_empty() { &[] } else { good })?;
            }
        }
        segment.bytes = good.len() as u64;
        for index in settled(&fs::read(self.path(number, "settled")).unwrap_or_default()) {
            if let Some(entry) = segment.entries.get_mut(index as usize) {
                *entry = None;
            }
        }
        self.bytes += segment.bytes;
        self.segments.insert(number, segment);
        self.remove_if_settled(number);
        Ok(())
    }

    fn forget_corrupt(&self) -> io::Result<()> {
        let numbers = numbers(&self.options.directory, "corrupt")?;
        for number in numbers.iter().rev().skip(KEPT_CORRUPT) {
            let path = self.path(*number, "corrupt");
            tracing::warn!(file = %path.display(), "an old corrupt segment was removed");
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Numbers of the files of a kind, in order.
fn numbers(directory: &Path, kind: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_some_and(|extension| extension == kind)
            && let Some(number) = stem.and_then(|stem| stem.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The entries that were noted as settled. What cannot be read counts as not settled.
fn settled(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<8>().0.iter().filter_map(|note| {
        let (index, sum) = (note.first_chunk::<4>()?, note.last_chunk::<4>()?);
        (crc32fast::hash(index).to_le_bytes() == *sum).then(|| u32::from_le_bytes(*index))
    })
}
