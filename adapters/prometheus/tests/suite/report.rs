//! What becomes of the instances of a report: which number, which series, or why none.

use bytes::Bytes;
use mixer_adapter_sdk::{Dropped, ReportOutcome};

use super::support::*;

#[tokio::test]
async fn every_type_of_value_that_is_a_number_is_one() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Gauge, &[])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let duration = |seconds, nanos| {
        let span = prost_types::Duration { seconds, nanos };
        Value::DurationValue(policy::Duration { value: Some(span) })
    };
    let check = async |value: Value, expected: &str| {
        report(&*handler, "m", value, &[]).await;
        assert_eq!(samples(&adapter), [format!("t_m {expected}")]);
    };
    check(Value::Int64Value(7), "7").await;
    check(Value::Int64Value(-7), "-7").await;
    check(Value::DoubleValue(0.25), "0.25").await;
    check(Value::DoubleValue(f64::NAN), "NaN").await;
    check(Value::DoubleValue(f64::NEG_INFINITY), "-Inf").await;
    check(duration(1, 500_000_000), "1.5").await;
    check(duration(0, 1), "1e-09").await;
    check(text("12.5"), "12.5").await;
}

#[tokio::test]
async fn labels_are_plain_text_whatever_their_type() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &["v"])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let check = async |value: Value, expected: &str| {
        report(&*handler, "m", Value::Int64Value(1), &[("v", value)]).await;
        let line = format!("t_m{{v=\"{expected}\"}} 1");
        assert!(samples(&adapter).contains(&line), "{line} is not among {:?}", samples(&adapter));
    };
    check(text("plain"), "plain").await;
    check(Value::Int64Value(200), "200").await;
    check(Value::DoubleValue(0.1), "0.1").await;
    check(Value::BoolValue(true), "true").await;
    let ip =
        |bytes: &'static [u8]| Value::IpAddressValue(policy::IpAddress { value: Bytes::from_static(bytes) });
    check(ip(&[10, 0, 0, 1]), "10.0.0.1").await;
    check(ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2]), "10.0.0.2").await;
    let time = prost_types::Timestamp { seconds: 0, nanos: 5_000_000 };
    check(Value::TimestampValue(policy::TimeStamp { value: Some(time) }), "1970-01-01T00:00:00.005Z").await;
    let span = prost_types::Duration { seconds: 61, nanos: 0 };
    check(Value::DurationValue(policy::Duration { value: Some(span) }), "1m1s").await;
    check(Value::UriValue(policy::Uri { value: "/a?b".into() }), "/a?b").await;
}

#[tokio::test]
async fn values_that_are_the_same_text_are_the_same_series() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &["code", "app"])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let one = Value::Int64Value(1);
    for _ in 0..2 {
        report(&*handler, "m", one.clone(), &[("code", text("200")), ("app", text(""))]).await;
        report(&*handler, "m", one.clone(), &[("code", Value::Int64Value(200)), ("app", text(""))]).await;
        report(&*handler, "m", one.clone(), &[("code", text("200"))]).await;
    }
    assert_eq!(samples(&adapter), ["t_m{app=\"\",code=\"200\"} 6"]);
}

/// An instance whose dimensions come in this order.
fn in_order(dimensions: &[(&str, &str)]) -> Bytes {
    let mut bytes = instance(Some(Value::Int64Value(1)), &[]).to_vec();
    for (key, value) in dimensions {
        bytes.extend_from_slice(&instance(None, &[(key, text(value))])[..]);
    }
    bytes.into()
}

#[tokio::test]
async fn the_order_of_dimensions_does_not_matter() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &["a", "b", "c"])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let [a, b, c] = [("a", "1"), ("b", "2"), ("c", "3")];
    let orders = [[c, b, a], [a, b, c], [b, a, c], [a, b, c], [c, a, b], [a, c, b], [b, c, a]];
    let instances: Vec<_> = orders.iter().map(|order| ("m", in_order(order))).collect();
    for _ in 0..3 {
        assert_eq!(report_bytes(&*handler, &instances).await, ReportOutcome::complete());
    }
    assert_eq!(samples(&adapter), ["t_m{a=\"1\",b=\"2\",c=\"3\"} 21"]);
}

#[tokio::test]
async fn dimensions_are_found_by_their_cleaned_names() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &["source.app", "/http path-x"])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let one = Value::Int64Value(1);
    let dimensions = [("source.app", text("a")), ("/http path-x", text("b"))];
    report(&*handler, "m", one.clone(), &dimensions).await;
    report(&*handler, "m", one, &[("source_app", text("a")), ("http_pathx", text("b"))]).await;
    assert_eq!(samples(&adapter), ["t_m{http_pathx=\"b\",source_app=\"a\"} 2"]);
}

#[tokio::test]
async fn an_instance_that_cannot_be_used_is_dropped_alone() {
    let adapter = adapter();
    let metrics = params(&[
        metric("count", Kind::Counter, &["a"]),
        MetricInfo { buckets: explicit(&[1.0]), ..metric("hist", Kind::Distribution, &[]) },
    ]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let good = || instance(Some(Value::Int64Value(1)), &[("a", text("x"))]);
    let check = async |metric: &str, bad: Bytes, reason: &'static str, detail: &str| {
        let outcome = report_bytes(&*handler, &[("count", good()), (metric, bad), ("count", good())]).await;
        let detail = format!("{metric}.instance.ns: {detail}");
        assert_eq!(outcome.dropped, [Dropped { reason, count: 1, detail }]);
    };
    let a = |value| [("a", text(value))];
    let number = |value| instance(Some(value), &a("x"));
    check("other", good(), "unknown_instance", "no entry of `metrics` has this instance_name").await;
    check("count", Bytes::from_static(&[0x12, 9]), "malformed", "the message ends in the middle of a field")
        .await;
    check(
        "count",
        Bytes::from_static(&[0x0a, 2, 0x10, 1, 0x12, 3, 0x0a, 1, 0xff]),
        "malformed",
        "field 1 is not UTF-8 text",
    )
    .await;
    check("count", instance(None, &a("x")), "no_value", "the instance has no value").await;
    check("count", number(text("many")), "not_a_number", "the value \"many\" is not a number").await;
    check("count", number(Value::BoolValue(true)), "not_a_number", "the value \"true\" is not a number")
        .await;
    check("count", number(Value::DoubleValue(f64::INFINITY)), "not_finite", "the value is not finite").await;
    check("hist", instance(Some(Value::DoubleValue(f64::NAN)), &[]), "not_finite", "the value is not finite")
        .await;
    let negative = "the value is negative, but the metric is a COUNTER";
    check("count", number(Value::Int64Value(-1)), "negative_counter", negative).await;
    let extra = instance(Some(Value::Int64Value(1)), &[("a", text("x")), ("b", text("y"))]);
    let mismatch = "dimension \"b\" is not one of the metric's label_names";
    check("count", extra, "label_mismatch", mismatch).await;
    assert_eq!(samples(&adapter), ["t_count{a=\"x\"} 20"]);
}

#[tokio::test]
async fn two_dimensions_cannot_be_the_same_label() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &["a_b"])]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let both = instance(Some(Value::Int64Value(1)), &[("a.b", text("1")), ("a_b", text("2"))]);
    let outcome = report_bytes(&*handler, &[("m", both)]).await;
    assert_eq!(outcome.dropped[0].reason, "label_mismatch");
}

#[tokio::test]
async fn drops_of_one_reason_are_counted_together() {
    let handler = build(&adapter(), "h", &params(&[])).await.unwrap();
    let instances = vec![("x", instance(None, &[])); 3];
    let outcome = report_bytes(&*handler, &instances).await;
    assert_eq!((outcome.dropped.len(), outcome.dropped[0].count), (1, 3));
}

#[tokio::test]
async fn series_are_not_made_without_limit() {
    let adapter = adapter();
    let metrics = Params { max_series_per_metric: Some(2), ..params(&[metric("m", Kind::Counter, &["a"])]) };
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let values = ["1", "2", "3", "1", "2", "4"];
    let instances: Vec<_> = values
        .iter()
        .map(|value| ("m", instance(Some(Value::Int64Value(1)), &[("a", text(value))])))
        .collect();
    let outcome = report_bytes(&*handler, &instances).await;
    let detail =
        "m.instance.ns: the metric has 2 series, which is the limit; see max_series_per_metric".to_owned();
    assert_eq!(outcome.dropped, [Dropped { reason: "series_limit", count: 2, detail }]);
    assert_eq!(samples(&adapter), ["t_m{a=\"1\"} 2", "t_m{a=\"2\"} 2"]);
}

#[tokio::test]
async fn encodings_beyond_those_that_are_remembered_still_count() {
    let adapter = adapter();
    let metrics =
        Params { max_series_per_metric: Some(1), ..params(&[metric("m", Kind::Counter, &["a", "b"])]) };
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    let one = Value::Int64Value(1);
    for _ in 0..3 {
        for a in [text("1"), Value::Int64Value(1), Value::DoubleValue(1.0)] {
            for b in [text("2"), Value::Int64Value(2), Value::DoubleValue(2.0)] {
                report(&*handler, "m", one.clone(), &[("a", a.clone()), ("b", b)]).await;
            }
        }
    }
    assert_eq!(samples(&adapter), ["t_m{a=\"1\",b=\"2\"} 27"]);
}

#[tokio::test]
async fn one_instance_may_go_into_several_metrics() {
    let adapter = adapter();
    let histogram = MetricInfo {
        name: "sizes".into(),
        buckets: explicit(&[10.0]),
        ..metric("size", Kind::Distribution, &[])
    };
    let metrics = params(&[metric("size", Kind::Counter, &[]), histogram]);
    let handler = build(&adapter, "h", &metrics).await.unwrap();
    report(&*handler, "size", Value::Int64Value(7), &[]).await;
    let expected = [
        "t_size 7",
        "t_sizes_bucket{le=\"10\"} 1",
        "t_sizes_bucket{le=\"+Inf\"} 1",
        "t_sizes_sum 7",
        "t_sizes_count 1",
    ];
    assert_eq!(samples(&adapter), expected);
}
