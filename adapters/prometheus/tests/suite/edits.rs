//! An edit of a handler keeps what it does not change; handlers that disagree are told so.

use super::support::*;

const ONE: Value = Value::Int64Value(1);

#[tokio::test]
async fn an_edit_keeps_the_series_of_unchanged_metrics() {
    let adapter = adapter();
    let kept = metric("kept", Kind::Counter, &["a"]);
    let removed = metric("removed", Kind::Counter, &[]);
    let changed = metric("changed", Kind::Counter, &[]);
    let before = params(&[kept.clone(), removed, changed.clone()]);
    let old = build(&adapter, "h", &before).await.unwrap();
    for name in ["removed", "changed"] {
        report(&*old, name, ONE, &[]).await;
    }
    report(&*old, "kept", ONE, &[("a", text("x"))]).await;

    let kept = MetricInfo { description: "better help".into(), ..kept };
    let changed = MetricInfo { kind: Kind::Gauge.into(), ..changed };
    let after = params(&[metric("added", Kind::Counter, &[]), changed, kept]);
    let new = build(&adapter, "h", &after).await.unwrap();
    old.close().await;
    report(&*new, "kept", ONE, &[("a", text("x"))]).await;
    report(&*new, "changed", Value::Int64Value(7), &[]).await;
    assert_eq!(samples(&adapter), ["t_changed 7", "t_kept{a=\"x\"} 2"]);
    let text = adapter.render(mixer_prometheus_adapter::Format::Text);
    assert!(text.contains("# HELP t_kept better help\n"), "{text}");
    assert!(text.contains("# TYPE t_changed gauge\n"), "{text}");
}

#[tokio::test]
async fn values_for_a_definition_that_was_replaced_are_dropped() {
    let adapter = adapter();
    let old = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &["a"])])).await.unwrap();
    let _new = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &["b"])])).await.unwrap();
    let outcome = report_bytes(&*old, &[("m", instance(Some(ONE), &[("a", text("x"))]))]).await;
    assert_eq!(outcome.dropped[0].reason, "redefined");
    assert_eq!(samples(&adapter), [""; 0]);
}

#[tokio::test]
async fn labels_in_another_order_are_no_change() {
    let adapter = adapter();
    let old = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &["a", "b"])])).await.unwrap();
    report(&*old, "m", ONE, &[]).await;
    let new = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &["b", "a"])])).await.unwrap();
    old.close().await;
    report(&*new, "m", ONE, &[]).await;
    assert_eq!(samples(&adapter), ["t_m{a=\"\",b=\"\"} 2"]);
}

#[tokio::test]
async fn other_buckets_are_another_metric() {
    let adapter = adapter();
    let histogram = |bounds: &[f64]| {
        params(&[MetricInfo { buckets: explicit(bounds), ..metric("m", Kind::Distribution, &[]) }])
    };
    let old = build(&adapter, "h", &histogram(&[1.0])).await.unwrap();
    report(&*old, "m", ONE, &[]).await;
    let new = build(&adapter, "h", &histogram(&[2.0])).await.unwrap();
    report(&*new, "m", ONE, &[]).await;
    let expected = ["t_m_bucket{le=\"2\"} 1", "t_m_bucket{le=\"+Inf\"} 1", "t_m_sum 1", "t_m_count 1"];
    assert_eq!(samples(&adapter), expected);
}

#[tokio::test]
async fn handlers_that_agree_share_a_metric() {
    let adapter = adapter();
    let metrics = params(&[metric("m", Kind::Counter, &[])]);
    let first = build(&adapter, "first.ns", &metrics).await.unwrap();
    let second = build(&adapter, "second.ns", &metrics).await.unwrap();
    report(&*first, "m", ONE, &[]).await;
    report(&*second, "m", ONE, &[]).await;
    assert_eq!(samples(&adapter), ["t_m 2"]);
    first.close().await;
    assert_eq!(samples(&adapter), ["t_m 2"]);
    second.close().await;
    assert_eq!(samples(&adapter), [""; 0]);
}

#[tokio::test]
async fn handlers_that_disagree_are_named_and_nothing_changes() {
    let adapter = adapter();
    let first = build(&adapter, "first.ns", &params(&[metric("m", Kind::Counter, &[])])).await.unwrap();
    report(&*first, "m", ONE, &[]).await;
    let other = params(&[metric("good", Kind::Gauge, &[]), metric("m", Kind::Gauge, &[])]);
    let error = build(&adapter, "second.ns", &other).await.err().unwrap();
    let expected = "handlers second.ns and first.ns: t_m is defined as a GAUGE by [], but also as a COUNTER \
        by []; give one of them another name or namespace";
    assert_eq!(error.to_string(), expected);
    let histogram = MetricInfo { buckets: explicit(&[1.0]), ..metric("good", Kind::Distribution, &[]) };
    build(&adapter, "third.ns", &params(&[histogram])).await.expect("nothing of second.ns was registered");
    report(&*first, "m", ONE, &[]).await;
    assert_eq!(samples(&adapter), ["t_m 2"]);
}

#[tokio::test]
async fn samples_of_two_handlers_may_not_have_the_same_name() {
    let adapter = adapter();
    let _first =
        build(&adapter, "first.ns", &params(&[metric("m_count", Kind::Counter, &[])])).await.unwrap();
    let histogram = MetricInfo { buckets: explicit(&[1.0]), ..metric("m", Kind::Distribution, &[]) };
    let error = build(&adapter, "second.ns", &params(&[histogram])).await.err().unwrap();
    assert!(error.to_string().contains("have samples of the same name"), "{error}");
}

#[tokio::test]
async fn a_handler_that_is_dropped_lets_go_like_one_that_is_closed() {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &[])])).await.unwrap();
    report(&*handler, "m", ONE, &[]).await;
    drop(handler);
    assert_eq!(samples(&adapter), [""; 0]);
    assert_eq!(adapter.scrape_address().await, None);
}
