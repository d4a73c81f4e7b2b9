//! Which conditions are written, and when none are.

use super::super::{ACCEPTED, PROGRAMMED, RESOLVED};
use super::*;

fn verdict(holds: bool) -> Verdict {
    [ACCEPTED, RESOLVED, PROGRAMMED].map(|kind| Answer { kind, holds, reason: "R", message: "m".to_owned() })
}

#[test]
fn conditions_change_only_when_something_does() {
    let other = Condition { kind: "Audited".to_owned(), status: "True".to_owned(), ..Condition::default() };
    let first = merged(std::slice::from_ref(&other), &verdict(true), 1).unwrap();
    assert_eq!(first.len(), 4);
    assert_eq!(first[0], other, "a condition of somebody else stays");
    assert!(first[1..].iter().all(|one| one.status == "True" && one.observed_generation == 1));
    assert!(first[1..].iter().all(|one| one.last_transition_time.ends_with('Z')));
    assert_eq!(merged(&first, &verdict(true), 1), None);
    let mut old = first.clone();
    for one in &mut old[1..] {
        one.last_transition_time = "2001-01-01T00:00:00Z".to_owned();
    }
    let newer = merged(&old, &verdict(true), 2).unwrap();
    assert!(
        newer[1..]
            .iter()
            .all(|one| one.observed_generation == 2 && one.last_transition_time.starts_with("2001"))
    );
    let turned = merged(&newer, &verdict(false), 2).unwrap();
    assert!(
        turned[1..].iter().all(|one| one.status == "False" && !one.last_transition_time.starts_with("2001"))
    );
}

#[tokio::test(start_paused = true)]
async fn writes_are_as_many_per_second_as_wanted() {
    let options = StatusOptions { rate: 10.0, burst: 5, ..StatusOptions::default() };
    let mut bucket = Bucket { left: 5.0, since: Instant::now() };
    let started = Instant::now();
    for _ in 0..25 {
        bucket.take(&options).await;
    }
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1990) && took <= Duration::from_millis(2200), "{took:?}");
}
