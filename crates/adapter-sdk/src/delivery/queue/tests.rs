//! Bounds hold for what waits and for what was taken; batches come by size, count and age.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::delivery::DeliveryMetrics;

const AGE: Duration = Duration::from_secs(5);

fn queue(items: usize, bytes: usize) -> Queue<u32> {
    let metrics = DeliveryMetrics::new().unwrap().of("test");
    Queue::new(QueueLimits { items, bytes }, metrics.queue)
}

fn limits(items: usize, bytes: usize) -> BatchLimits {
    BatchLimits { items, bytes, age: AGE }
}

#[test]
fn it_is_full_by_items_and_by_bytes() {
    let check = |limits: (usize, usize), pushes: &[(usize, Result<(), NoRoom>)]| {
        let queue = queue(limits.0, limits.1);
        for (bytes, result) in pushes {
            assert_eq!(queue.push(0, *bytes), *result, "{limits:?} {bytes}");
        }
    };
    check((2, 100), &[(1, Ok(())), (1, Ok(())), (1, Err(NoRoom::Full))]);
    check((9, 100), &[(60, Ok(())), (41, Err(NoRoom::Full)), (40, Ok(())), (1, Err(NoRoom::Full))]);
    check((9, 100), &[(101, Err(NoRoom::Full)), (usize::MAX, Err(NoRoom::Full)), (100, Ok(()))]);
    check((0, 100), &[(1, Err(NoRoom::Full))]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_counts_until_it_is_dropped() {
    let queue = queue(4, 100);
    for item in 0..4 {
        queue.push(item, 10).unwrap();
    }
    let gauges = queue.used.gauges.clone();
    let batch = queue.next(&limits(4, 100)).await.unwrap();
    assert_eq!(queue.level(), (4, 40));
    assert_eq!(queue.push(9, 10), Err(NoRoom::Full));
    let (first, second) = batch.halves().unwrap();
    assert_eq!((first.items(), second.items()), (&[0, 1][..], &[2, 3][..]));
    drop(first);
    assert_eq!(queue.level(), (2, 20));
    assert_eq!((gauges.items.get(), gauges.bytes.get()), (2, 20));
    queue.push(9, 10).unwrap();
    drop(second);
    drop(queue);
    assert_eq!((gauges.items.get(), gauges.bytes.get()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_batch_comes_by_count_by_size_or_by_age() {
    let check = async |limits: BatchLimits, sizes: &[usize], batches: &[(&[u32], Duration)]| {
        let queue = queue(100, 1000);
        for (item, bytes) in (0..).zip(sizes) {
            queue.push(item, *bytes).unwrap();
        }
        let start = Instant::now();
        for (items, after) in batches {
            let batch = queue.next(&limits).await.unwrap();
            assert_eq!((batch.items(), start.elapsed()), (*items, *after), "{limits:?} {sizes:?}");
        }
        assert_eq!(queue.level(), (0, 0));
    };
    let now = Duration::ZERO;
    check(limits(2, 100), &[1, 1, 1], &[(&[0, 1], now), (&[2], AGE)]).await;
    check(limits(9, 10), &[5, 5, 5], &[(&[0, 1], now), (&[2], AGE)]).await;
    check(limits(9, 10), &[6, 6, 6], &[(&[0], now), (&[1], now), (&[2], AGE)]).await;
    check(limits(9, 10), &[50, 1], &[(&[0], now), (&[1], AGE)]).await;
    check(limits(9, 100), &[5], &[(&[0], AGE)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_taker_sees_what_is_pushed() {
    let queue = Arc::new(queue(100, 1000));
    let taker = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next(&limits(2, 100)).await.map(|batch| batch.items().to_vec()) }
    });
    tokio::time::sleep(AGE * 2).await;
    queue.push(1, 1).unwrap();
    tokio::time::sleep(AGE / 2).await;
    assert!(!taker.is_finished(), "one item waits for others");
    queue.push(2, 1).unwrap();
    assert_eq!(taker.await.unwrap(), Some(vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_hands_out_the_rest_at_once() {
    let queue = queue(100, 1000);
    queue.push(1, 1).unwrap();
    queue.close();
    assert_eq!(queue.push(2, 1), Err(NoRoom::Closed));
    let start = Instant::now();
    assert_eq!(queue.next(&limits(9, 100)).await.unwrap().items(), [1]);
    assert!(queue.next(&limits(9, 100)).await.is_none());
    assert_eq!(start.elapsed(), Duration::ZERO);
}
