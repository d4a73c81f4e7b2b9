//! What the names of allowed clients mean.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

#[test]
fn names_allow_what_they_say_and_no_more() {
    let check = |id: &str, allowed: &[&str], refused: &[&str]| {
        let parsed: ClientId = id.parse().unwrap();
        assert_eq!(parsed.to_string(), id);
        let passes = |name: &str| match name.contains("://") {
            true => parsed.allows_uri(name),
            false => parsed.allows_dns(name),
        };
        allowed.iter().for_each(|name| assert!(passes(name), "{id} allows {name}"));
        refused.iter().for_each(|name| assert!(!passes(name), "{id} refuses {name}"));
    };
    check(
        "spiffe://cluster.local/ns/m/sa/mixer",
        &["spiffe://cluster.local/ns/m/sa/mixer"],
        &["spiffe://cluster.local/ns/m/sa/mixer2", "spiffe://other/ns/m/sa/mixer", "cluster.local"],
    );
    check(
        "spiffe://cluster.local/ns/m/*",
        &["spiffe://cluster.local/ns/m/sa/a", "spiffe://cluster.local/ns/m/"],
        &["spiffe://cluster.local/ns/mm/sa/a"],
    );
    check("mixer.example.com", &["mixer.example.com", "Mixer.Example.com"], &["a.mixer.example.com"]);
    check(
        "*.example.com",
        &["a.example.com", "a.b.example.com"],
        &["example.com", ".example.com", "aexample.com"],
    );
}

#[test]
fn texts_that_would_let_in_anybody_are_no_names() {
    for text in [
        "",
        "*",
        "*.",
        "spiffe://*",
        "spiffe://a*/b",
        "spiffe://a/*/*",
        "*example.com",
        ".example.com",
        "a b",
    ] {
        let error = text.parse::<ClientId>().unwrap_err();
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
}
