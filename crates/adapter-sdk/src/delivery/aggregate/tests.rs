//! What samples amount to, what a harvest covers, and what happens at the bounds.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn aggregator(temporality: Temporality, max_series: usize) -> Aggregator {
    let options = AggregateOptions {
        temporality,
        max_series,
        bounds: [1.0, 2.0, 5.0].into(),
        ..AggregateOptions::default()
    };
    Aggregator::new(options, at(0))
}

fn app(name: &str) -> Attributes {
    Attributes::new([("app", name.into())])
}

fn record(
    to: &Aggregator,
    app_name: &str,
    sample: (Kind, f64),
    seconds: u64,
) -> Result<Recorded, NotRecorded> {
    to.record(&"m".into(), app(app_name), sample, at(seconds))
}

/// Value, start and last sample of each series, by its attributes.
fn harvest(from: &Aggregator, seconds: u64) -> Vec<(Attributes, PointValue, u64, u64)> {
    let seconds_of = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let harvest = from.harvest(at(seconds));
    assert_eq!(seconds_of(harvest.end), seconds);
    let points = harvest.points.into_iter();
    let mut all: Vec<_> = points
        .map(|point| (point.attributes, point.value, seconds_of(point.start), seconds_of(point.last)))
        .collect();
    all.sort_by_key(|(attributes, ..)| format!("{attributes:?}"));
    all
}

#[test]
fn samples_amount_to_what_their_kind_says() {
    let check = |kind: Kind, samples: &[f64], value: PointValue| {
        let aggregator = aggregator(Temporality::Delta, 10);
        for sample in samples {
            assert_eq!(record(&aggregator, "a", (kind, *sample), 3), Ok(Recorded::Series));
        }
        assert_eq!(harvest(&aggregator, 5), [(app("a"), value, 0, 3)]);
    };
    check(Kind::Count, &[1.0, 2.5, 0.0], PointValue::Count(3.5));
    check(Kind::Gauge, &[1.0, -2.5], PointValue::Gauge(-2.5));
    let (count, sum, min, max) = (3, 1.0, -3.0, 2.5);
    check(Kind::Summary, &[1.5, -3.0, 2.5], PointValue::Summary { count, sum, min, max });
    let (bounds, counts) = ([1.0, 2.0, 5.0].into(), vec![2, 1, 1, 1]);
    let histogram = PointValue::Histogram { bounds, counts, sum: 12.0, min: -1.0, max: 5.5 };
    check(Kind::Histogram, &[-1.0, 1.0, 1.5, 5.0, 5.5], histogram);
    let mut exponential = ExponentialHistogram::new(160);
    [1.0, -2.0, 0.0].into_iter().for_each(|sample| exponential.add(sample));
    check(
        Kind::ExponentialHistogram,
        &[1.0, -2.0, 0.0],
        PointValue::ExponentialHistogram(exponential.into()),
    );
}

#[test]
fn some_numbers_are_in_no_series() {
    let aggregator = aggregator(Temporality::Delta, 10);
    let check = |kind, value, error: NotRecorded, reason: &str| {
        assert_eq!(record(&aggregator, "a", (kind, value), 0), Err(error));
        assert_eq!(error.reason(), reason);
    };
    check(Kind::Gauge, f64::NAN, NotRecorded::NotFinite, "not_finite");
    check(Kind::Summary, f64::INFINITY, NotRecorded::NotFinite, "not_finite");
    check(Kind::Count, -0.5, NotRecorded::NegativeCount, "negative_count");
    assert!(aggregator.is_empty());
}

#[test]
fn deltas_begin_anew_at_each_harvest() {
    let aggregator = aggregator(Temporality::Delta, 10);
    record(&aggregator, "a", (Kind::Count, 1.0), 1).unwrap();
    assert_eq!(harvest(&aggregator, 5), [(app("a"), PointValue::Count(1.0), 0, 1)]);
    assert_eq!(harvest(&aggregator, 10), []);
    record(&aggregator, "a", (Kind::Count, 2.0), 12).unwrap();
    assert_eq!(harvest(&aggregator, 15), [(app("a"), PointValue::Count(2.0), 10, 12)]);
}

#[test]
fn cumulative_series_go_on_until_they_are_idle() {
    let aggregator = aggregator(Temporality::Cumulative, 10);
    record(&aggregator, "a", (Kind::Count, 1.0), 1).unwrap();
    assert_eq!(harvest(&aggregator, 5), [(app("a"), PointValue::Count(1.0), 0, 1)]);
    record(&aggregator, "b", (Kind::Count, 7.0), 7).unwrap();
    record(&aggregator, "a", (Kind::Count, 2.0), 8).unwrap();
    let both = [(app("a"), PointValue::Count(3.0), 0, 8), (app("b"), PointValue::Count(7.0), 5, 7)];
    assert_eq!(harvest(&aggregator, 10), both);
    assert_eq!(harvest(&aggregator, 606), both);
    assert_eq!(harvest(&aggregator, 607), both[..1]);
    assert_eq!(harvest(&aggregator, 608), []);
    record(&aggregator, "a", (Kind::Count, 1.0), 700).unwrap();
    assert_eq!(harvest(&aggregator, 701), [(app("a"), PointValue::Count(1.0), 608, 700)], "it began anew");
    assert_eq!(harvest(&aggregator, 10).len(), 1, "a clock that is set back ends nothing");
}

#[test]
fn too_many_series_overflow_into_one_for_each_name_and_kind() {
    let aggregator = aggregator(Temporality::Delta, 2);
    let overflow = Attributes::new([("overflow", Attribute::Bool(true))]);
    let take = |app, kind, wanted| assert_eq!(record(&aggregator, app, (kind, 1.0), 1), wanted, "{app}");
    take("a", Kind::Count, Ok(Recorded::Series));
    take("b", Kind::Count, Ok(Recorded::Series));
    take("c", Kind::Count, Ok(Recorded::Overflow));
    take("d", Kind::Count, Ok(Recorded::Overflow));
    take("a", Kind::Count, Ok(Recorded::Series));
    take("a", Kind::Gauge, Ok(Recorded::Overflow));
    assert_eq!(aggregator.len(), 4);
    let other = aggregator.record(&"other".into(), app("a"), (Kind::Count, 1.0), at(1));
    assert_eq!(other, Err(NotRecorded::SeriesLimit), "names are bounded too");
    let found = harvest(&aggregator, 5);
    assert_eq!(found.iter().filter(|(attributes, ..)| *attributes == overflow).count(), 2);
    assert!(found.contains(&(overflow, PointValue::Count(2.0), 0, 1)), "{found:?}");
    take("c", Kind::Count, Ok(Recorded::Series));
}

#[test]
fn attributes_are_the_same_in_any_order_and_differ_by_type() {
    let one = |value: Attribute| Attributes::new([("k", value)]);
    let (a, b) = (("a", Attribute::Int(1)), ("b", "x".into()));
    assert_eq!(Attributes::new([a.clone(), b.clone()]), Attributes::new([b, a]));
    let twice = Attributes::new([("z", "1".into()), ("k", "1".into()), ("k", "2".into())]);
    assert_eq!(twice, Attributes::new([("k", "2".into()), ("z", "1".into())]));
    let values = ["1".into(), Attribute::Int(1), Attribute::Double(1.0), Attribute::Bool(true)];
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            assert_eq!(one(a.clone()) == one(b.clone()), i == j, "{a:?} {b:?}");
        }
    }
    assert_eq!(one(Attribute::Double(f64::NAN)), one(Attribute::Double(f64::NAN)));
}

proptest! {
    /// Whatever overflows, no count is lost.
    #[test]
    fn totals_stay_right(samples in prop::collection::vec((0u8..20, 0u32..1000), 0..200), max in 1usize..30) {
        let aggregator = aggregator(Temporality::Delta, max);
        for (app, value) in &samples {
            record(&aggregator, &app.to_string(), (Kind::Count, f64::from(*value)), 1).unwrap();
        }
        prop_assert!(aggregator.len() <= max + 1);
        let total: f64 = harvest(&aggregator, 5).iter().map(|(_, value, ..)| match value {
            PointValue::Count(total) => *total,
            other => panic!("{other:?}"),
        }).sum();
        prop_assert_eq!(total, samples.iter().map(|(_, value)| f64::from(*value)).sum::<f64>());
    }
}

/// A sample whose bytes are its app; bytes that begin with `?` are not remembered. Whether the attributes were made.
fn record_encoded(
    to: &Aggregator,
    bytes: &str,
    sample: (Kind, f64),
    seconds: u64,
) -> (bool, Option<Recorded>) {
    let mut made = false;
    let encoded = Some(bytes.as_bytes());
    let recorded = to.record_encoded((&"m".into(), encoded), sample, at(seconds), || {
        made = true;
        Ok::<_, NotRecorded>((app(bytes.trim_matches(['?', '!'])), !bytes.starts_with('?')))
    });
    (made, recorded.ok())
}

#[test]
fn bytes_that_are_known_are_not_looked_at_again() {
    let (one, more) = ((Kind::Count, 1.0), (Kind::Summary, 1.0));
    let series = Some(Recorded::Series);
    let aggregator = aggregator(Temporality::Cumulative, 3);
    let take = |bytes, sample, made, recorded| {
        assert_eq!(record_encoded(&aggregator, bytes, sample, 1), (made, recorded), "{bytes}");
    };
    take("a", one, true, series);
    take("a", one, false, series);
    take("a!", one, true, series);
    take("a!", one, false, series);
    take("a", more, true, series);
    take("?a", one, true, series);
    take("?a", one, true, series);
    take("b", one, true, series);
    take("c", one, true, Some(Recorded::Overflow));
    take("c", one, true, Some(Recorded::Overflow));
    take("a", (Kind::Count, -1.0), false, None);
    let counts = harvest(&aggregator, 5);
    assert!(counts.contains(&(app("a"), PointValue::Count(6.0), 0, 1)), "{counts:?}");
    take("a", one, false, series);
    record_encoded(&aggregator, "b", one, 500);
    harvest(&aggregator, 601);
    assert_eq!(record_encoded(&aggregator, "a", one, 700), (true, series), "it is a new one");
    assert_eq!(record_encoded(&aggregator, "b", one, 700), (true, series), "it has moved");
    let found = harvest(&aggregator, 701);
    assert_eq!(found[0], (app("a"), PointValue::Count(1.0), 601, 700));
    assert_eq!(found[1], (app("b"), PointValue::Count(3.0), 0, 700));
}

proptest! {
    /// With bytes or without: the same series, and at most as much is remembered as may be.
    #[test]
    fn bytes_make_no_difference(
        samples in prop::collection::vec(("[?]?[a-f][!]{0,6}", 0..2, 0u32..10, 0u64..1000), 0..100),
        temporality in prop_oneof![Just(Temporality::Delta), Just(Temporality::Cumulative)],
        max in 1usize..6,
    ) {
        let (with, without) = (aggregator(temporality, max), aggregator(temporality, max));
        let mut now = 0;
        for (bytes, kind, value, pause) in &samples {
            let sample = (if *kind == 0 { Kind::Count } else { Kind::Summary }, f64::from(*value));
            now += pause;
            let recorded = record(&without, bytes.trim_matches(['?', '!']), sample, now);
            prop_assert_eq!(record_encoded(&with, bytes, sample, now).1, recorded.ok());
            if *value == 0 {
                prop_assert_eq!(told(&with, now), told(&without, now));
            }
        }
        prop_assert_eq!(told(&with, now), told(&without, now));
    }
}

/// A harvest in an order of its own.
fn told(from: &Aggregator, seconds: u64) -> Vec<String> {
    let mut all: Vec<_> = harvest(from, seconds).iter().map(|series| format!("{series:?}")).collect();
    all.sort();
    all
}
