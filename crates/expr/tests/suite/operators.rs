//! Comparison, addition, conditions, map keys: values of every type.

use crate::support::check;

#[test]
fn equality_is_that_of_the_type() {
    for (text, expected) in [
        ("mtls == true", "BOOL true"),
        ("mtls != true", "BOOL false"),
        ("false == mtls", "BOOL false"),
        ("mtls == retried", "BOOL E: lookup failed: 'retried'"),
        ("request.size == 3", "BOOL true"),
        ("3 != request.size", "BOOL false"),
        ("load == 2.5", "BOOL true"),
        ("source.name == 'r'", "BOOL false"),
        ("source.name != \"x\"", "BOOL true"),
        ("source.name == source.user", "BOOL E: lookup failed: 'source.user'"),
        ("ended == timestamp(\"2020-01-01T01:00:00+01:00\")", "BOOL true"),
        ("started == started", "BOOL E: lookup failed: 'started'"),
        ("timestamp(\"2019-01-01T00:00:00Z\") == timestamp(\"2018-12-31T23:00:00-01:00\")", "BOOL true"),
        ("source.ip == ip(\"10.0.0.1\")", "BOOL true"),
        ("source.ip == ip(\"::ffff:10.0.0.1\")", "BOOL true"),
        ("source.ip == ip(\"::1\")", "BOOL false"),
        ("source.ip != origin.ip", "BOOL E: lookup failed: 'origin.ip'"),
        ("elapsed == elapsed", "C: EQ($elapsed, $elapsed): DURATION has no equality"),
        ("elapsed != timeout", "C: NEQ($elapsed, $timeout): DURATION has no equality"),
        ("elapsed == \"5s\"", "C: EQ($elapsed, \"5s\"): DURATION has no equality"),
        ("labels == headers", "C: EQ($labels, $headers): STRING_MAP has no equality"),
    ] {
        check(text, expected);
    }
}

#[test]
fn order_is_that_of_the_type() {
    for (text, expected) in [
        ("1 < 2", "BOOL true"),
        ("2 <= 2", "BOOL true"),
        ("3 > request.size", "BOOL false"),
        ("request.size >= 3", "BOOL true"),
        ("load >= 2.5", "BOOL true"),
        ("load < 2.5", "BOOL false"),
        ("source.name < \"s\"", "BOOL true"),
        ("\"Z\" < \"a\"", "BOOL true"),
        ("\"é\" > \"z\"", "BOOL true"),
        ("\"ab\" > \"a\"", "BOOL true"),
        ("host < dnsName(\"b.com\")", "BOOL true"),
        ("host > dnsName(\"B.com\")", "BOOL true"),
        ("timestamp(\"2019-01-01T00:00:00.5Z\") > timestamp(\"2019-01-01T00:00:00Z\")", "BOOL true"),
        ("ended <= ended", "BOOL true"),
        ("ended < started", "BOOL E: lookup failed: 'started'"),
        ("source.ip < origin.ip", "C: LT($source.ip, $origin.ip): IP_ADDRESS has no order"),
        ("elapsed < \"6s\"", "C: LT($elapsed, \"6s\"): DURATION has no order"),
        ("mtls < true", "C: LT($mtls, true): BOOL has no order"),
        ("labels >= labels", "C: GEQ($labels, $labels): STRING_MAP has no order"),
    ] {
        check(text, expected);
    }
}

#[test]
fn nothing_is_equal_to_nan() {
    // Infinity less infinity.
    let nan = "(1e308 + 1e308 + load)";
    check(&format!("{nan} > 1e308"), "BOOL true");
    check(&format!("{nan} == {nan}"), "BOOL true");
}

#[test]
fn addition_joins_text_and_wraps_numbers() {
    for (text, expected) in [
        ("source.name + \" \" + \"v1\"", r#"STRING "reviews v1""#),
        ("\"v\" + labels[\"app\"]", r#"STRING "vv1""#),
        ("source.user | \"unknown\" + \"!\"", r#"STRING "unknown!""#),
        ("\"x\" + source.user", "STRING E: lookup failed: 'source.user'"),
        ("request.size + 1", "INT64 4"),
        ("request.size + 9223372036854775807", "INT64 -9223372036854775806"),
        ("load + 1.5", "DOUBLE 4.0"),
        ("0.1 + 0.2 + 0.3", "DOUBLE 0.6000000000000001"),
        ("host + dnsName(\"c\")", r#"DNS_NAME "a.b.comc""#),
        ("mtls + mtls", "C: ADD($mtls, $mtls): BOOL has no addition"),
        ("elapsed + elapsed", "C: ADD($elapsed, $elapsed): DURATION has no addition"),
        (
            "request.size + load",
            "C: ADD($request.size, $load) arg 2 ($load) typeError got DOUBLE, expected INT64",
        ),
        ("+source.name", "C: ADD($source.name) arity mismatch. Got 1 arg(s), expected 2 arg(s)"),
    ] {
        check(text, expected);
    }
}

#[test]
fn conditions_look_right_only_when_needed() {
    for (text, expected) in [
        ("mtls && retried", "BOOL E: lookup failed: 'retried'"),
        ("retried && mtls", "BOOL E: lookup failed: 'retried'"),
        ("mtls || retried", "BOOL true"),
        ("retried || mtls", "BOOL E: lookup failed: 'retried'"),
        ("request.size == 4 && retried", "BOOL false"),
        ("(retried | true) && mtls", "BOOL true"),
        ("retried | true && mtls", "BOOL true"),
        ("source.name == \"reviews\" && request.size == 3 || retried", "BOOL true"),
        ("false && retried", "BOOL false"),
        ("true || retried", "BOOL true"),
        ("retried && false", "BOOL E: lookup failed: 'retried'"),
        ("true && mtls && true", "BOOL true"),
        ("mtls && \"x\"", "C: LAND($mtls, \"x\") arg 2 (\"x\") typeError got STRING, expected BOOL"),
        ("1 || mtls", "C: LOR(1, $mtls) arg 1 (1) typeError got INT64, expected BOOL"),
        ("mtls && mtls && 1", "C: LAND(LAND($mtls, $mtls), 1) arg 2 (1) typeError got INT64, expected BOOL"),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_missing_key_is_empty_text_and_a_missing_map_is_not_there() {
    for (text, expected) in [
        ("labels[\"app\"]", r#"STRING "v1""#),
        ("labels[\"none\"]", r#"STRING """#),
        ("labels[\"none\"] == \"\"", "BOOL true"),
        ("labels[\"app\"] != \"v1\"", "BOOL false"),
        ("headers[\"x\"]", "STRING E: lookup failed: 'headers'"),
        ("headers[\"x\"] == \"y\"", "BOOL E: lookup failed: 'headers'"),
        ("labels[source.name]", r#"STRING "yes""#),
        ("labels[source.user]", "STRING E: lookup failed: 'source.user'"),
        ("headers[source.user]", "STRING E: lookup failed: 'headers'"),
        ("labels[labels[\"none\"]]", r#"STRING """#),
        ("labels[toLower(\"APP\")]", r#"STRING "v1""#),
        ("(headers | labels)[\"app\"]", r#"STRING "v1""#),
        ("(headers | headers)[\"app\"]", "STRING E: lookup failed: 'headers'"),
        ("conditional(mtls, labels, headers)[\"app\"]", r#"STRING "v1""#),
        ("emptyStringMap()[\"x\"]", r#"STRING """#),
        (
            "labels[\"a\"][\"b\"]",
            "C: INDEX(INDEX($labels, \"a\"), \"b\") arg 1 (INDEX($labels, \"a\")) typeError got STRING, expected STRING_MAP",
        ),
        (
            "source.name[0]",
            "C: INDEX($source.name, 0) arg 1 ($source.name) typeError got STRING, expected STRING_MAP",
        ),
        ("labels[0]", "C: INDEX($labels, 0) arg 2 (0) typeError got INT64, expected STRING"),
        ("true[\"x\"]", "C: INDEX(true, \"x\") arg 1 (true) typeError got BOOL, expected STRING_MAP"),
    ] {
        check(text, expected);
    }
}

#[test]
fn whole_maps_are_values() {
    check("labels", "STRING_MAP {app:v1 reviews:yes}");
    check("headers | labels", "STRING_MAP {app:v1 reviews:yes}");
    check("emptyStringMap()", "STRING_MAP {}");
    check("headers | emptyStringMap()", "STRING_MAP {}");
    check("emptyStringMap() | labels", "STRING_MAP {}");
    check("headers", "STRING_MAP E: lookup failed: 'headers'");
}

#[test]
fn operators_have_names() {
    check("EQ(source.name, \"reviews\")", "BOOL true");
    check("ADD(1, 2)", "INT64 3");
    check("OR(source.user, \"x\")", r#"STRING "x""#);
    check("INDEX(labels, \"app\")", r#"STRING "v1""#);
    check("LAND(true)", "C: LAND(true) arity mismatch. Got 1 arg(s), expected 2 arg(s)");
    check("source.name.EQ(\"x\")", "C: invoking regular function on instance method: EQ");
    check("NOT(true)", "C: unknown function: NOT");
}
