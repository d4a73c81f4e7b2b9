//! The segments of a journal.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::SpoolError;
use super::super::appender::{Appender, make_directory, numbers, path, set_aside};
use super::super::segment::{End, Frames, Item, MAGIC};
use super::super::slot::Claim;
use super::Report;
use crate::delivery::BackendMetrics;

pub(super) struct Store {
    appender: Appender,
    /// Bytes of each segment.
    segments: BTreeMap<u64, u64>,
    metrics: BackendMetrics,
    claim: Arc<Claim>,
}

impl Store {
    pub(super) fn open(
        claim: Arc<Claim>,
        directory: &Path,
        covers: u64,
        metrics: BackendMetrics,
    ) -> Result<(Self, Vec<u64>), SpoolError> {
        let failed = |source| SpoolError::io(directory, source);
        make_directory(directory, claim.options().fsync).map_err(failed)?;
        let found = numbers(directory, "seg").map_err(failed)?;
        let next = found.last().map_or(0, |last| last + 1).max(covers);
        let options = claim.options();
        let appender = Appender::new(directory, options.fsync, options.segment_bytes(), next);
        let mut store = Self { appender, segments: BTreeMap::new(), metrics, claim };
        for number in found {
            let bytes = fs::metadata(path(directory, number, "seg")).map_err(failed)?.len();
            store.claim.budget().add_journal(bytes);
            store.metrics.spool.bytes.add(bytes as i64);
            store.segments.insert(number, bytes);
        }
        store.remove_below(covers);
        let leftover = store.segments.keys().copied().collect();
        Ok((store, leftover))
    }

    /// Appends frames. Room is made before the lock is taken: other logs may have to give some.
    pub(super) fn append(store: &Mutex<Self>, frames: &[u8]) -> Result<(), SpoolError> {
        let bytes = (frames.len() + MAGIC.len()) as u64;
        let claim = store.lock().claim.clone();
        claim.budget().reserve_journal(bytes)?;
        let mut store = store.lock();
        match store.appender.append(frames) {
            Ok(appended) => {
                let spare = if appended.began { 0 } else { MAGIC.len() as u64 };
                claim.budget().release_journal(spare);
                *store.segments.entry(appended.number).or_default() += bytes - spare;
                store.metrics.spool.bytes.add((bytes - spare) as i64);
                Ok(())
            }
            Err(source) => {
                claim.budget().release_journal(bytes);
                Err(store.failed(source))
            }
        }
    }

    fn failed(&self, source: io::Error) -> SpoolError {
        SpoolError::io(self.appender.directory(), source)
    }

    pub(super) fn rotate(&mut self) -> u64 {
        self.appender.rotate()
    }

    pub(super) fn remove_below(&mut self, covers: u64) {
        let kept = self.segments.split_off(&covers);
        for (number, bytes) in std::mem::replace(&mut self.segments, kept) {
            let file = path(self.appender.directory(), number, "seg");
            if let Err(error) = fs::remove_file(&file)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %file.display(), "a segment of a journal cannot be removed; after a restart its reports may be sent again");
            }
            self.count_out(bytes);
        }
    }

    fn count_out(&self, bytes: u64) {
        self.claim.budget().release_journal(bytes);
        self.metrics.spool.bytes.sub(bytes as i64);
    }

    pub(super) fn read(&mut self, number: u64) -> Result<Vec<Report>, SpoolError> {
        let file = path(self.appender.directory(), number, "seg");
        let bytes = match fs::read(&file) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut frames = Frames::new(&bytes);
        let mut reports = Vec::new();
        for item in frames.by_ref() {
            if let Item::Report { at, template, framed } = item {
                let framed = bytes.slice_ref(framed);
                reports.push(Report { at, template: template.to_owned(), framed });
            }
        }
        if frames.end() == End::Corrupt {
            self.metrics.spool.corrupt.inc();
            let good = bytes.get(..frames.position()).filter(|_| !reports.is_empty()).unwrap_or(MAGIC);
            let directory = self.appender.directory();
            let aside = set_aside(directory, number).and_then(|aside| fs::write(&file, good).map(|()| aside));
            match aside {
                Ok(aside) => tracing::error!(
                    file = %aside.display(), kept_reports = reports.len(),
                    "bytes in a segment of a journal have changed; it was set aside, and what stands before the change is kept"
                ),
                Err(error) => {
                    tracing::error!(%error, file = %file.display(), "a corrupt segment cannot be set aside");
                }
            }
        }
        Ok(reports)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for bytes in self.segments.values() {
            self.count_out(*bytes);
        }
    }
}
