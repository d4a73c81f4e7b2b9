//! One series: the value of a metric for one set of labels, updated without a lock unless it has native buckets or
//! exemplars.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::native::{self, Native};
use crate::definition::{Definition, Kind};
use crate::exemplar::{Exemplar, ExemplarLabels};

/// An exemplar stays for so many milliseconds before another one of the same bucket takes its place: a scrape shows one of
/// them, and to keep them all would cost more than it tells.
const EXEMPLAR_STAYS: i64 = 1000;

/// Exemplars of a series that has native buckets only.
const NATIVE_EXEMPLARS: usize = 8;

/// The value of a metric for one set of labels.
///
/// An update is a few independent atomic additions. A reader may see a part of an update that is going on: the
/// sum of a histogram may be ahead of its buckets by the values that are being added. With native buckets an update
/// is seen whole, because receivers refuse a histogram whose buckets do not add up.
#[derive(Debug)]
pub(crate) struct Series {
    /// The encoded dimensions of the first instance.
    dimensions: Box<[u8]>,
    /// When it began, in milliseconds since 1970.
    created: i64,
    /// When it was last updated, on the store's clock.
    updated: AtomicU64,
    value: Value,
    native: Option<Box<Mutex<Native>>>,
    /// One for each bucket, or more than one for a series without classic buckets.
    exemplars: Option<Box<Mutex<Vec<Option<Exemplar>>>>>,
}

#[derive(Debug)]
enum Value {
    Counter(Sum),
    /// Bits of the last value.
    Gauge(AtomicU64),
    /// The values in each bucket (not in those below), and the sum of all.
    Distribution(Box<[AtomicU64]>, Sum),
}

/// What a series holds at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Snapshot {
    /// A counter or gauge.
    Number(f64),
    /// How many values are in each bucket but not in those below it; the last bucket has no bound.
    Distribution { buckets: Vec<u64>, sum: f64 },
}

impl Series {
    pub(super) fn new(definition: &Definition, dimensions: Box<[u8]>, created: i64) -> Self {
        let value = match &definition.kind {
            Kind::Counter => Value::Counter(Sum::default()),
            Kind::Gauge => Value::Gauge(AtomicU64::default()),
            Kind::Distribution(bounds) => {
                let buckets = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
                Value::Distribution(buckets, Sum::default())
            }
        };
        let native = definition.native.map(|options| Box::new(Mutex::new(Native::new(options))));
        let room = match &value {
            Value::Distribution(buckets, _) if buckets.len() > 1 => buckets.len(),
            Value::Distribution(..) if native.is_some() => NATIVE_EXEMPLARS,
            _ => 1,
        };
        let exemplars = definition.has_exemplars().then(|| Box::new(Mutex::new(vec![None; room])));
        Self { dimensions, created, updated: AtomicU64::default(), value, native, exemplars }
    }

    /// When it began, in milliseconds since 1970.
    pub(crate) fn created(&self) -> i64 {
        self.created
    }

    pub(super) fn dimensions(&self) -> &[u8] {
        &self.dimensions
    }

    /// Whether it was last updated before that time.
    pub(super) fn is_older_than(&self, time: u64) -> bool {
        self.updated.load(Ordering::Relaxed) < time
    }

    /// Takes in a value that was found to fit the kind of the metric.
    #[inline]
    pub(super) fn update(&self, kind: &Kind, value: f64, now: u64) {
        self.updated.store(now, Ordering::Relaxed);
        match &self.native {
            None => self.add(kind, value),
            Some(native) => {
                let mut native = native.lock();
                native.observe(value);
                self.add(kind, value);
            }
        }
    }

    #[inline]
    fn add(&self, kind: &Kind, value: f64) {
        match (&self.value, kind) {
            (Value::Counter(sum), _) => sum.add(value),
            (Value::Gauge(bits), _) => bits.store(value.to_bits(), Ordering::Relaxed),
            (Value::Distribution(buckets, sum), Kind::Distribution(bounds)) => {
                let bucket = bounds.partition_point(|bound| *bound < value);
                if let Some(count) = buckets.get(bucket) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                sum.add(value);
            }
            (Value::Distribution(..), _) => {}
        }
    }

    /// Takes in where a value came from, unless there is a recent exemplar in its place.
    pub(super) fn offer_exemplar(&self, kind: &Kind, labels: ExemplarLabels, value: f64, at: i64) {
        let Some(exemplars) = &self.exemplars else { return };
        let place = match kind {
            Kind::Distribution(bounds) if bounds.is_empty() => self.native.as_ref().map_or(0, |native| {
                let bucket = native::index(value.abs().max(f64::MIN_POSITIVE), native.lock().schema);
                bucket.unsigned_abs() as usize % NATIVE_EXEMPLARS
            }),
            Kind::Distribution(bounds) => bounds.partition_point(|bound| *bound < value),
            Kind::Counter | Kind::Gauge => 0,
        };
        let mut exemplars = exemplars.lock();
        let Some(place) = exemplars.get_mut(place) else { return };
        if place.as_ref().is_none_or(|present| at - present.at >= EXEMPLAR_STAYS) {
            *place = Some(Exemplar { labels, value, at });
        }
    }

    /// The exemplars that there are, oldest first.
    pub(crate) fn exemplars(&self) -> Vec<Exemplar> {
        let Some(exemplars) = &self.exemplars else { return Vec::new() };
        let mut exemplars: Vec<Exemplar> = exemplars.lock().iter().flatten().cloned().collect();
        exemplars.sort_by_key(|exemplar| exemplar.at);
        exemplars
    }

    /// Its value, and its native buckets if it has any, of the same moment.
    pub(crate) fn full_snapshot(&self) -> (Snapshot, Option<Native>) {
        match &self.native {
            None => (self.read(), None),
            Some(native) => {
                let native = native.lock();
                (self.read(), Some(native.clone()))
            }
        }
    }

    /// Its value.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let _whole = self.native.as_ref().map(|native| native.lock());
        self.read()
    }

    fn read(&self) -> Snapshot {
        match &self.value {
            Value::Counter(sum) => Snapshot::Number(sum.get()),
            Value::Gauge(bits) => Snapshot::Number(f64::from_bits(bits.load(Ordering::Relaxed))),
            Value::Distribution(buckets, sum) => Snapshot::Distribution {
                buckets: buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
                sum: sum.get(),
            },
        }
    }
}

/// A sum of numbers. Whole ones, which most are, are added up on their own: exact, and without a loop.
#[derive(Debug, Default)]
struct Sum {
    whole: AtomicU64,
    /// Bits of the sum of all other numbers.
    other: AtomicU64,
}

impl Sum {
    /// Whole numbers below this are added up on their own; the rest is too coarse for it to matter.
    const WHOLE: f64 = 4_503_599_627_370_496.0; // 2^52

    #[inline]
    fn add(&self, value: f64) {
        if (0.0..Self::WHOLE).contains(&value) && value.fract() == 0.0 {
            self.whole.fetch_add(value as u64, Ordering::Relaxed);
            return;
        }
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // Never fails: the closure always gives a value.
        let _ = self.other.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn get(&self) -> f64 {
        let other = f64::from_bits(self.other.load(Ordering::Relaxed));
        self.whole.load(Ordering::Relaxed) as f64 + other
    }
}
