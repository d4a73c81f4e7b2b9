//! The breaker opens after failures in a row, lets one probe through at a time, and closes again by itself.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Breaker, SLOW, THRESHOLD};

fn breaker() -> Breaker {
    let openings = prometheus::IntCounter::new("openings", "openings").unwrap();
    Breaker::new("handler a".to_owned(), Duration::from_secs(10), openings)
}

fn open(breaker: &Breaker) {
    for call in 1..=THRESHOLD {
        breaker.admit().unwrap().failed();
        assert_eq!(breaker.openings.get(), u64::from(call == THRESHOLD));
    }
    assert!(breaker.admit().is_err());
}

/// Waits until a call gets through and says how long that took.
async fn until_probe(breaker: &Breaker) -> (super::Attempt<'_>, Duration) {
    let start = Instant::now();
    loop {
        match breaker.admit() {
            Ok(attempt) => return (attempt, start.elapsed()),
            Err(pause) => advance(pause.max(Duration::from_millis(1))).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_between_failures_keeps_it_closed() {
    let breaker = breaker();
    for _ in 0..4 {
        for _ in 1..THRESHOLD {
            breaker.admit().unwrap().failed();
        }
        breaker.admit().unwrap().succeeded();
    }
    assert_eq!(breaker.openings.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_and_a_success_closes() {
    let breaker = breaker();
    open(&breaker);
    let (probe, pause) = until_probe(&breaker).await;
    assert!(pause <= Duration::from_millis(101), "{pause:?}");
    assert!(breaker.admit().is_err(), "a second call must not go along");
    probe.succeeded();
    for _ in 1..THRESHOLD {
        breaker.admit().unwrap().failed();
    }
    assert!(breaker.admit().is_ok(), "counting started anew");
    assert_eq!(breaker.openings.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_five_seconds_and_no_further() {
    let breaker = breaker();
    open(&breaker);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let (probe, pause) = until_probe(&breaker).await;
        pauses.push(pause);
        probe.failed();
    }
    for (index, pause) in pauses.iter().enumerate() {
        let full = Duration::from_millis(100 << index.min(10)).min(Duration::from_secs(5));
        let slack = Duration::from_millis(2);
        assert!(*pause <= full + slack && *pause + slack >= full.mul_f64(0.75), "{index}: {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_counts_only_when_it_took_long() {
    let breaker = breaker();
    for _ in 0..3 * THRESHOLD {
        drop(breaker.admit().unwrap());
    }
    for _ in 0..THRESHOLD {
        let attempt = breaker.admit().unwrap();
        advance(SLOW).await;
        drop(attempt);
    }
    assert!(breaker.admit().is_err());
    let (probe, _) = until_probe(&breaker).await;
    drop(probe);
    assert!(breaker.admit().is_ok(), "an undecided probe gives way to the next one");
}

#[tokio::test(start_paused = true)]
async fn calls_of_before_do_not_lengthen_the_pause() {
    let breaker = breaker();
    let early: Vec<_> = (0..20).map(|_| breaker.admit().unwrap()).collect();
    early.into_iter().for_each(super::Attempt::failed);
    assert_eq!(breaker.openings.get(), 1);
    let (_, pause) = until_probe(&breaker).await;
    assert!(pause <= Duration::from_millis(101), "{pause:?}");
}
