//! Typing: signatures, arity, text that reads as a duration, the type that the context wants.

use mixer_attribute::ValueType;
use mixer_expr::{CompileErrorKind, Options, compile_expecting};

use crate::support::{check, check_both, show, vocabulary};

#[test]
fn signatures_are_checked() {
    for (text, expected) in [
        ("nothing", "C: unknown attribute nothing"),
        ("true || nothing == 3", "C: unknown attribute nothing"),
        ("nosuch(1)", "C: unknown function: nosuch"),
        ("reverse(\"abc\")", "C: unknown function: reverse"),
        ("duration(\"1s\")", "C: unknown function: duration"),
        ("source.name.reverse()", "C: unknown function: reverse"),
        ("source.name == 3", "C: EQ($source.name, 3) arg 2 (3) typeError got INT64, expected STRING"),
        ("request.size == 3.0", "C: EQ($request.size, 3.0) arg 2 (3.0) typeError got DOUBLE, expected INT64"),
        (
            "host == source.name",
            "C: EQ($host, $source.name) arg 2 ($source.name) typeError got STRING, expected DNS_NAME",
        ),
        ("ip(1)", "C: ip(1) arg 1 (1) typeError got INT64, expected STRING"),
        ("size(labels)", "C: size($labels) arg 1 ($labels) typeError got STRING_MAP, expected STRING"),
        (
            "conditional(mtls, 1, \"x\")",
            "C: conditional($mtls, 1, \"x\") arg 3 (\"x\") typeError got STRING, expected INT64",
        ),
        (
            "conditional(\"a\", 1, 2)",
            "C: conditional(\"a\", 1, 2) arg 1 (\"a\") typeError got STRING, expected BOOL",
        ),
        (
            "conditionalString(true, \"a\", 1)",
            "C: conditionalString(true, \"a\", 1) arg 3 (1) typeError got INT64, expected STRING",
        ),
        ("\"aaa\".endsWith(23)", "C: \"aaa\":endsWith(23) arg 1 (23) typeError got INT64, expected STRING"),
        ("(1).startsWith(\"x\")", "C: 1:startsWith(\"x\") target typeError got INT64, expected STRING"),
        ("untyped", "C: attribute untyped has no type"),
    ] {
        check(text, expected);
    }
}

#[test]
fn functions_and_methods_are_not_mixed_up() {
    check("matches()", "C: invoking instance method without an instance: matches");
    check("startsWith(\"aaa\")", "C: invoking instance method without an instance: startsWith");
    check("source.name.toLower()", "C: invoking regular function on instance method: toLower");
    check("source.name.match(\"r*\")", "C: invoking regular function on instance method: match");
    check("\"a\".conditional(true)", "C: invoking regular function on instance method: conditional");
}

#[test]
fn too_few_arguments_are_an_error() {
    check("size()", "C: size() arity mismatch. Got 0 arg(s), expected 1 arg(s)");
    check("conditional(mtls, 1)", "C: conditional($mtls, 1) arity mismatch. Got 2 arg(s), expected 3 arg(s)");
    check(
        "source.name.startsWith()",
        "C: $source.name:startsWith() arity mismatch. Got 0 arg(s), expected 1 arg(s)",
    );
}

/// Too many arguments are an error; the original takes the last ones, or the first.
#[test]
fn too_many_arguments_are_an_error() {
    for (text, compat) in [
        ("match(source.name, \"r*\", \"zzz\")", "BOOL false"),
        ("match(source.name, \"r*\", source.user)", "BOOL E: lookup failed: 'source.user'"),
        ("source.name.startsWith(\"r\", \"x\", \"x\")", "BOOL true"),
        ("ip(\"1.1.1.1\", \"x\")", "IP_ADDRESS E: could not convert x to IP_ADDRESS"),
        ("toLower(source.name, \"XX\")", r#"STRING "xx""#),
        ("size(source.name, source.user)", "INT64 7"),
        ("conditional(mtls, 1, 2, response.code)", "INT64 1"),
        ("EQ(source.name, \"reviews\", source.user)", "BOOL true"),
        ("emptyStringMap(source.user)", "STRING_MAP E: lookup failed: 'source.user'"),
        ("emptyStringMap(\"x\")[\"y\"]", r#"STRING """#),
        ("match(source.name, \"r*\", 1)", "C: match($source.name, \"r*\", 1) arg 2 (1) typeError"),
    ] {
        check_both(text, "C: ", compat);
    }
    check_both(
        "size(source.name, source.name)",
        "C: size($source.name, $source.name) arity mismatch. Got 2 arg(s), expected 1 arg(s)",
        "INT64 7",
    );
}

#[test]
fn text_that_reads_as_a_duration_is_one_when_nothing_else_is_wanted() {
    for (text, expected) in [
        ("\"5s\"", "DURATION 5s"),
        ("\"1h2m\"", "DURATION 1h2m0s"),
        ("\"+1h\"", "DURATION 1h0m0s"),
        ("\"0\"", "DURATION 0s"),
        ("\"-0\"", "DURATION 0s"),
        ("`5s`", "DURATION 5s"),
        ("'0'", "DURATION 0s"),
        ("\"5\"", r#"STRING "5""#),
        ("\" 5s\"", r#"STRING " 5s""#),
        ("\"1.5\"", r#"STRING "1.5""#),
        ("\"\"", r#"STRING """#),
        ("\"5s\" | \"6s\"", "DURATION 5s"),
        ("conditional(mtls, \"5s\", \"6s\")", "DURATION 5s"),
        ("conditional(mtls, \"5s\", timeout)", "DURATION 5s"),
        ("timeout | \"5s\" | elapsed", "DURATION 5s"),
    ] {
        check(text, expected);
    }
}

/// Text that reads as a duration is text next to text.
#[test]
fn text_that_reads_as_a_duration_takes_the_type_of_its_neighbour() {
    for (text, expected, compat) in [
        (
            "source.name == \"0\"",
            "BOOL false",
            "C: EQ($source.name, \"0\") arg 2 (\"0\") typeError got DURATION, expected STRING",
        ),
        ("\"5s\" != source.name", "BOOL true", "C: EQ"),
        ("\"5s\" == \"5s\"", "BOOL true", "C: EQ(\"5s\", \"5s\"): DURATION has no equality"),
        ("\"5s\" < \"6s\"", "BOOL true", "C: LT"),
        ("\"5s\" + \"6s\"", r#"STRING "5s6s""#, "C: ADD"),
        ("source.name + \"0\"", r#"STRING "reviews0""#, "C: ADD"),
        ("source.user | \"0\"", r#"STRING "0""#, "C: OR"),
        ("\"0\" | source.name", r#"STRING "0""#, "C: OR"),
        ("\"0\" | \"5s\" | source.name", r#"STRING "0""#, "C: OR"),
        ("match(\"0\", \"0*\")", "BOOL true", "C: match"),
        ("size(\"5s\")", "INT64 2", "C: size"),
        ("labels[\"0\"]", r#"STRING """#, "C: INDEX"),
        ("\"0\".startsWith(\"0\")", "BOOL true", "C: \"0\":startsWith"),
        ("conditional(mtls, \"0\", source.name)", r#"STRING "0""#, "C: conditional"),
        (
            "conditional(mtls, conditional(mtls, \"0\", \"5s\"), source.name)",
            r#"STRING "0""#,
            "C: conditional",
        ),
        ("conditionalString(mtls, \"0\", \"5s\")", r#"STRING "0""#, "C: conditionalString"),
    ] {
        check_both(text, expected, if compat == "C: EQ" { "C: NEQ" } else { compat });
    }
    check("ended | \"5s\"", "C: OR($ended, \"5s\") arg 2 (\"5s\") typeError got");
    check("\"5s\" | request.size", "C: OR(\"5s\", $request.size) arg 2 ($request.size) typeError got INT64");
    check("\"5s\" | source.name | elapsed", "C: OR(");
}

#[test]
fn the_wanted_type_types_a_literal() {
    let expecting = |text: &str, value_type, compat| {
        compile_expecting(text, value_type, &mut vocabulary(), &Options { compat })
            .map(|program| show(program.constant().unwrap()))
            .map_err(|error| error.to_string())
    };
    assert_eq!(expecting("\"5s\"", ValueType::Duration, false).unwrap(), "5s");
    assert_eq!(expecting("\"5s\"", ValueType::String, false).unwrap(), "\"5s\"");
    assert_eq!(expecting("\"0\" | \"5s\"", ValueType::String, false).unwrap(), "\"0\"");
    assert_eq!(expecting("\"5s\"", ValueType::Duration, true).unwrap(), "5s");
    let error = expecting("\"5s\"", ValueType::String, true).unwrap_err();
    assert!(
        error.starts_with("expression '\"5s\"' evaluated to type DURATION, expected type STRING"),
        "{error}"
    );
}

#[test]
fn the_wanted_type_is_required() {
    let error = compile_expecting("request.size", ValueType::Bool, &mut vocabulary(), &Options::default())
        .unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::Result);
    assert!(
        error
            .to_string()
            .starts_with("expression 'request.size' evaluated to type INT64, expected type BOOL"),
        "{error}"
    );
    assert!(compile_expecting("mtls", ValueType::Bool, &mut vocabulary(), &Options::default()).is_ok());
}
