//! One series: the value of a metric for one set of labels, updated without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::definition::Kind;

/// The value of a metric for one set of labels.
///
/// An update is a few independent atomic additions. A reader may see a part of an update that is going on: the
/// sum of a histogram may be ahead of its buckets by the values that are being added.
#[derive(Debug)]
pub(crate) struct Series {
    /// The encoded dimensions of the first instance.
    dimensions: Box<[u8]>,
    /// When it was last updated, on the store's clock.
    updated: AtomicU64,
    value: Value,
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
    pub(super) fn new(kind: &Kind, dimensions: Box<[u8]>) -> Self {
        let value = match kind {
            Kind::Counter => Value::Counter(Sum::default()),
            Kind::Gauge => Value::Gauge(AtomicU64::default()),
            Kind::Distribution(bounds) => {
                let buckets = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
                Value::Distribution(buckets, Sum::default())
            }
        };
        Self { dimensions, updated: AtomicU64::default(), value }
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

    pub(crate) fn snapshot(&self) -> Snapshot {
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
