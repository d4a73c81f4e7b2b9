//! The bounds hold, and what is given back can be taken again.

use futures::FutureExt;
use mixer_adapter_api::ErrorKind;

use super::{Limiter, Limits};

fn limiter(in_flight: usize, queued: usize, bytes: usize) -> Limiter {
    Limiter::new(Limits { in_flight, queued, bytes })
}

#[tokio::test]
async fn places_then_the_queue_then_refusal() {
    let limiter = limiter(2, 1, 1000);
    let first = limiter.acquire(1).await.unwrap();
    let _second = limiter.acquire(1).await.unwrap();
    let mut third = std::pin::pin!(limiter.acquire(1));
    assert!(third.as_mut().now_or_never().is_none(), "waits");
    let refused = limiter.acquire(1).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::QueueFull);
    assert!(refused.message.contains("2 calls are in flight and 1 wait"), "{refused}");
    drop(first);
    third.await.unwrap();
}

#[tokio::test]
async fn a_cancelled_wait_leaves_the_queue() {
    let limiter = limiter(1, 1, 1000);
    let _first = limiter.acquire(1).await.unwrap();
    for _ in 0..3 {
        assert!(limiter.acquire(1).now_or_never().is_none(), "waits, and is dropped");
    }
}

#[tokio::test]
async fn bytes_are_bounded_but_one_call_always_fits() {
    let limiter = limiter(10, 10, 100);
    let large = limiter.acquire(5_000).await.unwrap();
    let refused = limiter.acquire(1).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::QueueFull);
    drop(large);
    let _half = limiter.acquire(60).await.unwrap();
    let _rest = limiter.acquire(40).await.unwrap();
    assert!(limiter.acquire(1).await.is_err());
}
