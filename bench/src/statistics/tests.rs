//! Spreads of given numbers.

use super::*;

#[test]
fn spreads() {
    let check = |values: &[f64], median: f64, min: f64, max: f64| {
        assert_eq!(Spread::of(values.iter().copied()), Spread { median, min, max }, "{values:?}");
    };
    check(&[], 0.0, 0.0, 0.0);
    check(&[4.0], 4.0, 4.0, 4.0);
    check(&[9.0, 1.0], 5.0, 1.0, 9.0);
    check(&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0);
    check(&[9.0, 1.0, 2.0, 4.0], 3.0, 1.0, 9.0);
}
