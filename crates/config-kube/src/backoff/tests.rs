//! Waiting times grow, stay below the longest, differ, and obey the API server.

use super::*;

#[test]
fn times_grow_to_the_longest() {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let mut before = Duration::ZERO;
    for round in 0..40u32 {
        let full = Duration::from_millis(100).saturating_mul(1 << round.min(16)).min(Duration::from_secs(10));
        let wait = backoff.next(None);
        assert!(wait >= full / 2 && wait <= full, "round {round}: {wait:?} of {full:?}");
        assert!(wait * 2 >= before, "round {round}");
        before = wait;
    }
    backoff.reset();
    assert!(backoff.next(None) <= Duration::from_millis(100));
}

#[test]
fn the_api_server_is_obeyed() {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let asked = Duration::from_secs(7);
    let waits: Vec<Duration> = (0..20)
        .map(|_| {
            backoff.reset();
            backoff.next(Some(asked))
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait >= asked && *wait <= asked.mul_f64(1.1)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "no chance in {waits:?}");
}
