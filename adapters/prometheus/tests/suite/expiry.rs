//! Series that are no longer updated are removed, each by its own age; time is paused.

use std::time::Duration;

use super::support::*;

fn policy(after: i64, check_every: Option<i64>, metrics: &[MetricInfo]) -> Params {
    let duration = |seconds| prost_types::Duration { seconds, nanos: 0 };
    Params {
        metrics_expiration_policy: Some(MetricsExpirationPolicy {
            metrics_expiry_duration: Some(duration(after)),
            expiry_check_interval_duration: check_every.map(duration),
        }),
        ..params(metrics)
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn each_label_set_has_its_own_age() {
    let adapter = adapter();
    let params = policy(10, Some(1), &[metric("m", Kind::Counter, &["a"])]);
    let handler = build(&adapter, "h", &params).await.unwrap();
    let one = Value::Int64Value(1);
    report(&*handler, "m", one.clone(), &[("a", text("busy"))]).await;
    report(&*handler, "m", one.clone(), &[("a", text("idle"))]).await;
    // The same series by another encoding.
    report(&*handler, "m", one.clone(), &[("a", text("1"))]).await;
    report(&*handler, "m", one.clone(), &[("a", Value::Int64Value(1))]).await;
    pass(8).await;
    assert_eq!(samples(&adapter).len(), 3);
    report(&*handler, "m", one.clone(), &[("a", text("busy"))]).await;
    pass(4).await;
    assert_eq!(samples(&adapter), ["t_m{a=\"busy\"} 2"]);
    // What comes again begins again, by whatever encoding.
    report(&*handler, "m", one.clone(), &[("a", Value::Int64Value(1))]).await;
    report(&*handler, "m", one, &[("a", text("1"))]).await;
    assert_eq!(samples(&adapter), ["t_m{a=\"1\"} 2", "t_m{a=\"busy\"} 2"]);
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_ages_are_looked_at_twice_in_a_life() {
    let adapter = adapter();
    let params = policy(10, None, &[metric("m", Kind::Gauge, &[])]);
    let handler = build(&adapter, "h", &params).await.unwrap();
    pass(1).await;
    report(&*handler, "m", Value::Int64Value(1), &[]).await;
    pass(13).await;
    assert_eq!(samples(&adapter).len(), 1, "13 s old, but nobody has looked since it was 9 s old");
    pass(2).await;
    assert_eq!(samples(&adapter), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_series_stay() {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&[metric("m", Kind::Gauge, &[])])).await.unwrap();
    report(&*handler, "m", Value::Int64Value(1), &[]).await;
    pass(1_000_000).await;
    assert_eq!(samples(&adapter).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn room_for_new_series_comes_back() {
    let adapter = adapter();
    let limited = Params {
        max_series_per_metric: Some(1),
        ..policy(10, Some(1), &[metric("m", Kind::Counter, &["a"])])
    };
    let handler = build(&adapter, "h", &limited).await.unwrap();
    let one = Value::Int64Value(1);
    report(&*handler, "m", one.clone(), &[("a", text("1"))]).await;
    let refused = report_bytes(&*handler, &[("m", instance(Some(one.clone()), &[("a", text("2"))]))]).await;
    assert_eq!(refused.dropped[0].reason, "series_limit");
    pass(12).await;
    report(&*handler, "m", one, &[("a", text("2"))]).await;
    assert_eq!(samples(&adapter), ["t_m{a=\"2\"} 1"]);
}
