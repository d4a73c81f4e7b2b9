//! Errors: their kinds, places, hints and texts.

use mixer_attribute::ValueType;
use mixer_expr::{CompileErrorKind, EvalError, Position};

use crate::support::{compiled, eval_error};

#[track_caller]
fn check(text: &str, kind: CompileErrorKind, line: u32, column: u32, hint: Option<&str>) {
    let error = compiled(text).unwrap_err();
    assert_eq!(error.kind, kind, "{text}: {error}");
    assert_eq!(error.position, Position { line, column }, "{text}: {error}");
    assert_eq!(error.hint.as_deref(), hint, "{text}: {error}");
    let shown = error.to_string();
    assert!(shown.contains(&error.message), "{shown}");
    if kind == CompileErrorKind::Syntax {
        assert!(shown.contains(&format!("{line}:{column}: ")), "{shown}");
    } else {
        assert!(shown.contains(&format!("(line {line}, column {column})")), "{shown}");
    }
}

#[test]
fn compile_errors_say_where_and_what_may_help() {
    use CompileErrorKind::{Arity, Syntax, Type, UnknownAttribute, UnknownFunction, Unsupported};
    let near = Some("did you mean source.name?");
    check("source.nam == \"x\"", UnknownAttribute, 1, 1, near);
    check("mtls &&\n  source.nmae == \"x\"", UnknownAttribute, 2, 3, near);
    check("\"é\" == nothing.like.it", UnknownAttribute, 1, 8, None);
    check("matchs(source.name, \"x\")", UnknownFunction, 1, 1, Some("did you mean match?"));
    check("mtls == !retried", UnknownFunction, 1, 9, Some("there is no '!'; compare with false instead"));
    check("request.size - 1", UnknownFunction, 1, 14, Some("the language has no operator '-'"));
    check("source.name == 3", Type, 1, 16, None);
    check("mtls < mtls", Type, 1, 6, Some("combine conditions with && and ||"));
    check("mtls && size()  == 1", Arity, 1, 9, None);
    check("request.type", Syntax, 1, 9, Some("'type' is a reserved word and cannot be part of a name"));
    check("mtls ==\n", Syntax, 2, 1, None);
    check(
        "labels[\"a\"].startsWith(\"b\")",
        Unsupported,
        1,
        12,
        Some("put the element in parentheses: (map[\"key\"]).method(…)"),
    );
}

#[test]
fn evaluation_errors_have_a_kind() {
    let absent = eval_error("source.user");
    assert!(absent.is_absent());
    assert_eq!(absent, EvalError::Absent { name: "source.user".into() });
    assert_eq!(absent.to_string(), "lookup failed: 'source.user'");

    let wrong = eval_error("broken");
    assert!(!wrong.is_absent());
    assert!(matches!(&wrong, EvalError::WrongType { declared: ValueType::String, .. }));
    assert_eq!(
        wrong.to_string(),
        "error converting value to string: '7' (attribute 'broken' is declared as STRING)"
    );

    assert!(matches!(eval_error("ip(\"x\")"), EvalError::Conversion { to: ValueType::IpAddress, .. }));
    assert!(matches!(eval_error("\"[\".matches(\"x\")"), EvalError::BadPattern { .. }));
}

#[test]
fn names_of_any_length_survive_in_errors() {
    for length in [1, 29, 30, 31, 300] {
        let name = "n".repeat(length);
        let error = EvalError::Absent { name: name.as_str().into() };
        assert_eq!(error.to_string(), format!("lookup failed: '{name}'"));
        assert_eq!(error, error.clone());
    }
}

#[test]
fn long_values_are_cut_in_messages() {
    let text = format!("ip(\"{}\")", "x".repeat(10_000));
    let error = eval_error(&text).to_string();
    assert!(error.len() < 400, "{error}");
}
