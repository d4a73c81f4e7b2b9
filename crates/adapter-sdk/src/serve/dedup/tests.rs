//! Which calls count as the same, and for how long; time is paused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use super::*;

const WINDOW: Duration = Duration::from_secs(10);

fn dedup(max: usize) -> Dedup {
    Dedup::new(WINDOW, max).unwrap()
}

/// Gives an answer when it is the first call; the answer either way.
async fn ask(dedup: &Dedup, key: Key, answer: &'static str) -> Bytes {
    match dedup.turn(key).await {
        Turn::Again(answer) => answer,
        Turn::First(first) => {
            let answer = Bytes::from_static(answer.as_bytes());
            first.answered(&answer);
            answer
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_the_window_and_no_longer() {
    let dedup = dedup(10);
    assert_eq!(ask(&dedup, (1, 1), "a").await, "a");
    tokio::time::advance(WINDOW - Duration::from_millis(1)).await;
    assert_eq!(ask(&dedup, (1, 1), "b").await, "a");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(ask(&dedup, (1, 1), "c").await, "c");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_answer_makes_room() {
    let dedup = dedup(3);
    for key in 1..=3 {
        ask(&dedup, (key, 0), "a").await;
    }
    assert_eq!(ask(&dedup, (1, 0), "b").await, "b", "was forgotten");
    assert_eq!(ask(&dedup, (3, 0), "b").await, "a", "is still known");
    assert!(dedup.answers.lock().by_key.len() <= 3);
    assert!(dedup.answers.lock().oldest.len() <= 3);
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_share_one_answer() {
    let dedup = Arc::new(dedup(10));
    let Turn::First(first) = dedup.turn((1, 1)).await else { unreachable!("nothing is known yet") };
    let waiting = tokio::spawn({
        let dedup = dedup.clone();
        async move { ask(&dedup, (1, 1), "second").await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    first.answered(&Bytes::from_static(b"first"));
    assert_eq!(waiting.await.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_leaves_its_turn_to_the_next() {
    let dedup = Arc::new(dedup(10));
    let Turn::First(first) = dedup.turn((1, 1)).await else { unreachable!("nothing is known yet") };
    let waiting = tokio::spawn({
        let dedup = dedup.clone();
        async move { ask(&dedup, (1, 1), "second").await }
    });
    tokio::task::yield_now().await;
    drop(first);
    assert_eq!(waiting.await.unwrap(), "second");
    assert_eq!(dedup.answers.lock().oldest.len(), 1);
}

#[test]
fn calls_are_the_same_when_everything_that_counts_is() {
    let dedup = dedup(10);
    let key = |handler, path: &str, id: &str, instance: &[u8]| {
        let mut message = vec![0x0a, instance.len() as u8];
        message.extend(instance);
        message.extend([0x1a, id.len() as u8]);
        message.extend(id.as_bytes());
        let message = Bytes::from(message);
        dedup.key(handler, path, &HandleRequest::parse(&message).unwrap())
    };
    let first = key(1, "/a", "id", &[0x0a, 1, 7, 0x12, 1, 8]);
    assert_eq!(key(1, "/a", "id", &[0x12, 1, 8, 0x0a, 1, 7]), first, "fields come in any order");
    assert_ne!(key(2, "/a", "id", &[0x0a, 1, 7, 0x12, 1, 8]), first, "another handler");
    assert_ne!(key(1, "/b", "id", &[0x0a, 1, 7, 0x12, 1, 8]), first, "another template");
    assert_ne!(key(1, "/a", "other", &[0x0a, 1, 7, 0x12, 1, 8]), first, "another id");
    assert_ne!(key(1, "/a", "id", &[0x0a, 1, 7, 0x12, 1, 9]), first, "another value");
    assert_eq!(key(1, "/a", "", &[0x0a, 1, 7]), None, "without an id nothing is kept");
}
