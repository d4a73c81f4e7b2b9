//! What only compatibility mode does: zones of timestamps. (Operators left of `|`, surplus arguments, literals
//! that read as durations and whole maps are tested beside their own behaviour.)

use crate::support::{check, check_both};

const NOON: &str = "timestamp(\"2019-01-01T12:00:00Z\")";
const NOON_IN_PARIS: &str = "timestamp(\"2019-01-01T13:00:00+01:00\")";
const NOON_WRITTEN_OUT: &str = "timestamp(\"2019-01-01T12:00:00+00:00\")";
const LATER: &str = "timestamp(\"2019-01-01T14:00:00+01:00\")";

/// Equal instants are `<=` and `>=` whatever their zones; the original compares how they are written first.
#[test]
fn equal_instants_of_different_zones() {
    for (left, right, compat) in [
        (NOON, NOON, "BOOL true"),
        (NOON_WRITTEN_OUT, NOON_WRITTEN_OUT, "BOOL true"),
        (NOON, NOON_IN_PARIS, "BOOL false"),
        (NOON_IN_PARIS, NOON, "BOOL false"),
        (NOON_IN_PARIS, NOON_IN_PARIS, "BOOL false"),
        (NOON, NOON_WRITTEN_OUT, "BOOL false"),
    ] {
        for operator in ["<=", ">="] {
            check_both(&format!("{left} {operator} {right}"), "BOOL true", compat);
        }
        check(&format!("{left} == {right}"), "BOOL true");
        check(&format!("{left} != {right}"), "BOOL false");
        check(&format!("{left} < {right}"), "BOOL false");
        check(&format!("{left} > {right}"), "BOOL false");
    }
}

#[test]
fn zones_survive_fallbacks_and_conditions() {
    let started = format!("(started | {NOON_IN_PARIS})");
    check_both(&format!("{started} <= {NOON}"), "BOOL true", "BOOL false");
    check_both(&format!("conditional(mtls, {NOON_IN_PARIS}, ended) >= {NOON}"), "BOOL true", "BOOL false");
    check_both(
        "timestamp(labels[\"none\"] + \"2020-01-01T01:00:00+01:00\") >= ended",
        "BOOL true",
        "BOOL false",
    );
    check("ended >= ended", "BOOL true");
    check(&format!("{NOON_IN_PARIS} <= {LATER}"), "BOOL true");
    check(&format!("{LATER} <= {NOON}"), "BOOL false");
    check(&format!("{NOON} <= started"), "BOOL E: lookup failed: 'started'");
}
