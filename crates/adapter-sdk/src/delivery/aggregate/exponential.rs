//! Histograms whose buckets follow the values (OpenTelemetry, exponential histogram): bucket `i` covers `(base^i, base^(i+1)]` with
//! `base = 2^(2^-scale)`. The scale is as fine as the number of buckets allows, and becomes coarser by merging pairs.

/// The finest scale: there are 2^20 buckets between 1 and 2.
const MAX_SCALE: i32 = 20;
/// Bits of a double behind the point.
const MANTISSA_BITS: u32 = 52;
const EXPONENT_BIAS: i32 = 1023;

/// Samples in buckets that follow them.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogram {
    max_buckets: usize,
    /// How fine the buckets are.
    pub scale: i32,
    /// How many samples.
    pub count: u64,
    /// How many of them were 0.
    pub zero_count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least; infinite while there is none.
    pub min: f64,
    /// The largest; infinite while there is none.
    pub max: f64,
    /// The samples above 0.
    pub positive: ExponentialBuckets,
    /// The samples below 0, by their absolute values.
    pub negative: ExponentialBuckets,
}

/// Buckets without a gap, none or as many as are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// Index of the first bucket.
    pub offset: i32,
    /// How many samples in each.
    pub counts: Vec<u64>,
}

impl ExponentialHistogram {
    /// A histogram without samples, with so many buckets at most on each side of 0; no less than two.
    pub(super) fn new(max_buckets: usize) -> Self {
        Self {
            max_buckets: max_buckets.max(2),
            scale: MAX_SCALE,
            count: 0,
            zero_count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            positive: ExponentialBuckets::default(),
            negative: ExponentialBuckets::default(),
        }
    }

    /// Takes a finite sample.
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0.0 {
            self.zero_count += 1;
            return;
        }
        let size = value.abs();
        let side = if value > 0.0 { &self.positive } else { &self.negative };
        let too_fine = side.halvings(index(size, self.scale), self.max_buckets);
        if too_fine > 0 {
            self.scale -= too_fine;
            self.positive.merge_pairs(too_fine);
            self.negative.merge_pairs(too_fine);
        }
        let index = index(size, self.scale);
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        side.add(index);
    }
}

impl ExponentialBuckets {
    fn end(&self) -> i32 {
        // There are fewer buckets than doubles have exponents times 2^20.
        self.offset + i32::try_from(self.counts.len()).unwrap_or(i32::MAX) - 1
    }

    /// How often pairs have to be merged before there is room for a bucket.
    fn halvings(&self, index: i32, max_buckets: usize) -> i32 {
        if self.counts.is_empty() {
            return 0;
        }
        let (mut low, mut high) = (self.offset.min(index), self.end().max(index));
        let mut halvings = 0;
        while usize::try_from(i64::from(high) - i64::from(low)).is_ok_and(|span| span >= max_buckets) {
            (low, high) = (low >> 1, high >> 1);
            halvings += 1;
        }
        halvings
    }

    fn merge_pairs(&mut self, times: i32) {
        if self.counts.is_empty() {
            return;
        }
        let offset = self.offset >> times;
        let mut merged = vec![0; usize::try_from((self.end() >> times) - offset + 1).unwrap_or_default()];
        for (index, count) in (self.offset..).zip(&self.counts) {
            if let Some(to) =
                usize::try_from((index >> times) - offset).ok().and_then(|at| merged.get_mut(at))
            {
                *to += count;
            }
        }
        *self = Self { offset, counts: merged };
    }

    fn add(&mut self, index: i32) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let more = usize::try_from(self.offset - index).unwrap_or_default();
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.offset = index;
        }
        let at = usize::try_from(index - self.offset).unwrap_or_default();
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
    }
}

/// The bucket of a number above 0.
fn index(value: f64, scale: i32) -> i32 {
    // Below the normal numbers there is one bucket, that of the least of them.
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let exponent = i32::try_from(bits >> MANTISSA_BITS).unwrap_or_default() - EXPONENT_BIAS;
    let is_power_of_two = bits.trailing_zeros() >= MANTISSA_BITS;
    // An upper bound belongs to its bucket.
    if scale <= 0 {
        return (exponent - i32::from(is_power_of_two)) >> -scale;
    }
    let first = exponent << scale;
    if is_power_of_two {
        return first - 1;
    }
    let exact = value.max(f64::MIN_POSITIVE).log2() * f64::from(1 << scale);
    // Rounding must not carry it out of its power of two.
    (exact.ceil() as i32 - 1).clamp(first, first + (1 << scale) - 1)
}

#[cfg(test)]
mod tests;
