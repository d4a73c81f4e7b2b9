//! What certificates say, and when a new authority is due.

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn an_authority_is_old_when_a_third_is_left() {
    let now = SystemTime::now();
    let authority = Authority::new(now, DAY * 30).unwrap();
    for (days, is_old) in [(0, false), (19, false), (21, true), (31, true)] {
        assert_eq!(authority.is_old(now + DAY * days, DAY * 30), is_old, "after {days} days");
    }
}

#[test]
fn a_certificate_ends_with_its_authority_at_the_latest() {
    let now = SystemTime::now();
    let authority = Authority::new(now, DAY * 10).unwrap();
    let names = vec!["mixs.n.svc".to_owned(), "127.0.0.1".to_owned()];
    assert_eq!(authority.issue(&names, now, DAY * 3).unwrap().ends, seconds(now + DAY * 3));
    assert_eq!(authority.issue(&names, now, DAY * 30).unwrap().ends, seconds(now + DAY * 10));
    assert!(authority.issue(&["no name".to_owned() + "\u{e9}"], now, DAY).is_err());
}
