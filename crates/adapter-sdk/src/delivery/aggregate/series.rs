//! What the samples of one series amount to.

use std::sync::Arc;
use std::time::SystemTime;

use super::{AggregateOptions, ExponentialHistogram, Key, Kind, Point};

/// What was recorded in a series.
#[derive(Clone, Debug, PartialEq)]
pub enum PointValue {
    /// The sum of the samples.
    Count(f64),
    /// The last sample.
    Gauge(f64),
    /// Of all samples.
    Summary {
        /// How many.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The least.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Of all samples.
    Histogram {
        /// Upper bounds of the buckets, which they include.
        bounds: Arc<[f64]>,
        /// How many samples in each bucket, the last of which has no bound.
        counts: Vec<u64>,
        /// Their sum.
        sum: f64,
        /// The least.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Of all samples.
    ExponentialHistogram(Box<ExponentialHistogram>),
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    start: SystemTime,
    last: SystemTime,
    value: PointValue,
}

impl Series {
    /// A series without a sample.
    pub(super) fn new(kind: Kind, options: &AggregateOptions, start: SystemTime) -> Self {
        let (bounds, min, max) = (&options.bounds, f64::INFINITY, f64::NEG_INFINITY);
        let value = match kind {
            Kind::Count => PointValue::Count(0.0),
            Kind::Gauge => PointValue::Gauge(0.0),
            Kind::Summary => PointValue::Summary { count: 0, sum: 0.0, min, max },
            Kind::Histogram => {
                let counts = vec![0; bounds.len() + 1];
                PointValue::Histogram { bounds: bounds.clone(), counts, sum: 0.0, min, max }
            }
            Kind::ExponentialHistogram => {
                PointValue::ExponentialHistogram(ExponentialHistogram::new(options.max_buckets).into())
            }
        };
        Self { start, last: start, value }
    }

    pub(super) fn add(&mut self, value: f64, now: SystemTime) {
        self.last = now;
        match &mut self.value {
            PointValue::Count(total) => *total += value,
            PointValue::Gauge(last) => *last = value,
            PointValue::Summary { count, sum, min, max } => {
                *count += 1;
                *sum += value;
                *min = min.min(value);
                *max = max.max(value);
            }
            PointValue::Histogram { bounds, counts, sum, min, max } => {
                let bucket = bounds.partition_point(|bound| *bound < value);
                if let Some(count) = counts.get_mut(bucket) {
                    *count += 1;
                }
                *sum += value;
                *min = min.min(value);
                *max = max.max(value);
            }
            PointValue::ExponentialHistogram(histogram) => histogram.add(value),
        }
    }

    pub(super) fn last(&self) -> SystemTime {
        self.last
    }

    pub(super) fn into_point(self, key: Key) -> Point {
        let Self { start, last, value } = self;
        Point { name: key.name, attributes: key.attributes, start, last, value }
    }
}
