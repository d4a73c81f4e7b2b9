//! The `|` operator: what counts as absent, and what does not.

use crate::support::{check, check_both};

#[test]
fn the_first_that_is_there_counts() {
    for (text, expected) in [
        ("source.name | \"x\"", r#"STRING "reviews""#),
        ("source.user | \"x\"", r#"STRING "x""#),
        ("source.user | source.name", r#"STRING "reviews""#),
        ("source.user | source.user | \"z\"", r#"STRING "z""#),
        ("source.user | source.user", "STRING E: lookup failed: 'source.user'"),
        ("(source.user | source.user) | \"z\"", r#"STRING "z""#),
        ("source.user | (source.user | \"z\")", r#"STRING "z""#),
        ("request.path | source.name", r#"STRING "/x""#),
        ("\"x\" | source.name", r#"STRING "x""#),
        ("response.code | 200", "INT64 200"),
        ("retried | true", "BOOL true"),
        ("elapsed | \"1s\"", "DURATION 5s"),
        ("timeout | \"1s\"", "DURATION 1s"),
        ("started | ended", "TIMESTAMP 2020-01-01T00:00:00Z"),
        ("origin.ip | source.ip", "IP_ADDRESS 0a000001"),
        (
            "\"a\" | request.size",
            "C: OR(\"a\", $request.size) arg 2 ($request.size) typeError got INT64, expected STRING",
        ),
        (
            "source.user | \"a\" | 1",
            "C: OR(OR($source.user, \"a\"), 1) arg 2 (1) typeError got INT64, expected STRING",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_missing_key_a_missing_map_and_a_missing_key_name_are_absent() {
    for (text, expected) in [
        ("labels[\"none\"] | \"d\"", r#"STRING "d""#),
        ("headers[\"x\"] | \"d\"", r#"STRING "d""#),
        ("headers[\"x\"] | labels[\"none\"] | labels[\"app\"]", r#"STRING "v1""#),
        ("headers[\"x\"] | labels[\"none\"]", r#"STRING """#),
        ("labels[source.user] | \"d\"", r#"STRING "d""#),
        ("headers[source.user] | \"d\"", r#"STRING "d""#),
        ("labels[source.user | source.user] | \"d\"", r#"STRING "d""#),
        ("labels[source.user | \"app\"] | \"d\"", r#"STRING "v1""#),
        ("labels[labels[\"none\"]] | \"d\"", r#"STRING "d""#),
        ("labels[headers[\"x\"]] | \"d\"", r#"STRING "d""#),
        ("(headers | labels)[\"none\"] | \"d\"", r#"STRING "d""#),
        ("(headers | headers)[\"x\"] | \"d\"", r#"STRING "d""#),
        ("emptyStringMap()[\"x\"] | \"d\"", r#"STRING "d""#),
        ("(headers[\"x\"] | \"y\")", r#"STRING "y""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn arguments_and_branches_must_be_there() {
    for (text, expected) in [
        ("toLower(source.user) | \"x\"", "STRING E: lookup failed: 'source.user'"),
        ("toLower(source.name) | \"x\"", r#"STRING "reviews""#),
        ("match(source.name, \"x\") | true", "BOOL false"),
        ("source.name.startsWith(\"r\") | false", "BOOL true"),
        ("labels[toLower(source.user)] | \"d\"", "STRING E: lookup failed: 'source.user'"),
        ("conditional(mtls, source.user, \"z\") | \"q\"", "STRING E: lookup failed: 'source.user'"),
        ("conditional(true, retried, false) | true", "BOOL E: lookup failed: 'retried'"),
        ("conditional(retried, \"a\", \"b\") | \"q\"", "STRING E: lookup failed: 'retried'"),
        ("conditional(false, labels, headers)[\"x\"] | \"d\"", "STRING E: lookup failed: 'headers'"),
        ("conditional(mtls, \"a\", \"b\") | \"q\"", r#"STRING "a""#),
        ("(source.name == source.user) | true", "BOOL E: lookup failed: 'source.user'"),
        ("source.user | toLower(source.user) | \"x\"", "STRING E: lookup failed: 'source.user'"),
    ] {
        check(text, expected);
    }
}

#[test]
fn another_type_than_declared_is_no_absence() {
    check("broken | \"x\"", "STRING E: error converting value to string: '7'");
    check("source.user | broken | \"x\"", "STRING E: error converting value to string: '7'");
}

/// The value of an operator on the left is the value; the original drops it.
#[test]
fn an_operator_on_the_left_counts() {
    for (text, expected, compat) in [
        ("(source.name == \"reviews\") | false", "BOOL true", "BOOL false"),
        ("(source.name == \"other\") | true", "BOOL false", "BOOL true"),
        ("(mtls && mtls) | false", "BOOL true", "BOOL false"),
        ("(mtls || retried) | false", "BOOL true", "BOOL false"),
        ("(1 == 1) | false", "BOOL true", "BOOL false"),
        ("(request.size + 1) | 9", "INT64 4", "INT64 9"),
        ("request.size + 1 | 9", "INT64 4", "INT64 9"),
        ("size(source.name) | 9", "INT64 7", "INT64 9"),
        ("(source.name < \"s\") | retried | false", "BOOL true", "BOOL false"),
        ("(source.name < \"s\") | retried", "BOOL true", "BOOL E: lookup failed: 'retried'"),
        ("retried | (source.name == \"reviews\") | false", "BOOL true", "BOOL false"),
        ("retried | (source.name == \"reviews\")", "BOOL true", "BOOL true"),
        ("labels[\"app\" + \"\"] | \"q\"", r#"STRING "v1""#, r#"STRING "q""#),
    ] {
        check_both(text, expected, compat);
    }
}
