//! Ready when every guard is gone, never again when draining.

use super::*;

fn check(readiness: &Readiness, expected: &[&str]) {
    let waiting = readiness.waiting();
    assert_eq!(waiting.names().collect::<Vec<_>>(), expected);
    assert_eq!(waiting.is_ready(), expected.is_empty());
}

#[test]
fn ready_when_every_guard_is_gone() {
    let readiness = Readiness::new();
    check(&readiness, &[]);
    let config = readiness.wait_for("config");
    let first = readiness.wait_for("listener");
    let second = readiness.wait_for("listener");
    check(&readiness, &["config", "listener"]);
    drop(first);
    check(&readiness, &["config", "listener"]);
    drop(second);
    check(&readiness, &["config"]);
    drop(config);
    check(&readiness, &[]);
}

#[test]
fn draining_stays() {
    let readiness = Readiness::new();
    let config = readiness.wait_for("config");
    readiness.drain();
    readiness.drain();
    check(&readiness, &["config", "draining"]);
    drop(config);
    check(&readiness, &["draining"]);
}

#[tokio::test]
async fn changes_are_announced() {
    let readiness = Readiness::new();
    let guard = readiness.wait_for("config");
    let mut changes = readiness.subscribe();
    drop(guard);
    changes.changed().await.unwrap();
    assert!(changes.borrow_and_update().is_ready());
    readiness.drain();
    changes.changed().await.unwrap();
    assert!(!changes.borrow_and_update().is_ready());
}
