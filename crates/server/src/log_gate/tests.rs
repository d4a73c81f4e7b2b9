//! One line in a period, and the count of those held back.

use super::*;

#[test]
fn one_in_a_period_passes_and_tells_how_many_did_not() {
    let gate = LogGate::new(Duration::from_secs(1));
    let start = Instant::now();
    let at = |millis| gate.pass(start + Duration::from_millis(millis));
    assert_eq!(at(0), Some(0));
    assert_eq!(at(1), None);
    assert_eq!(at(999), None);
    assert_eq!(at(1000), Some(2));
    assert_eq!(at(1001), None);
    assert_eq!(at(5000), Some(1));
}
