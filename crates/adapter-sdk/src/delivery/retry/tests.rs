//! Waits, what chance takes off, and what a backend may ask for.

use std::time::{Duration, UNIX_EPOCH};

use tokio::time::advance;

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn waits_double_up_to_the_longest() {
    let waits = |at_once| {
        let policy = RetryPolicy { at_once, ..RetryPolicy::default() };
        (1..=7).map(|retry| policy.wait(retry).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(waits(true), [0, 1, 2, 4, 8, 16, 16]);
    assert_eq!(waits(false), [1, 2, 4, 8, 16, 16, 16]);
    let policy = RetryPolicy::default();
    assert_eq!(policy.wait(u32::MAX), policy.longest);
    assert_eq!(policy.wait(0), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn chance_takes_off_at_most_half() {
    let policy = RetryPolicy { at_once: false, ..RetryPolicy::default() };
    let waits: Vec<_> = (0..200).map(|_| Backoff::new(policy).next(None).unwrap()).collect();
    assert!(waits.iter().all(|wait| (secs(1) / 2..=secs(1)).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "waits differ");
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_at_the_deadline_but_for_waits_that_were_asked_for() {
    let policy = RetryPolicy { give_up_after: secs(30), longest_asked: secs(100), ..RetryPolicy::default() };
    let mut backoff = Backoff::new(policy);
    assert_eq!(backoff.next(None), Some(Duration::ZERO));
    advance(secs(31)).await;
    assert_eq!(backoff.next(None), None);

    let mut backoff = Backoff::new(policy);
    assert_eq!(backoff.next(Some(secs(60))), Some(secs(60)));
    advance(secs(60)).await;
    assert!(backoff.next(None).is_some(), "the wait does not count");
    assert_eq!(backoff.next(Some(secs(1_000_000))), Some(secs(100)));
    advance(secs(131)).await;
    assert_eq!(backoff.next(Some(secs(1))), None, "nor does asking go on for ever");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let now = UNIX_EPOCH + secs(784_111_777);
    let check = |value: &str, wait: Option<u64>| {
        assert_eq!(parse_retry_after(value, now), wait.map(secs), "{value:?}");
    };
    check("120", Some(120));
    check(" 0 ", Some(0));
    check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
    check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
    check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
    check("-1", None);
    check("1.5", None);
    check("soon", None);
    check("", None);
    check("99999999999999999999999", None);
}
