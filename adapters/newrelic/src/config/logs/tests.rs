//! Templates of messages.

use super::*;

#[test]
fn templates_are_read() {
    let check = |text: &str, parts: &[Part]| assert_eq!(parse(text).as_deref(), Ok(parts), "{text}");
    let text = |text: &str| Part::Text(text.to_owned());
    let variable = |name: &str| Part::Variable(name.to_owned());
    check("plain", &[text("plain")]);
    check("{a}", &[variable("a")]);
    check("{method} {path}", &[variable("method"), text(" "), variable("path")]);
    check("[{severity}] x", &[text("["), Part::Severity, text("] x")]);
    check("{{a}} is {a}", &[text("{a} is "), variable("a")]);
    check("", &[]);
}

#[test]
fn wrong_templates_are_refused() {
    for text in ["{", "}", "{a", "a}", "{}", "{{}", "{a{b}", "{a}}"] {
        assert!(parse(text).is_err(), "{text}");
    }
}
