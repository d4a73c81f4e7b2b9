//! Samples become points: what is added up, over which interval, in how many calls, and within which bounds.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tokio::time::advance;

use super::*;
use crate::config::{Buckets, Form};
use crate::resource::Where;

const INTERVAL: Duration = Duration::from_secs(60);
const BEGIN: SystemTime = UNIX_EPOCH;

fn metric(kind: Kind, value: ValueType) -> Arc<Metric> {
    let bounds = vec![1.0, 10.0];
    Arc::new(Metric {
        metric_type: "custom.googleapis.com/m".to_owned(),
        kind,
        value: Some(value),
        buckets: Some(Arc::new(Buckets { form: Form::Explicit, bounds })),
        unit: "1".to_owned(),
        description: String::new(),
        display_name: String::new(),
    })
}

fn store(max_series: usize) -> Store {
    Store::new(StoreOptions { push_interval: INTERVAL, expiry: Duration::from_secs(600), max_series })
}

fn record(store: &Store, metric: &Arc<Metric>, label: &str, sample: &Sample) -> Result<(), Refusal> {
    let make = |key: &str, value: &str| {
        let resource = Where { project_id: "p".to_owned(), ..Where::default() }.global();
        let labels = [(key.to_owned(), value.to_owned())].into();
        identity::identity(metric, sample.value_type(), labels, &resource)
    };
    let overflow = Identity { overflow: true, ..make("overflow", "true") };
    store.record(metric, label.as_bytes().to_vec(), || Ok((make("l", label), overflow)), sample)
}

/// A push so many seconds after the beginning, with everything that it hands out.
async fn push(store: &Store, at: u64) -> Vec<Json> {
    advance(INTERVAL).await;
    let mut items = store.take(BEGIN + Duration::from_secs(at));
    while store.state.lock().portions.front().is_some() {
        advance(Duration::from_secs(1)).await;
        items.extend(store.take(BEGIN + Duration::from_secs(at)));
    }
    items.iter().map(|item| serde_json::from_slice(&item.json).unwrap()).collect()
}

/// The interval and value of each point, by label.
fn points(series: &[Json]) -> Vec<(String, Json)> {
    let label = |series: &Json| {
        let labels = series["metric"]["labels"].as_object().unwrap();
        labels.values().next().unwrap().as_str().unwrap().to_owned()
    };
    let mut all: Vec<_> = series.iter().map(|series| (label(series), series["points"][0].clone())).collect();
    all.sort_by_key(|(label, _)| label.clone());
    all
}

fn interval(start: &str, end: &str) -> Json {
    let time = |text: &str| format!("1970-01-01T00:{text}Z");
    match start {
        "" => json!({"endTime": time(end)}),
        start => json!({"startTime": time(start), "endTime": time(end)}),
    }
}

/// Samples before each push, and what each one gives.
async fn check(kind: Kind, samples: [&[Sample]; 3], wanted: [Option<(Json, Json)>; 3]) {
    let store = store(10);
    let value = samples[0][0].value_type();
    let metric = metric(kind, value);
    for (index, (samples, wanted)) in samples.iter().zip(wanted).enumerate() {
        for sample in *samples {
            record(&store, &metric, "a", sample).unwrap();
        }
        let series = push(&store, 60 * (index as u64 + 1)).await;
        let found = points(&series).into_iter().next().map(|(_, point)| point);
        let wanted = wanted.map(|(interval, value)| json!({"interval": interval, "value": value}));
        assert_eq!(found, wanted, "{kind:?} {value:?}, push {index}");
        for series in series {
            assert_eq!(series["metricKind"], kind.name());
            assert_eq!(series["valueType"], value.name());
            assert_eq!(series.get("unit").is_some(), json::has_unit(value));
        }
    }
}

fn int(n: i64) -> Json {
    json!({"int64Value": n.to_string()})
}

fn gauge(end: &str) -> Json {
    interval("", end)
}

const SECONDS: [&str; 3] = ["01:00", "02:00", "03:00"];

#[tokio::test(start_paused = true)]
async fn gauges_sums_and_deltas_over_three_pushes() {
    use Sample::{Bool, Double, Int, Text};
    let second = SECONDS;
    check(
        Kind::Gauge,
        [&[Int(3), Int(5)], &[], &[Int(4)]],
        [Some((gauge(second[0]), int(5))), None, Some((gauge(second[2]), int(4)))],
    )
    .await;
    check(
        Kind::Gauge,
        [&[Bool(false), Bool(true)], &[], &[]],
        [Some((gauge(second[0]), json!({"boolValue": true}))), None, None],
    )
    .await;
    check(
        Kind::Gauge,
        [&[Text("x".into())], &[Text("y".into())], &[]],
        [
            Some((gauge(second[0]), json!({"stringValue": "x"}))),
            Some((gauge(second[1]), json!({"stringValue": "y"}))),
            None,
        ],
    )
    .await;
    check(
        Kind::Cumulative,
        [&[Int(1), Int(2)], &[], &[Int(i64::MAX)]],
        [
            Some((interval("00:59.999", second[0]), int(3))),
            Some((interval("00:59.999", second[1]), int(3))),
            Some((interval("00:59.999", second[2]), int(i64::MAX))),
        ],
    )
    .await;
    check(
        Kind::Delta,
        [&[Double(1.5), Double(0.5)], &[], &[Double(4.0)]],
        [
            Some((interval("00:59.999", second[0]), json!({"doubleValue": 2.0}))),
            None,
            Some((interval("01:00.001", second[2]), json!({"doubleValue": 4.0}))),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn distributions_over_three_pushes() {
    use Sample::Part;
    let second = SECONDS;
    let distribution = |count: &str, mean: f64, deviation: f64, counts: [&str; 3]| {
        json!({"distributionValue": {
            "count": count, "mean": mean, "sumOfSquaredDeviation": deviation,
            "bucketOptions": {"explicitBuckets": {"bounds": [1.0, 10.0]}}, "bucketCounts": counts,
        }})
    };
    let samples: [&[Sample]; 3] = [&[Part(0.5), Part(1.0), Part(4.5)], &[], &[Part(10.0)]];
    let first = distribution("3", 2.0, 9.5, ["1", "2", "0"]);
    let last = distribution("1", 10.0, 0.0, ["0", "0", "1"]);
    let both = distribution("4", 4.0, 57.5, ["1", "2", "1"]);
    check(
        Kind::Delta,
        samples,
        [
            Some((interval("00:59.999", second[0]), first.clone())),
            None,
            Some((interval("01:00.001", second[2]), last.clone())),
        ],
    )
    .await;
    check(
        Kind::Gauge,
        samples,
        [Some((gauge(second[0]), first.clone())), None, Some((gauge(second[2]), last))],
    )
    .await;
    let start = "00:59.999";
    check(
        Kind::Cumulative,
        samples,
        [
            Some((interval(start, second[0]), first.clone())),
            Some((interval(start, second[1]), first)),
            Some((interval(start, second[2]), both)),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_are_spread_over_the_push_interval() {
    let check = async |series: usize, wanted: &[(u64, usize)]| {
        let store = store(10_000);
        let metric = metric(Kind::Gauge, ValueType::Int64);
        for label in 0..series {
            record(&store, &metric, &label.to_string(), &Sample::Int(1)).unwrap();
        }
        let mut found = Vec::new();
        for second in 1..=119 {
            advance(Duration::from_secs(1)).await;
            let items = store.take(BEGIN + Duration::from_secs(second));
            if !items.is_empty() {
                found.push((second, items.len()));
            }
        }
        assert_eq!(found, wanted, "{series}");
    };
    check(0, &[]).await;
    check(200, &[(60, 200)]).await;
    check(450, &[(60, 200), (80, 200), (100, 50)]).await;
    check(800, &[(60, 200), (75, 200), (90, 200), (105, 200)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_the_end_is_handed_out_at_once() {
    let store = store(10_000);
    let metric = metric(Kind::Cumulative, ValueType::Int64);
    assert_eq!(store.until_last_push(), Duration::ZERO);
    for label in 0..300 {
        record(&store, &metric, &label.to_string(), &Sample::Int(1)).unwrap();
    }
    advance(INTERVAL).await;
    assert_eq!(store.take(BEGIN + INTERVAL).len(), 200);
    assert_eq!(store.until_last_push(), Duration::ZERO, "nothing came since the push");
    record(&store, &metric, "7", &Sample::Int(1)).unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(store.until_last_push(), Duration::from_secs(4), "a series takes a point in five seconds");
    store.close();
    let items = store.take(BEGIN + INTERVAL + Duration::from_secs(5));
    // The rest of the push before, and the one series that has changed.
    assert_eq!(items.len(), 101);
    assert!(store.take(BEGIN + INTERVAL + Duration::from_secs(5)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn series_are_bounded_and_end() {
    let store = store(2);
    let metric = metric(Kind::Cumulative, ValueType::Int64);
    for label in ["a", "b", "c", "d", "a", "c"] {
        record(&store, &metric, label, &Sample::Int(1)).unwrap();
    }
    let values = |series: &[Json]| {
        let value = |(label, point): (String, Json)| {
            (
                label,
                point["value"]["int64Value"].as_str().unwrap().to_owned(),
                point["interval"]["startTime"].clone(),
            )
        };
        points(series).into_iter().map(value).collect::<Vec<_>>()
    };
    let found = values(&push(&store, 60).await);
    let found: Vec<_> = found.iter().map(|(label, value, _)| (label.as_str(), value.as_str())).collect();
    assert_eq!(found, [("a", "2"), ("b", "1"), ("true", "3")]);
    // Ten minutes without a sample end a series; it begins again later, from nothing.
    advance(Duration::from_secs(600)).await;
    push(&store, 700).await;
    assert_eq!(store.level().0, 0);
    record(&store, &metric, "c", &Sample::Int(5)).unwrap();
    let found = values(&push(&store, 760).await);
    assert_eq!(found, [("c".to_owned(), "5".to_owned(), json!("1970-01-01T00:12:39.999Z"))]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_no_older_points() {
    let store = store(2);
    let metric = metric(Kind::Gauge, ValueType::Int64);
    let mut ends = Vec::new();
    for at in [600, 540, 541, 700] {
        record(&store, &metric, "a", &Sample::Int(1)).unwrap();
        let series = push(&store, at).await;
        ends.push(series[0]["points"][0]["interval"]["endTime"].as_str().unwrap().to_owned());
    }
    let wanted = ["10:00", "10:00.001", "10:00.002", "11:40"].map(|end| format!("1970-01-01T00:{end}Z"));
    assert_eq!(ends, wanted);
}

#[test]
fn a_cumulative_metric_does_not_go_down() {
    for (kind, refused) in [(Kind::Cumulative, true), (Kind::Delta, false), (Kind::Gauge, false)] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let result = record(&store(1), &metric(kind, ValueType::Int64), "a", &Sample::Int(-1));
        assert_eq!(result.is_err(), refused, "{kind:?}");
    }
}

proptest! {
    /// Mean and deviation are those of the definition, and every value is in one bucket.
    #[test]
    fn distributions(values in prop::collection::vec(-1e6..1e6, 1..50)) {
        let buckets = Buckets { form: Form::Explicit, bounds: vec![-10.0, 0.0, 1000.0] };
        let mut all = Distribution::new(Some(&buckets));
        values.iter().for_each(|value| all.add(*value, Some(&buckets)));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let deviation: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        prop_assert!((all.mean - mean).abs() < 1e-6);
        prop_assert!((all.sum_of_squared_deviation - deviation).abs() <= 1e-9 * deviation.max(1e6));
        prop_assert_eq!(all.counts.iter().sum::<i64>(), values.len() as i64);
    }
}
