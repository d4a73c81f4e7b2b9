//! One metric: finds the series of an instance, usually by the bytes of its dimensions alone.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use mixer_adapter_sdk::view::ValueMap;
use parking_lot::{Mutex, RwLock};

use super::series::Series;
use crate::definition::{Definition, Kind};
use crate::exemplar::{self, Divided, ExemplarLabels};
use crate::labels;
use crate::refusal::Refusal;

/// Parts of the table of known dimensions, each with its own lock; a power of two.
const SHARDS: usize = 8;

/// How many encodings are remembered for each series that is allowed; one of them is enough for callers that
/// encode the same dimensions in the same way.
const ALIASES_PER_SERIES: usize = 2;

/// A metric and its series.
///
/// Lookup has two levels. `known` maps dimensions as they were encoded to series: a hit costs a hash and a
/// comparison of bytes. Dimensions that are not known are decoded to labels; `series` says whether these have a
/// series already. Locks are taken in the order `series`, `known`.
#[derive(Debug)]
pub(crate) struct Metric {
    definition: Definition,
    hasher: RandomState,
    known: [RwLock<HashTable<Known>>; SHARDS],
    series: Mutex<AllSeries>,
    max_series: AtomicUsize,
    superseded: AtomicBool,
    /// Exemplars that were longer than they may be.
    long_exemplars: AtomicU64,
}

/// Encoded dimensions and their series.
#[derive(Debug)]
struct Known {
    hash: u64,
    /// None when they are those that the series itself holds.
    dimensions: Option<Box<[u8]>>,
    series: Arc<Series>,
}

impl Known {
    #[inline]
    fn is(&self, hash: u64, dimensions: &[u8]) -> bool {
        self.hash == hash && self.dimensions.as_deref().unwrap_or(self.series.dimensions()) == dimensions
    }
}

#[derive(Debug, Default)]
struct AllSeries {
    /// By the hash of the labels.
    by_labels: HashTable<(u64, Arc<Series>)>,
    /// Entries of `known`.
    known: usize,
}

impl Metric {
    pub(super) fn new(definition: Definition) -> Self {
        Self {
            definition,
            hasher: RandomState::default(),
            known: Default::default(),
            series: Mutex::default(),
            max_series: AtomicUsize::new(usize::MAX),
            superseded: AtomicBool::new(false),
            long_exemplars: AtomicU64::new(0),
        }
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(super) fn set_max_series(&self, max: usize) {
        self.max_series.store(max, Ordering::Relaxed);
    }

    /// A newer definition has taken its place: it takes no more values.
    pub(super) fn supersede(&self) {
        self.superseded.store(true, Ordering::Relaxed);
    }

    /// Takes in the value of an instance. `now` is the time on the store's clock.
    #[inline]
    pub(crate) fn record(&self, dimensions: ValueMap<'_>, value: f64, now: u64) -> Result<(), Refusal> {
        self.check_value(value)?;
        if self.definition.has_exemplars() {
            return self.record_with_exemplar(dimensions, value, now);
        }
        self.record_labels(dimensions, None, value, now)
    }

    /// Some dimensions are no labels of the series but of the exemplar.
    fn record_with_exemplar(&self, dimensions: ValueMap<'_>, value: f64, now: u64) -> Result<(), Refusal> {
        let dimensions = dimensions.to_raw();
        let divided = Divided::new(&dimensions, &self.definition.exemplar_labels)?;
        let labels = divided.labels().unwrap_or_else(|characters| {
            let before = self.long_exemplars.fetch_add(1, Ordering::Relaxed);
            exemplar::refused(&self.definition.name, characters, before + 1);
            None
        });
        self.record_labels(divided.dimensions(), labels, value, now)
    }

    #[inline]
    fn record_labels(
        &self,
        dimensions: ValueMap<'_>,
        exemplar: Option<ExemplarLabels>,
        value: f64,
        now: u64,
    ) -> Result<(), Refusal> {
        if let Some(bytes) = dimensions.raw() {
            let hash = self.hash(bytes);
            let known = self.shard(hash).read();
            if let Some(found) = known.find(hash, |known| known.is(hash, bytes)) {
                // Under the lock: a series is not removed between being found and being updated.
                found.series.update(&self.definition.kind, value, now);
                self.offer_exemplar(&found.series, exemplar, value);
                return Ok(());
            }
        }
        let series = self.record_unknown(dimensions, value, now)?;
        self.offer_exemplar(&series, exemplar, value);
        Ok(())
    }

    #[inline]
    fn offer_exemplar(&self, series: &Series, labels: Option<ExemplarLabels>, value: f64) {
        if let Some(labels) = labels {
            series.offer_exemplar(&self.definition.kind, labels, value, wall_clock());
        }
    }

    #[inline]
    fn check_value(&self, value: f64) -> Result<(), Refusal> {
        if self.superseded.load(Ordering::Relaxed) {
            return Err(Refusal::Redefined);
        }
        match self.definition.kind {
            Kind::Gauge => Ok(()),
            _ if !value.is_finite() => Err(Refusal::NotFinite),
            Kind::Counter if value < 0.0 => Err(Refusal::NegativeCounter),
            Kind::Counter | Kind::Distribution(_) => Ok(()),
        }
    }

    /// Decodes the dimensions, and makes the series if it is a new one.
    #[cold]
    fn record_unknown(&self, dimensions: ValueMap<'_>, value: f64, now: u64) -> Result<Arc<Series>, Refusal> {
        let labels = labels::render(dimensions, &self.definition.labels)?;
        let labels_hash = self.hash(labels.as_bytes());
        let encoded = dimensions.to_raw();
        let mut all = self.series.lock();
        let found = all.by_labels.find(labels_hash, |(hash, series)| {
            *hash == labels_hash && self.labels_of(series).is_ok_and(|found| found == labels)
        });
        let series = match found {
            Some((_, series)) => series.clone(),
            None => {
                let max = self.max_series.load(Ordering::Relaxed);
                if all.by_labels.len() >= max {
                    return Err(Refusal::SeriesLimit(max));
                }
                let series = Arc::new(Series::new(&self.definition, encoded.as_ref().into(), wall_clock()));
                all.by_labels.insert_unique(labels_hash, (labels_hash, series.clone()), |(hash, _)| *hash);
                series
            }
        };
        if labels::is_sorted(dimensions) && dimensions.raw().is_some() {
            self.remember(&mut all, &encoded, &series);
        }
        series.update(&self.definition.kind, value, now);
        Ok(series)
    }

    /// Makes the next lookup of the same bytes a quick one. Callers that send a map in another order each time
    /// gain nothing from it, so only sorted ones are remembered, and not without limit.
    fn remember(&self, all: &mut AllSeries, dimensions: &[u8], series: &Arc<Series>) {
        let max = self.max_series.load(Ordering::Relaxed).saturating_mul(ALIASES_PER_SERIES);
        if all.known >= max {
            return;
        }
        let hash = self.hash(dimensions);
        let mut known = self.shard(hash).write();
        if known.find(hash, |known| known.is(hash, dimensions)).is_some() {
            return;
        }
        let own = (series.dimensions() != dimensions).then(|| dimensions.into());
        let entry = Known { hash, dimensions: own, series: series.clone() };
        known.insert_unique(hash, entry, |known| known.hash);
        all.known += 1;
    }

    /// Removes series that were last updated before `time`; says how many.
    pub(crate) fn expire(&self, time: u64) -> usize {
        let mut all = self.series.lock();
        if !all.by_labels.iter().any(|(_, series)| series.is_older_than(time)) {
            return 0;
        }
        // With every lock held nothing is updated, so what is old now stays old while it is removed.
        let mut shards: Vec<_> = self.known.iter().map(RwLock::write).collect();
        let before = all.by_labels.len();
        for shard in &mut shards {
            shard.retain(|known| !known.series.is_older_than(time));
        }
        all.known = shards.iter().map(|shard| shard.len()).sum();
        all.by_labels.retain(|(_, series)| !series.is_older_than(time));
        before - all.by_labels.len()
    }

    /// Every series, in no order.
    pub(crate) fn all_series(&self) -> Vec<Arc<Series>> {
        self.series.lock().by_labels.iter().map(|(_, series)| series.clone()).collect()
    }

    /// The labels of one of its series, sorted by name. A label without value is not there.
    pub(crate) fn label_pairs(&self, series: &Series) -> Vec<(String, String)> {
        // The series exists because its dimensions could be read.
        labels::pairs(ValueMap::of_raw(series.dimensions()), &self.definition.labels).unwrap_or_default()
    }

    /// Every series with its labels in exposition form, sorted by them. Updates go on meanwhile.
    pub(crate) fn sorted_series(&self) -> Vec<(String, Arc<Series>)> {
        let series = self.all_series();
        let with_labels = |series: Arc<Series>| Some((self.labels_of(&series).ok()?, series));
        let mut sorted: Vec<_> = series.into_iter().filter_map(with_labels).collect();
        sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        sorted
    }

    fn labels_of(&self, series: &Series) -> Result<String, Refusal> {
        labels::render(ValueMap::of_raw(series.dimensions()), &self.definition.labels)
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<HashTable<Known>> {
        // Neither the lowest bits nor the highest seven, which the tables use.
        &self.known[(hash >> 40) as usize % SHARDS]
    }
}

/// Milliseconds since 1970.
fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
