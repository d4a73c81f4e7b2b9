//! Which bucket a value is in, what happens with too many buckets, and the form of the protocols.

use proptest::prelude::*;

use super::*;

fn histogram(schema: i32, max_buckets: usize, values: &[f64]) -> Native {
    let mut native = Native::new(NativeOptions { schema, max_buckets, zero_threshold: 1e-30 });
    values.iter().for_each(|value| native.observe(*value));
    native
}

#[test]
fn factors_choose_the_resolution() {
    // Growth of a bucket at each schema: 2^(2^-schema).
    for (factor, schema) in
        [(1.1, 3), (2.0, 0), (1.5, 1), (4.0, -1), (1.0027, 8), (1.000_001, 8), (65_536.0, -4), (1e300, -4)]
    {
        assert_eq!(schema_of(factor), schema, "{factor}");
    }
}

#[test]
fn upper_bounds_belong_to_their_bucket() {
    for (value, schema, expected) in [
        (1.0, 0, 0),
        (1.001, 0, 1),
        (2.0, 0, 1),
        (2.1, 0, 2),
        (0.5, 0, -1),
        (1.0, 3, 0),
        (2.0, 3, 8),
        (1.05, 3, 1),
        (1.0, -4, 0),
        (65_536.0, -4, 1),
        (65_537.0, -4, 2),
        (f64::MAX, 0, 1024),
        (f64::from_bits(1), 0, -1074),
        (f64::from_bits(1), 8, -1074 * 256),
    ] {
        assert_eq!(index(value, schema), expected, "{value} at {schema}");
    }
}

#[test]
fn too_many_buckets_halve_the_resolution() {
    let native = histogram(3, 4, &[1.05, 1.1, 1.2, 1.3, 1.9, 1.95]);
    assert!(native.schema < 3);
    assert!(native.positive.len() <= 4);
    assert_eq!(native.count(), 6);
}

#[test]
fn at_the_coarsest_resolution_the_bucket_of_zero_grows() {
    let native = histogram(-4, 2, &[1e-20, 1.5, -1.5, 1e10, 1e20]);
    assert_eq!((native.schema, native.count()), (-4, 5));
    assert!(native.positive.len() + native.negative.len() <= 2, "{native:?}");
    assert_eq!(native.zero_count, 3, "{native:?}");
    assert_eq!(native.zero_threshold, 65_536.0);
}

#[test]
fn short_gaps_are_filled_and_long_ones_begin_a_span() {
    let buckets = BTreeMap::from([(-3, 2), (-2, 1), (1, 4), (9, 4)]);
    let (spans, deltas) = spans(&buckets);
    assert_eq!(spans, [Span { offset: -3, length: 5 }, Span { offset: 7, length: 1 }]);
    assert_eq!(deltas, [2, -1, -1, 0, 4, 0]);
}

/// Buckets from the form of the protocols, as Prometheus reads it.
fn unpacked(spans: &[Span], deltas: &[i64]) -> BTreeMap<i32, u64> {
    let mut buckets = BTreeMap::new();
    let (mut index, mut count, mut deltas) = (0, 0, deltas.iter());
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            if count > 0 {
                buckets.insert(index, u64::try_from(count).unwrap());
            }
            index += 1;
        }
    }
    assert!(deltas.next().is_none());
    buckets
}

proptest! {
    #[test]
    fn a_value_is_between_the_bounds_of_its_bucket(value in 1e-300..1e300_f64, schema in SCHEMAS) {
        let index = index(value, schema);
        let slack = 1.0 + 1e-12;
        prop_assert!(value <= upper_bound(index, schema) * slack);
        prop_assert!(value >= upper_bound(index - 1, schema) / slack);
    }

    #[test]
    fn halving_is_the_same_as_a_coarser_schema(values in proptest::collection::vec(1e-9..1e9_f64, 1..50), schema in -3..=8) {
        let fine = histogram(schema, usize::MAX, &values);
        let coarse = histogram(schema - 1, usize::MAX, &values);
        prop_assert_eq!(halved(&fine.positive), coarse.positive);
    }

    #[test]
    fn spans_hold_every_bucket(buckets in proptest::collection::btree_map(-40..40_i32, 1..1000_u64, 0..30)) {
        let (spans, deltas) = spans(&buckets);
        prop_assert_eq!(unpacked(&spans, &deltas), buckets);
    }

    #[test]
    fn no_value_is_lost_and_no_limit_is_passed(
        values in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL, 1..200),
        max in 4..40_usize,
    ) {
        let native = histogram(8, max, &values);
        prop_assert_eq!(native.count(), values.len() as u64);
        prop_assert!(native.positive.len() + native.negative.len() <= max);
    }
}
