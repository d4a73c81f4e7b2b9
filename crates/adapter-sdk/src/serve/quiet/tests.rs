//! When it is said that nothing arrives; time is paused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use prometheus::Registry;

use super::*;

const QUIET: Duration = Duration::from_secs(300);

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::register(&Registry::new()).unwrap())
}

async fn after(seconds: u64) {
    // A timer of the paused clock fires only when no task can run.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn warnings_come_later_and_later_until_a_call_comes() {
    let metrics = metrics();
    let watching = tokio::spawn(watch(QUIET, metrics.clone()));
    let warnings = || metrics.quiet_warnings.get();
    after(298).await;
    assert_eq!(warnings(), 0);
    after(4).await;
    assert_eq!(warnings(), 1);
    after(296).await;
    assert_eq!(warnings(), 1);
    after(4).await;
    assert_eq!(warnings(), 2, "after 10 minutes");
    after(598).await;
    assert_eq!(warnings(), 2);
    after(10).await;
    assert_eq!(warnings(), 3, "after 20 minutes");
    metrics.of_template("metric").call_ended(tonic::Code::Ok, Duration::ZERO);
    after(5).await;
    assert_eq!(warnings(), 0);
    assert!(metrics.last_call.get() > 0);
    after(302).await;
    assert_eq!(warnings(), 1, "begins anew");
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn zero_never_warns() {
    let metrics = metrics();
    let watching = tokio::spawn(watch(Duration::ZERO, metrics.clone()));
    after(100_000).await;
    assert_eq!(metrics.quiet_warnings.get(), 0);
    watching.abort();
}
