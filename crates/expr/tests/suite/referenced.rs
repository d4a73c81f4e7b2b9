//! What evaluation records: the tool's view of every look, and what the caller has to compare.

use mixer_attribute::Referenced;
use mixer_expr::{Options, compile};

use crate::support::{bag, outcome, print, vocabulary};

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    for compat in [false, true] {
        assert_eq!(outcome(text, compat).1, expected, "{text} (compat: {compat})");
    }
}

#[test]
fn only_what_was_looked_at_is_recorded() {
    check("source.name | source.user", &["source.name"]);
    check("source.user | source.name", &["source.name", "-source.user"]);
    check("mtls || retried", &["mtls"]);
    check("request.size == 4 && retried", &["request.size"]);
    check("retried == mtls", &["-retried"]);
    check("conditional(mtls, source.name, source.user)", &["mtls", "source.name"]);
    check("match(source.name, \"x*\")", &["source.name"]);
    check("broken | \"x\"", &["broken"]);
    check("\"x\" | source.name", &[]);
    check("emptyStringMap() | labels", &[]);
}

#[test]
fn maps_are_listed_by_name_and_key() {
    check("labels[\"app\"]", &["labels", "labels[app]"]);
    check("labels[\"none\"]", &["labels", "-labels[none]"]);
    check("headers[\"x\"] | \"d\"", &["-headers"]);
    check("labels[source.name]", &["labels", "labels[reviews]", "source.name"]);
    check("labels[source.user] | \"d\"", &["labels", "-source.user"]);
    check("headers[source.name] | \"d\"", &["-headers"]);
    check("(headers | labels)[\"app\"]", &["-headers", "labels", "labels[app]"]);
    check("labels", &["labels"]);
    check("headers | labels", &["-headers", "labels"]);
}

#[track_caller]
fn check_resolved(text: &str, compat: bool, expected: &[&str]) {
    let mut builder = vocabulary();
    let program = compile(text, &mut builder, &Options { compat }).unwrap();
    let bag = bag(builder);
    let mut refs = Referenced::with_capacity(bag.vocabulary().len());
    let _ = program.eval(&bag, &mut refs);
    let resolved: Vec<String> = refs.resolve(&bag).iter().map(print).collect();
    assert_eq!(resolved, expected, "{text} (compat: {compat})");
}

#[test]
fn the_caller_compares_keys_while_the_map_is_there() {
    for compat in [false, true] {
        check_resolved("labels[\"app\"]", compat, &["labels[app]"]);
        check_resolved("labels[source.name]", compat, &["labels[reviews]", "source.name"]);
        check_resolved("headers[\"x\"] | \"d\"", compat, &["-headers"]);
        check_resolved("(headers | labels)[\"app\"]", compat, &["-headers", "labels[app]"]);
        check_resolved(
            "headers | labels[\"none\"]".replace("headers |", "headers[\"a\"] |").as_str(),
            compat,
            &["-headers", "-labels[none]"],
        );
        check_resolved("headers", compat, &["-headers"]);
    }
}

/// A map that is used as a whole has to be compared as a whole; the original leaves it out.
#[test]
fn a_whole_map_is_compared() {
    check_resolved("labels", false, &["labels"]);
    check_resolved("labels", true, &[]);
    check_resolved("headers | labels", false, &["-headers", "labels"]);
    check_resolved("headers | labels", true, &["-headers"]);
    check_resolved(
        "conditional(labels[\"app\"] == \"v1\", labels, headers)",
        false,
        &["labels", "labels[app]"],
    );
    check_resolved("conditional(labels[\"app\"] == \"v1\", labels, headers)", true, &["labels[app]"]);
}
