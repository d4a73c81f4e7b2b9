//! It opens after failures in a row, lets one attempt decide, and keeps a pause that was asked for.

use std::sync::Arc;

use tokio::time::Instant;

use super::*;

const POLICY: BreakerPolicy = BreakerPolicy { failures: 3, open_for: Duration::from_secs(10) };

async fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker.enter().await.failed();
    }
}

/// How long the next attempt waits.
async fn wait(breaker: &Breaker) -> (Duration, Pass<'_>) {
    let start = Instant::now();
    let pass = breaker.enter().await;
    (start.elapsed(), pass)
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it() {
    let breaker = Breaker::new(POLICY);
    fail(&breaker, 2).await;
    breaker.enter().await.succeeded();
    fail(&breaker, 2).await;
    assert!(breaker.is_closed());
    fail(&breaker, 1).await;
    assert!(!breaker.is_closed());
    assert_eq!(wait(&breaker).await.0, POLICY.open_for);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_decides() {
    let breaker = Arc::new(Breaker::new(POLICY));
    fail(&breaker, 3).await;
    let probe = breaker.enter().await;
    let other = tokio::spawn({
        let breaker = breaker.clone();
        async move { wait(&breaker).await.0 }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!other.is_finished(), "others wait for the one");
    probe.succeeded();
    assert_eq!(other.await.unwrap(), Duration::from_secs(60));
    assert!(breaker.is_closed());

    fail(&breaker, 3).await;
    breaker.enter().await.failed();
    assert_eq!(wait(&breaker).await.0, POLICY.open_for, "it stays open when the one fails");
    assert_eq!(wait(&breaker).await.0, Duration::ZERO, "a dropped pass does not keep others out");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_everyone() {
    let breaker = Breaker::new(POLICY);
    let (early, late) = (breaker.enter().await, breaker.enter().await);
    early.paused(Duration::from_secs(30));
    late.paused(Duration::from_secs(5));
    assert!(!breaker.is_closed());
    let (waited, pass) = wait(&breaker).await;
    assert_eq!(waited, Duration::from_secs(30));
    pass.succeeded();
    assert!(breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_an_account_holds_for_all_who_send_to_it() {
    let of = |destination, account| Breaker::for_destination(destination, account, POLICY);
    let (one, two) = (of("https://a.test", "key"), of("https://a.test", "key"));
    let others =
        [of("https://a.test", "other key"), of("https://b.test", "key"), of("https://a.testk", "ey")];
    one.enter().await.paused(Duration::from_secs(30));
    assert_eq!(wait(&two).await.0, Duration::from_secs(30));
    for other in others {
        assert_eq!(wait(&other).await.0, Duration::ZERO);
    }
    one.enter().await.paused(Duration::from_secs(30));
    drop((one, two));
    assert!(of("https://a.test", "key").is_closed(), "nobody held it any more");
}
