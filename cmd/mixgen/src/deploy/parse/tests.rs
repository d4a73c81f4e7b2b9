//! What is taken, and what is not.

use super::{image, is_label_value, label, name, persistence, secret, subdomain, tagged};

fn check(parse: impl Fn(&str) -> Result<String, String>, good: &[&str], bad: &[&str]) {
    for text in good {
        assert_eq!(parse(text).as_deref(), Ok(*text));
    }
    for text in bad {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn words() {
    let long = "a".repeat(64);
    check(label, &["a", "a-1", "1a"], &["", "-a", "a-", "A", "a.b", "a_b", &long]);
    check(subdomain, &["a", "a.b-c"], &["", "a..b", ".a", "a.", "A"]);
    check(name, &["tally", "a-b2"], &["", "1a", "Tally", "a_b", "mixer-tally-adapter", &long[..50]]);
    check(image, &["a", "r.io:5000/a/b:1.2", "a@sha256:00"], &["", "a b", "https://r.io/a", "a\nb"]);
    let both = |text: &str| secret(text).map(|one| format!("{}:{}", one.secret, one.key));
    check(both, &["a:KEY", "a.b:tls.crt"], &["", "a", "A:k", "a:", "a:..x", "a:.", "a:b/c", "a:b:c"]);
    let disks = |text: &str| persistence(text).map(|disks| disks.to_string());
    check(
        disks,
        &["2Gi", "500Mi", "1000", "2Gi:fast.ssd"],
        &["", "0Gi", "2gi", "Gi", "2Gi:", "1.5Gi", "-1Gi", "2Gi:A"],
    );
}

#[test]
fn versions() {
    for (name, version, expected) in [
        ("r.io:5000/a", Some("1.2.3"), Some("r.io:5000/a:1.2.3")),
        ("a", Some("1.2.3+x"), Some("a:1.2.3-x")),
        ("r.io/a:2", Some("1"), Some("r.io/a:2")),
        ("a@sha256:0", None, Some("a@sha256:0")),
        ("r.io:5000/a", None, None),
    ] {
        assert_eq!(tagged(name, version).ok().as_deref(), expected, "{name} {version:?}");
    }
    assert!(
        is_label_value("1.2.3-rc_1")
            && !is_label_value("1.2+x")
            && !is_label_value("")
            && !is_label_value("-a")
    );
}
