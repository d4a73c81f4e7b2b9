//! What the ledger finds missing, and what it takes for a repetition.

use super::{Ledger, Numbers};

#[test]
fn numbers() {
    let (mut some, mut others) = (Numbers::default(), Numbers::default());
    assert!([0, 63, 64, 1_000_000].into_iter().all(|number| some.add(number)));
    assert!(!some.add(64));
    assert_eq!(some.len(), 4);
    assert_eq!(some.missing_from(&others), 4);
    assert!([63, 64, 5].into_iter().all(|number| others.add(number)));
    assert_eq!(some.missing_from(&others), 2);
    assert_eq!(others.missing_from(&some), 1);
}

#[test]
fn what_is_lost_and_what_came_twice() {
    let mut ledger = Ledger::default();
    assert!(ledger.is_settled());
    ledger.spans.acknowledged.add(7);
    ledger.calls.acknowledged.add(3);
    assert_eq!((ledger.lost(), ledger.points()), ([1, 0, 1], (101, 0)));
    ledger.spans.arrive(7);
    ledger.spans.arrive(8);
    ledger.count(3, 60.0);
    assert_eq!(ledger.lost(), [0, 0, 1]);
    ledger.count(3, 50.0);
    ledger.count(3, 1.0);
    assert_eq!((ledger.lost(), ledger.is_settled()), ([0; 3], true), "more may arrive than was acknowledged");
    assert_eq!((ledger.too_many, ledger.points()), (11.0, (101, 102)));
    ledger.spans.arrive(8);
    assert_eq!(ledger.spans.repeated, 1);
    assert!(ledger.is_new("a") && !ledger.is_new("a") && ledger.is_new("b"));
    assert_eq!((ledger.duplicates, ledger.requests()), (1, 2));
}
