//! Golden cases say what does not hold, and a file of them that says nothing is refused.

use mixer_codegen::GoldenCases;

use crate::support::{author, template};

fn run(cases: &str) -> Vec<String> {
    let messages =
        "message Template { string text = 1; map<string, istio.policy.v1beta1.Value> labels = 2; }";
    let cases = GoldenCases::parse(cases).unwrap_or_else(|error| panic!("{error}"));
    cases.run(&template(&author("sample", "CHECK", messages)))
}

#[test]
fn what_does_not_hold_is_named() {
    for (case, parts) in [
        ("params: { text: '\"a\"' }, instance: { text: a }", &[][..]),
        (
            "params: { text: '\"a\"' }, instance: { text: b }",
            &["case \"c\"", "expected {\"text\":\"b\"}", "found {\"text\":\"a\"}"],
        ),
        (
            "params: { labels: { x: '\"1\"', y: '\"2\"' } }, instance: { labels: { y: { stringValue: '2' }, x: { stringValue: '1' } } }",
            &[],
        ),
        (
            "params: { text: a.b }, attributes: { a.b: { absent: STRING } }, instance: {}",
            &["expected an instance", "a.b"],
        ),
        ("params: { text: a.b }, attributes: { a.b: { absent: STRING } }, error: a.b", &[]),
        (
            "params: { text: a.b }, attributes: { a.b: { absent: STRING } }, error: other",
            &["expected the error \"other\""],
        ),
        ("params: { text: a.b }, attributes: { a.b: { absent: NOTHING } }, error: not a value type", &[]),
        (
            "params: { text: '\"a\"' }, error: x",
            &["expected the error \"x\"", "found the instance {\"text\":\"a\""],
        ),
        ("params: { nosuch: '\"a\"' }, instance: {}", &["field \\\"nosuch\\\" not found"]),
        ("params: {}, instance: { nosuch: a }", &["`instance` is not of the form of sample.InstanceMsg"]),
        ("dialect: expressions, params: { text: '' }, instance: {}", &[]),
    ] {
        let found = run(&format!("cases: [{{ name: c, {case} }}]"));
        assert_eq!(found.is_empty(), parts.is_empty(), "{case}: {found:?}");
        for part in parts {
            assert!(found[0].contains(part), "{case}: {found:?}");
        }
    }
}

#[test]
fn files_that_say_nothing_are_refused() {
    for (text, part) in [
        ("cases: []", "there is no case"),
        ("cases: [{ name: c, params: {} }]", "case \"c\" needs either"),
        ("cases: [{ name: c, instance: {}, error: x }]", "case \"c\" needs either"),
        ("cases: [{ name: c, instanc: {} }]", "instanc"),
        ("[", "not golden cases"),
    ] {
        let error = GoldenCases::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
