//! Each sample is in a bucket whose bounds hold it, and buckets are as fine as may be.

use proptest::prelude::*;

use super::*;

fn of(max_buckets: usize, samples: &[f64]) -> ExponentialHistogram {
    let mut histogram = ExponentialHistogram::new(max_buckets);
    samples.iter().for_each(|sample| histogram.add(*sample));
    histogram
}

/// The upper bound of a bucket.
fn bound(scale: i32, index: i32) -> f64 {
    (f64::from(index + 1) * 2f64.powi(-scale)).exp2()
}

#[test]
fn powers_of_two_belong_to_the_bucket_below() {
    let check =
        |value: f64, scale: i32, wanted: i32| assert_eq!(index(value, scale), wanted, "{value} {scale}");
    for (scale, per_octave) in [(0, 1), (1, 2), (3, 8), (20, 1 << 20)] {
        check(1.0, scale, -1);
        check(2.0, scale, per_octave - 1);
        check(0.5, scale, -per_octave - 1);
        check(1.0 + f64::EPSILON, scale, 0);
        check(2.0 - f64::EPSILON, scale, per_octave - 1);
    }
    check(1.5, 0, 0);
    check(4.0, -1, 0);
    check(4.1, -1, 1);
    check(0.25, -1, -2);
    check(f64::MAX, -11, 0);
    check(f64::MIN_POSITIVE, -11, -1);
    check(5e-324, 0, index(f64::MIN_POSITIVE, 0));
}

#[test]
fn the_scale_is_as_fine_as_buckets_allow() {
    let check = |samples: &[f64], max, scale, offset, counts: &[u64]| {
        let histogram = of(max, samples);
        let found = (histogram.scale, histogram.positive.offset, &*histogram.positive.counts);
        assert_eq!(found, (scale, offset, counts), "{samples:?}");
    };
    check(&[], 4, 20, 0, &[]);
    check(&[1.0], 4, 20, -1, &[1]);
    check(&[1.5, 1.5], 4, 20, index(1.5, 20), &[2]);
    check(&[1.0, 2.0, 4.0, 8.0], 4, 0, -1, &[1, 1, 1, 1]);
    check(&[1.0, 2.0, 4.0, 8.0, 16.0], 4, -1, -1, &[1, 2, 2]);
    check(&[16.0, 8.0, 4.0, 2.0, 1.0], 4, -1, -1, &[1, 2, 2]);
    check(&[f64::MIN_POSITIVE, f64::MAX], 2, -10, -1, &[1, 1]);
}

#[test]
fn zeros_and_sides_are_kept_apart() {
    let histogram = of(160, &[0.0, -0.0, 1.5, -3.0]);
    assert_eq!((histogram.count, histogram.zero_count), (4, 2));
    assert_eq!((histogram.sum, histogram.min, histogram.max), (-1.5, -3.0, 1.5));
    assert_eq!((histogram.positive.counts.iter().sum::<u64>(), histogram.negative.counts.len()), (1, 1));
}

proptest! {
    #[test]
    fn each_sample_is_within_the_bounds_of_its_bucket(
        samples in prop::collection::vec(prop::num::f64::NORMAL.prop_map(f64::abs), 1..60),
        narrow in 0.0f64..1.0,
        max in 2usize..200,
    ) {
        // Once over everything that there is, and once near each other.
        let near: Vec<f64> = samples.iter().map(|sample| 1.0 + narrow * (sample.to_bits() % 1000) as f64).collect();
        for samples in [samples, near] {
            let histogram = of(max, &samples);
            let buckets = &histogram.positive;
            prop_assert!(buckets.counts.len() <= max);
            prop_assert_eq!(buckets.counts.iter().sum::<u64>(), samples.len() as u64);
            prop_assert!(buckets.counts.first() > Some(&0) && buckets.counts.last() > Some(&0));
            for (index, count) in (buckets.offset..).zip(&buckets.counts) {
                let (low, high) = (bound(histogram.scale, index - 1), bound(histogram.scale, index));
                // The logarithm of a bound is rounded.
                let inside = |sample: &&f64| **sample > low * (1.0 + 1e-9) && **sample <= high * (1.0 - 1e-9);
                let around = |sample: &&f64| **sample >= low * (1.0 - 1e-9) && **sample <= high * (1.0 + 1e-9);
                let (least, most) = (samples.iter().filter(inside).count(), samples.iter().filter(around).count());
                prop_assert!((least..=most).contains(&(*count as usize)), "{low} {high} {count}");
            }
        }
    }
}
