//! Exemplars: which dimensions they come from, where they are shown, and what is too long for one.

use mixer_prometheus_adapter::Format;

use super::support::*;

/// What OpenMetrics shows, with the times of exemplars left out.
fn open_metrics(adapter: &mixer_prometheus_adapter::PrometheusAdapter) -> Vec<String> {
    let text = adapter.render(Format::OpenMetrics);
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let without_time = |line: &str| match line.split_once(" # ") {
        None => line.to_owned(),
        Some((sample, exemplar)) => {
            let (exemplar, time) = exemplar.rsplit_once(' ').unwrap();
            assert!(time.parse::<f64>().unwrap() > 1.7e9, "{line}");
            format!("{sample} # {exemplar}")
        }
    };
    samples.map(without_time).collect()
}

#[tokio::test]
async fn the_dimensions_of_exemplars_are_no_labels() {
    let adapter = adapter();
    let metrics = [
        with_exemplars(metric("c", Kind::Counter, &["a"]), &["trace.id", "span_id"]),
        with_exemplars(
            MetricInfo { buckets: explicit(&[1.0, 2.0]), ..metric("h", Kind::Distribution, &["a"]) },
            &["trace_id"],
        ),
        metric("plain", Kind::Counter, &["trace_id"]),
    ];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    for (number, trace) in [(0.5, "t1"), (1.5, "t2"), (9.0, "t3"), (0.7, "")] {
        let dimensions = [("trace_id", text(trace)), ("a", text("x"))];
        report(&*handler, "h", Value::DoubleValue(number), &dimensions).await;
    }
    let both = [("a", text("x")), ("trace.id", text("t\"4")), ("span_id", text("s"))];
    report(&*handler, "c", Value::Int64Value(2), &both).await;
    // An exemplar stays for a while, and a value without one takes nothing away.
    report(&*handler, "c", Value::Int64Value(3), &[("a", text("x")), ("span_id", text("s2"))]).await;
    report(&*handler, "c", Value::Int64Value(1), &[("a", text("x"))]).await;
    report(&*handler, "plain", Value::Int64Value(1), &[("trace_id", text("t5"))]).await;
    assert_eq!(
        open_metrics(&adapter),
        [
            "t_c_total{a=\"x\"} 6 # {span_id=\"s\",trace_id=\"t\\\"4\"} 2",
            "t_h_bucket{a=\"x\",le=\"1.0\"} 2 # {trace_id=\"t1\"} 0.5",
            "t_h_bucket{a=\"x\",le=\"2.0\"} 3 # {trace_id=\"t2\"} 1.5",
            "t_h_bucket{a=\"x\",le=\"+Inf\"} 4 # {trace_id=\"t3\"} 9",
            "t_h_sum{a=\"x\"} 11.7",
            "t_h_count{a=\"x\"} 4",
            "t_plain_total{trace_id=\"t5\"} 1",
        ]
    );
    assert!(!adapter.render(Format::Text).contains(" # "), "the text format has no exemplars");
}

#[tokio::test]
async fn labels_of_more_than_128_characters_are_left_out() {
    let adapter = adapter();
    let metrics = [with_exemplars(metric("c", Kind::Counter, &[]), &["trace_id"])];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    // 8 characters are the name's own; characters count, not bytes.
    for (length, shown) in [(121, false), (120, true)] {
        let trace = "ü".repeat(length);
        report(&*handler, "c", Value::Int64Value(1), &[("trace_id", text(&trace))]).await;
        assert_eq!(adapter.render(Format::OpenMetrics).contains(&trace), shown, "{length}");
    }
    assert_eq!(samples(&adapter), ["t_c 2"], "their values count");
}

#[tokio::test]
async fn other_dimensions_are_still_refused() {
    let adapter = adapter();
    let metrics = [with_exemplars(metric("c", Kind::Counter, &["a"]), &["trace_id"])];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    let dimensions = [("trace_id", text("t")), ("b", text("x"))];
    let bytes = instance(Some(Value::Int64Value(1)), &dimensions);
    let outcome = report_bytes(&*handler, &[("c", bytes)]).await;
    assert_eq!(outcome.dropped[0].reason, "label_mismatch");
    let truncated = bytes::Bytes::from_static(b"\x12\x05\x0a\x03abc\x12\x04\x0a\x7fab");
    let outcome = report_bytes(&*handler, &[("c", truncated)]).await;
    assert_eq!(outcome.dropped.len(), 1);
}
