//! The protobuf format says the same as the text format, and what only it can say.

#[allow(dead_code, reason = "not every message is looked at by a name")]
#[path = "../../src/exposition/model.rs"]
mod model;

use std::collections::BTreeMap;

use mixer_prometheus_adapter::PrometheusAdapter;
use model::{Histogram, LabelPair, Metric, MetricFamily, MetricType};
use proptest::prelude::*;
use prost::Message as _;

use super::support::*;

fn families(adapter: &PrometheusAdapter) -> Vec<MetricFamily> {
    let bytes = adapter.render_protobuf();
    let (mut rest, mut families) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut rest).unwrap());
    }
    families
}

fn label_text(labels: &[LabelPair]) -> String {
    let pair = |label: &LabelPair| format!("{}={}", label.name(), label.value());
    labels.iter().map(pair).collect::<Vec<_>>().join(",")
}

/// The sample lines of the text format, as they follow from the families.
fn flat(families: &[MetricFamily]) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for family in families {
        for metric in &family.metric {
            let name = family.name();
            let labels = label_text(&metric.label);
            let mut add = |suffix: &str, bound: &str, value| {
                assert!(samples.insert(format!("{name}{suffix}{bound}|{labels}"), value).is_none());
            };
            if let Some(gauge) = &metric.gauge {
                add("", "", gauge.value());
            }
            if let Some(counter) = &metric.counter {
                add("", "", counter.value());
            }
            if let Some(histogram) = &metric.histogram {
                for bucket in &histogram.bucket {
                    add("_bucket", &bucket.upper_bound().to_string(), bucket.cumulative_count() as f64);
                }
                add("_sum", "", histogram.sample_sum());
                add("_count", "", histogram.sample_count() as f64);
            }
        }
    }
    samples
}

#[tokio::test]
async fn each_kind_has_its_message() {
    let adapter = adapter();
    let metrics = [
        MetricInfo { description: "A help.".into(), ..metric("c_total", Kind::Counter, &["b", "a"]) },
        metric("g", Kind::Gauge, &[]),
        MetricInfo { buckets: explicit(&[1.0, 2.0]), ..metric("h", Kind::Distribution, &["a"]) },
        metric("none", Kind::Counter, &[]),
    ];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    report(&*handler, "c_total", Value::Int64Value(3), &[("a", text("1")), ("b", text(""))]).await;
    report(&*handler, "g", Value::DoubleValue(-0.5), &[]).await;
    for value in [0.5, 1.5, 9.0] {
        report(&*handler, "h", Value::DoubleValue(value), &[("a", text("x"))]).await;
    }
    let found = families(&adapter);
    let heads: Vec<_> = found.iter().map(|family| (family.name(), family.help(), family.r#type())).collect();
    assert_eq!(
        heads,
        [
            ("t_c_total", "A help.", MetricType::Counter),
            ("t_g", "g", MetricType::Gauge),
            ("t_h", "h", MetricType::Histogram),
        ]
    );
    let expected = [
        ("t_c_total|a=1", 3.0),
        ("t_g|", -0.5),
        ("t_h_bucket1|a=x", 1.0),
        ("t_h_bucket2|a=x", 2.0),
        ("t_h_count|a=x", 3.0),
        ("t_h_sum|a=x", 11.0),
    ];
    assert_eq!(flat(&found), expected.map(|(name, value)| (name.to_owned(), value)).into());
    let created = |metric: &Metric| metric.counter.as_ref().unwrap().created_timestamp.unwrap().seconds;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    assert!((now - 60..=now).contains(&created(&found[0].metric[0])));
    let histogram = found[2].metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.schema, histogram.zero_threshold), (None, None), "it is not a native one");
}

fn native(adapter: &PrometheusAdapter) -> Histogram {
    families(adapter)[0].metric[0].histogram.clone().unwrap()
}

#[tokio::test]
async fn native_buckets_stand_beside_classic_ones_or_alone() {
    for classic in [true, false] {
        let adapter = adapter();
        let native_histogram = Some(NativeHistogram {
            bucket_factor: Some(2.0),
            zero_threshold: Some(0.001),
            classic_buckets: Some(classic),
            ..Default::default()
        });
        let metric = with_exemplars(
            MetricInfo { native_histogram, ..metric("h", Kind::Distribution, &[]) },
            &["trace_id"],
        );
        let handler = build(&adapter, "h", &params(&[metric])).await.unwrap();
        for value in [0.0, 1.0, 1.5, 3.0, 100.0, -5.0] {
            let trace = [("trace_id", text(&format!("t{value}")))];
            report(&*handler, "h", Value::DoubleValue(value), &trace).await;
        }
        let found = native(&adapter);
        assert_eq!(found.bucket.is_empty(), !classic);
        assert_eq!((found.sample_count(), found.sample_sum()), (6, 100.5));
        assert_eq!((found.schema(), found.zero_threshold(), found.zero_count()), (0, 0.001, 1));
        let spans = |spans: &[model::BucketSpan]| -> Vec<_> {
            spans.iter().map(|span| (span.offset(), span.length())).collect()
        };
        // 1 in (0.5, 1], 1.5 in (1, 2], 3 in (2, 4], 100 in (64, 128]; -5 in [-8, -4).
        assert_eq!(spans(&found.positive_span), [(0, 3), (4, 1)]);
        assert_eq!(found.positive_delta, [1, 0, 0, 0]);
        assert_eq!((spans(&found.negative_span), &found.negative_delta[..]), (vec![(3, 1)], &[1][..]));
        assert!(found.exemplars.len() >= 3, "{:?}", found.exemplars);
        assert!(found.exemplars.iter().all(|exemplar| exemplar.timestamp.is_some()));
    }
}

#[tokio::test]
async fn a_bucket_shows_the_exemplar_of_a_value_in_it() {
    let adapter = adapter();
    let metric = with_exemplars(
        MetricInfo { buckets: explicit(&[1.0, 2.0]), ..metric("h", Kind::Distribution, &[]) },
        &["trace_id"],
    );
    let handler = build(&adapter, "h", &params(&[metric])).await.unwrap();
    for value in [0.5, 9.0] {
        let trace = [("trace_id", text(&format!("t{value}")))];
        report(&*handler, "h", Value::DoubleValue(value), &trace).await;
    }
    let exemplar = |bucket: &model::Bucket| {
        bucket.exemplar.as_ref().map(|exemplar| (exemplar.value(), label_text(&exemplar.label)))
    };
    let buckets: Vec<_> =
        native(&adapter).bucket.iter().map(|bucket| (bucket.upper_bound(), exemplar(bucket))).collect();
    assert_eq!(
        buckets,
        [
            (1.0, Some((0.5, "trace_id=t0.5".to_owned()))),
            (2.0, None),
            (f64::INFINITY, Some((9.0, "trace_id=t9".to_owned()))),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn it_says_the_same_as_the_text(
        reports in proptest::collection::vec(("[a-z\\\\\"\n{}=,\u{e9}]{1,6}", 0u32..1000), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let adapter = adapter();
            let metrics = params(&[
                metric("c_total", Kind::Counter, &["x"]),
                MetricInfo { buckets: explicit(&[1.0, 100.0]), ..metric("h", Kind::Distribution, &["x"]) },
            ]);
            let handler = build(&adapter, "h", &metrics).await.unwrap();
            let mut expected: BTreeMap<String, (f64, f64)> = BTreeMap::new();
            for (x, number) in &reports {
                report(&*handler, "c_total", Value::Int64Value((*number).into()), &[("x", text(x))]).await;
                report(&*handler, "h", Value::Int64Value((*number).into()), &[("x", text(x))]).await;
                let (sum, count) = expected.entry(x.clone()).or_default();
                *sum += f64::from(*number);
                *count += 1.0;
            }
            let found = flat(&families(&adapter));
            assert_eq!(found.len(), expected.len() * 5);
            for (x, (sum, count)) in expected {
                assert_eq!(found[&format!("t_c_total|x={x}")], sum);
                assert_eq!(found[&format!("t_h_sum|x={x}")], sum);
                assert_eq!(found[&format!("t_h_count|x={x}")], count);
            }
        });
    }
}
