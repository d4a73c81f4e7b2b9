//! Series by their attributes, and by the bytes that those were made of: a sample whose bytes were seen before is in its
//! series without another look at them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::series::Series;
use super::{Key, Kind};

/// The most encodings that are known, for each series that may be.
const ENCODINGS: usize = 2;

/// The series of an aggregator.
#[derive(Debug)]
pub(super) struct Table {
    entries: Vec<Entry>,
    by_key: HashTable<usize>,
    known: HashTable<Known>,
    max: usize,
    hasher: RandomState,
    /// For bytes, of which there are many.
    quick: foldhash::quality::RandomState,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Key,
    series: Series,
}

/// Bytes of which the attributes of a series are made.
#[derive(Debug)]
struct Known {
    hash: u64,
    name: Arc<str>,
    kind: Kind,
    bytes: Box<[u8]>,
    entry: usize,
}

impl Known {
    fn is(&self, hash: u64, (name, kind): (&Arc<str>, Kind), bytes: &[u8]) -> bool {
        let same_name = || Arc::ptr_eq(&self.name, name) || self.name == *name;
        self.hash == hash && self.kind == kind && *self.bytes == *bytes && same_name()
    }
}

impl Table {
    /// Room for so many series.
    pub(super) fn new(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            by_key: HashTable::new(),
            known: HashTable::new(),
            max,
            hasher: RandomState::new(),
            quick: foldhash::quality::RandomState::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The series of bytes that were remembered.
    pub(super) fn known(&mut self, of: (&Arc<str>, Kind), bytes: &[u8]) -> Option<&mut Series> {
        let hash = self.quick.hash_one(bytes);
        let known = self.known.find(hash, |known| known.is(hash, of, bytes))?;
        self.entries.get_mut(known.entry).map(|entry| &mut entry.series)
    }

    /// The place of a series, which is made when there is none and room for one.
    pub(super) fn place(&mut self, key: &Key, series: impl FnOnce() -> Series) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        let entries = &mut self.entries;
        let is_it = |place: &usize| entries.get(*place).is_some_and(|entry| entry.key == *key);
        if let Some(place) = self.by_key.find(hash, is_it) {
            return Some(*place);
        }
        let place = entries.len();
        if place >= self.max {
            return None;
        }
        entries.push(Entry { hash, key: key.clone(), series: series() });
        self.by_key.insert_unique(hash, place, |place| hash_of(entries, *place));
        Some(place)
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Series> {
        self.entries.get_mut(place).map(|entry| &mut entry.series)
    }

    /// Lets [`Table::known`] find a series by bytes that it does not know, as long as there is room.
    pub(super) fn remember(&mut self, place: usize, bytes: &[u8]) {
        let Some(entry) = self.entries.get(place) else { return };
        let (name, kind) = (entry.key.name.clone(), entry.key.kind);
        let hash = self.quick.hash_one(bytes);
        // Another call may have been faster.
        let is_it = |known: &Known| known.is(hash, (&name, kind), bytes);
        if self.known.len() < self.max.saturating_mul(ENCODINGS) && self.known.find(hash, is_it).is_none() {
            let known = Known { hash, name, kind, bytes: bytes.into(), entry: place };
            self.known.insert_unique(hash, known, |known| known.hash);
        }
    }

    /// Takes all series out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Key, Series)> + use<> {
        self.by_key.clear();
        self.known.clear();
        std::mem::take(&mut self.entries).into_iter().map(|entry| (entry.key, entry.series))
    }

    /// Ends the series that are not to be kept.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Series) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|entry| keep(&entry.series));
        if self.entries.len() == before {
            return;
        }
        // The others have moved.
        self.known.clear();
        self.by_key.clear();
        let entries = &self.entries;
        for (place, entry) in entries.iter().enumerate() {
            self.by_key.insert_unique(entry.hash, place, |place| hash_of(entries, *place));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Series)> {
        self.entries.iter().map(|entry| (&entry.key, &entry.series))
    }
}

fn hash_of(entries: &[Entry], place: usize) -> u64 {
    entries.get(place).map_or(0, |entry| entry.hash)
}
