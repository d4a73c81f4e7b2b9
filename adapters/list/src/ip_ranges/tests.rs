//! Which addresses are in which ranges.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn check(entries: &[&str], inside: &[&str], outside: &[&str]) {
    let ranges = IpRanges::new(entries.iter().map(|entry| parse(entry).unwrap()));
    for address in inside {
        assert!(ranges.contains(address.parse().unwrap()), "{address} is in {entries:?}");
    }
    for address in outside {
        assert!(!ranges.contains(address.parse().unwrap()), "{address} is not in {entries:?}");
    }
}

#[test]
fn addresses_and_ranges_contain_what_they_say() {
    check(&[], &[], &["10.0.0.1", "::"]);
    check(&["10.0.0.1"], &["10.0.0.1", "::ffff:10.0.0.1"], &["10.0.0.0", "10.0.0.2", "::a00:1"]);
    check(&["10.1.2.3/8"], &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0"]);
    check(&["0.0.0.0/0"], &["0.0.0.0", "255.255.255.255"], &["::1", "2001:db8::1"]);
    check(&["::/0"], &["::", "10.0.0.1", "ffff::"], &[]);
}

#[test]
fn an_ipv6_address_is_one_address() {
    check(&["2001:db8::1"], &["2001:db8::1"], &["2001:db8::2", "2001:db8::", "2001:db8:ffff::1"]);
    check(&["2001:db8::/32"], &["2001:db8::", "2001:db8:ffff::1"], &["2001:db9::"]);
    check(&["::ffff:10.0.0.1"], &["10.0.0.1"], &["10.0.0.2"]);
    check(&["::ffff:10.0.0.0/104"], &["10.9.9.9"], &["11.0.0.0"]);
}

#[test]
fn ranges_that_touch_or_overlap_are_one() {
    let entries = ["10.0.0.0/25", "10.0.0.128/25", "10.0.0.64", "::ffff:0.0.0.0/96", "ffff::/16", "ffff::1"];
    let ranges = IpRanges::new(entries.iter().map(|entry| parse(entry).unwrap()));
    assert_eq!(ranges.0.len(), 2, "{ranges:?}");
    check(&entries, &["10.0.0.0", "10.0.0.255", "ffff::9"], &["2001:db8::1"]);
}

#[test]
fn what_is_no_address_is_not_parsed() {
    for entry in ["", "host", "10.0.0", "10.0.0.1/33", "::1/129", "/8", "10.0.0.1-10.0.0.9", "10.0.0.1/"] {
        assert_eq!(parse(entry), None, "{entry:?}");
    }
    assert_eq!(parse(" 10.0.0.1 "), parse("10.0.0.1/32"));
}
