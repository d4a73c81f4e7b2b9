//! The limiter on a paused clock.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::Limiter;

/// The times at which calls pass, in milliseconds.
async fn turns(limiter: &Limiter, count: usize, start: Instant) -> Vec<u128> {
    let mut passed = Vec::new();
    for _ in 0..count {
        limiter.turn().await;
        passed.push(start.elapsed().as_millis());
    }
    passed
}

#[tokio::test(start_paused = true)]
async fn calls_are_evenly_spaced() {
    let (limiter, start) = (Limiter::new(10), Instant::now());
    assert_eq!(turns(&limiter, 4, start).await, [0, 100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn workers_share_the_rate() {
    let (limiter, start) = (Limiter::new(10), Instant::now());
    let (a, b) = tokio::join!(turns(&limiter, 3, start), turns(&limiter, 3, start));
    let mut all = [a, b].concat();
    all.sort_unstable();
    assert_eq!(all, [0, 100, 200, 300, 400, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_made_up_for_in_part() {
    let (limiter, start) = (Limiter::new(2), Instant::now());
    limiter.turn().await;
    advance(Duration::from_secs(10)).await;
    assert_eq!(turns(&limiter, 5, start).await, [10_000, 10_000, 10_000, 10_500, 11_000]);
}
