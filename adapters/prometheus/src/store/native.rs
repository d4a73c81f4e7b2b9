//! A native histogram: buckets that grow by a factor of `2^(2^-schema)`, kept only where values are. With too many
//! of them the resolution is halved; at the coarsest one the bucket around zero is widened.
//! (Prometheus, "Native Histograms" specification.)

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::definition::NativeOptions;

/// The finest and the coarsest resolution that Prometheus knows.
pub(crate) const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// Lower bounds of the buckets between 0.5 and 1, for the schemas from 1 to 8.
static BOUNDS: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| (1..=*SCHEMAS.end()).map(bounds).collect());

fn bounds(schema: i32) -> Vec<f64> {
    let buckets = 1u32 << schema;
    (0..buckets).map(|i| 0.5 * (f64::from(i) / f64::from(buckets)).exp2()).collect()
}

/// The coarsest resolution whose buckets grow by no more than a factor (more than 1).
pub(crate) fn schema_of(factor: f64) -> i32 {
    let schema = -factor.log2().log2().floor();
    // In range, or beyond it by less than an i32 holds.
    (schema as i32).clamp(*SCHEMAS.start(), *SCHEMAS.end())
}

/// The buckets of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Native {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    /// How many values are in the bucket whose upper bound is `2^(index * 2^-schema)`.
    pub(crate) positive: BTreeMap<i32, u64>,
    /// The same for negative values, by their distance from 0.
    pub(crate) negative: BTreeMap<i32, u64>,
    max_buckets: usize,
}

impl Native {
    pub(super) fn new(options: NativeOptions) -> Self {
        Self {
            schema: options.schema,
            zero_threshold: options.zero_threshold,
            zero_count: 0,
            positive: BTreeMap::new(),
            negative: BTreeMap::new(),
            max_buckets: options.max_buckets,
        }
    }

    /// Takes in a finite value.
    pub(super) fn observe(&mut self, value: f64) {
        if value.abs() <= self.zero_threshold {
            self.zero_count += 1;
            return;
        }
        let buckets = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        *buckets.entry(index(value.abs(), self.schema)).or_default() += 1;
        while self.positive.len() + self.negative.len() > self.max_buckets {
            self.shrink();
        }
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> u64 {
        self.zero_count + self.positive.values().sum::<u64>() + self.negative.values().sum::<u64>()
    }

    /// Makes it one step coarser.
    fn shrink(&mut self) {
        if self.schema > *SCHEMAS.start() {
            self.schema -= 1;
            self.positive = halved(&self.positive);
            self.negative = halved(&self.negative);
            return;
        }
        // What is next to zero on either side is counted as zero from now on.
        let nearest = [&self.positive, &self.negative].map(|buckets| buckets.keys().next().copied());
        let Some(nearest) = nearest.into_iter().flatten().min() else { return };
        for buckets in [&mut self.positive, &mut self.negative] {
            self.zero_count += buckets.remove(&nearest).unwrap_or_default();
        }
        self.zero_threshold = self.zero_threshold.max(upper_bound(nearest, self.schema));
    }
}

/// Two buckets become one.
fn halved(buckets: &BTreeMap<i32, u64>) -> BTreeMap<i32, u64> {
    let mut halved = BTreeMap::new();
    for (index, count) in buckets {
        // Upper bounds are inclusive, so 1 and 2 become 1, 3 and 4 become 2.
        *halved.entry((index + 1) >> 1).or_default() += count;
    }
    halved
}

/// The bucket of a finite number above 0.
pub(crate) fn index(value: f64, schema: i32) -> i32 {
    let (fraction, exponent) = split(value);
    if schema <= 0 {
        // A power of two itself is the upper bound of the bucket below.
        let exponent = if fraction == 0.5 { exponent - 1 } else { exponent };
        let step = -schema;
        return (exponent + (1 << step) - 1) >> step;
    }
    let bounds =
        usize::try_from(schema - 1).ok().and_then(|at| BOUNDS.get(at)).map_or(&[][..], Vec::as_slice);
    let within = bounds.partition_point(|bound| *bound < fraction);
    // At most 2^8 buckets.
    within as i32 + (exponent - 1) * (1 << schema)
}

/// The upper bound of a bucket; the largest number when it is beyond all numbers.
fn upper_bound(index: i32, schema: i32) -> f64 {
    let bound = (f64::from(index) * f64::from(-schema).exp2()).exp2();
    bound.min(f64::MAX)
}

/// A number above 0 as `fraction * 2^exponent`, with the fraction from 0.5 to below 1.
fn split(value: f64) -> (f64, i32) {
    const EXPONENT: u64 = 0x7ff << 52;
    // Numbers below the normal ones have no exponent of their own.
    let (value, shift) = match value < f64::MIN_POSITIVE {
        true => (value * (1u64 << 54) as f64, 54),
        false => (value, 0),
    };
    let bits = value.to_bits();
    let exponent = ((bits & EXPONENT) >> 52) as i32 - 1022 - shift;
    (f64::from_bits((bits & !EXPONENT) | (1022 << 52)), exponent)
}

/// Consecutive buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Distance from the end of the span before; of the first span, the index of its first bucket.
    pub(crate) offset: i32,
    pub(crate) length: u32,
}

/// Gaps up to this length are filled with empty buckets, which take less room than a further span.
const FILLED_GAP: i32 = 2;

/// Buckets in the form of the protocols: where they are, and each count as its difference from the one before.
pub(crate) fn spans(buckets: &BTreeMap<i32, u64>) -> (Vec<Span>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<Span>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut next, mut last) = (0, 0);
    for (&index, &count) in buckets {
        let gap = index - next;
        match spans.last_mut() {
            Some(span) if gap <= FILLED_GAP => {
                for _ in 0..gap {
                    deltas.push(-std::mem::take(&mut last));
                }
                span.length += gap.unsigned_abs() + 1;
            }
            _ => spans.push(Span { offset: gap, length: 1 }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - last);
        (next, last) = (index + 1, count);
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests;
