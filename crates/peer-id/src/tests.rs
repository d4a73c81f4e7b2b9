//! What the names of allowed peers mean.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn check(id: &str, allowed: &[&str], refused: &[&str]) {
    let parsed: PeerId = id.parse().unwrap();
    assert_eq!(parsed.to_string(), id);
    let passes = |name: &str| match name.contains("://") {
        true => parsed.allows_uri(name),
        false => parsed.allows_dns(name),
    };
    allowed.iter().for_each(|name| assert!(passes(name), "{id} allows {name}"));
    refused.iter().for_each(|name| assert!(!passes(name), "{id} refuses {name}"));
}

#[test]
fn names_allow_what_they_say_and_no_more() {
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
    check(
        "spiffe://cluster.local",
        &["spiffe://cluster.local/ns/m/sa/a", "spiffe://cluster.local"],
        &[
            "spiffe://cluster.local.evil.org/ns/m",
            "spiffe://cluster",
            "https://cluster.local/ns/m",
            "cluster.local",
        ],
    );
    check("https://example.com", &["https://example.com"], &["https://example.com/a"]);
    check("mixer.example.com", &["mixer.example.com", "Mixer.Example.com"], &["a.mixer.example.com"]);
    check(
        "*.example.com",
        &["a.example.com", "a.b.example.com"],
        &["example.com", ".example.com", "aexample.com"],
    );
}

#[test]
fn a_trust_domain_is_written_in_two_ways() {
    for text in ["spiffe://td", "spiffe://td/", "spiffe://td/*"] {
        assert_eq!(text.parse::<PeerId>().unwrap(), PeerId::TrustDomain("td".to_owned()), "{text}");
    }
    assert_eq!(trust_domain("spiffe://td/a/b"), Some("td"));
    assert_eq!((trust_domain("spiffe:///a"), trust_domain("https://td/a")), (None, None));
}

#[test]
fn texts_that_would_let_in_anybody_are_no_names() {
    for text in [
        "",
        "*",
        "*.",
        "spiffe://",
        "spiffe://*",
        "spiffe:///ns/m",
        "spiffe://cluster.local*",
        "spiffe://a*/b",
        "spiffe://a/*/*",
        "spiffe://a/*/b",
        "spiffe://a/b c",
        "*example.com",
        ".example.com",
        "a b",
    ] {
        let error = text.parse::<PeerId>().unwrap_err();
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
}
