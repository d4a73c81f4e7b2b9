//! `match` and `matches`: stars, and regular expressions as RE2 reads them.

use crate::support::{check, outcome};

#[test]
fn a_star_at_one_end_stands_for_anything() {
    for (pattern, expected) in [
        ("rev*", true),
        ("*iews", true),
        ("reviews", true),
        ("*", true),
        ("", false),
        ("r*s", false),
        ("*view*", false),
        ("**", false),
        ("x*", false),
    ] {
        check(&format!("match(source.name, \"{pattern}\")"), &format!("BOOL {expected}"));
        // The same when the pattern is not constant.
        check(&format!("match(source.name, source.user | \"{pattern}\")"), &format!("BOOL {expected}"));
        check(
            &format!("match(source.name, toLower(\"{pattern}\" + labels[\"none\"]))"),
            &format!("BOOL {expected}"),
        );
    }
    check("match(\"*ellow\", \"*ell*\")", "BOOL true");
}

#[test]
fn the_target_is_the_pattern() {
    check("\"^rev\".matches(source.name)", "BOOL true");
    check("source.name.matches(\"all reviews\")", "BOOL true");
    check("\"^a\".matches(source.name)", "BOOL false");
    check("\"(\".matches(source.name)", "BOOL E: error parsing regexp: missing closing ): `(`");
    check("\"(\".matches(source.user)", "BOOL E: lookup failed: 'source.user'");
    check(
        "(source.user | \"(\").matches(source.name)",
        "BOOL E: error parsing regexp: missing closing ): `(`",
    );
    check("(source.user | \"^re\").matches(source.name)", "BOOL true");
    check("\"\\xff\".matches(source.name)", "BOOL E: error parsing regexp: invalid UTF-8");
}

#[track_caller]
fn check_pattern(pattern: &str, text: &str, expected: Option<bool>) {
    let expr = format!("`{pattern}`.matches(`{text}`)");
    let (actual, _) = outcome(&expr, false);
    match expected {
        Some(expected) => assert_eq!(actual, format!("BOOL {expected}"), "{expr}"),
        None => assert!(actual.starts_with("BOOL E: error parsing regexp: "), "{expr}: {actual}"),
    }
}

#[test]
fn classes_are_ascii() {
    for (pattern, text, expected) in [
        (r"^\d$", "7", true),
        (r"^\d$", "٣", false),
        (r"^\D$", "٣", true),
        (r"^\w+$", "aZ_9", true),
        (r"^\w+$", "é", false),
        (r"^[\w.-]+$", "a.b-c", true),
        (r"^[^\w]$", "é", true),
        (r"^\s$", "\u{a0}", false),
        (r"^\S$", "\u{a0}", true),
        (r"\bfoo\b", "a foo b", true),
        (r"foo\b", "fooé", true),
        (r"foo\B", "foox", true),
        (r"^.$", "é", true),
        (r"^.$", "\n", false),
        (r"(?s)^.$", "\n", true),
        (r"^\pL$", "é", true),
        (r"^\p{Greek}$", "λ", true),
        (r"^\P{Greek}$", "λ", false),
        (r"^\p{^Greek}$", "λ", false),
        (r"^[[:alpha:]]$", "x", true),
        (r"^[[:^alpha:]]$", "x", false),
        (r"(?i)HELLO", "hello", true),
        (r"(?i:É)", "é", true),
        (r"(?P<n>a)b", "ab", true),
        (r"(?U)^a+$", "aaa", true),
    ] {
        check_pattern(pattern, text, Some(expected));
    }
}

#[test]
fn brackets_hold_plain_characters() {
    for (pattern, text, expected) in [
        ("^[a&&b]+$", "a&b", true),
        ("^[a[b]+$", "[ab", true),
        ("^[]a]+$", "]a", true),
        ("^[^]a]$", "]", false),
        ("^[a-]$", "-", true),
        ("^[+--]$", ",", true),
        ("^[a~~b]+$", "~a", true),
        (r"^[\]\\]+$", r"]\", true),
        (r"^[\x41-\x{43}]$", "B", true),
        (r"^[\d\-x]+$", "1-x", true),
    ] {
        check_pattern(pattern, text, Some(expected));
    }
}

#[test]
fn escapes_and_literals_are_those_of_re2() {
    for (pattern, text, expected) in [
        (r"^\Qa.b\E.$", "a.bc", true),
        (r"^\Qa.b", "axb", false),
        (r"^\101\x42\x{43}$", "ABC", true),
        (r"^\a\f\t\n\r\v$", "\u{7}\u{c}\t\n\r\u{b}", false),
        (r"^\<a\>$", "<a>", true),
        (r"^\ $", " ", true),
        ("^a{,2}$", "a{,2}", true),
        ("^a{2}$", "aa", true),
        ("^a{2,}$", "aaa", true),
        ("^{a}$", "{a}", true),
        ("^a*?$", "aa", true),
        (r"\Aab\z", "ab", true),
        ("^]}$", "]}", true),
        ("^#& ~$", "#& ~", true),
        ("(?)a", "a", true),
    ] {
        // A raw literal drops carriage returns.
        let expected = expected || pattern.contains(r"\r");
        check_pattern(&pattern.replace(r"\r", ""), &text.replace('\r', ""), Some(expected));
    }
}

#[test]
fn what_re2_refuses_is_refused() {
    for pattern in [
        "(",
        ")",
        "[",
        "[a",
        "a**",
        "a*+",
        "a+?*",
        "*a",
        "|*",
        "(*)",
        "a{1001}",
        "a{2,1}",
        "a{3}{3}",
        r"\",
        r"\1",
        r"\8",
        r"\C",
        r"\y",
        r"\é",
        r"[\b]",
        r"\Z",
        r"\x",
        r"\xZZ",
        r"\x{110000}",
        r"\pp",
        r"\p{",
        r"\p{No Such}",
        "[b-a]",
        r"[a-\d]",
        "[[:nope:]]",
        "(?x)a",
        "(?<n>a)",
        "(?=a)",
        "(?!a)",
        "(?P<n",
        "(?P=n)",
        "(?i",
        "[]",
        "[^]",
    ] {
        check_pattern(pattern, "a", None);
    }
    // A pattern may not take more memory than a bound.
    check_pattern(r"(\pL{1000}){100}", "a", None);
}
