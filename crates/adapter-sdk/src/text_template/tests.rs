//! Which texts are templates, and what is made of them.

use super::{ParseTextTemplateError, TextTemplate};

fn check(text: &str, filled: &str) {
    let template: TextTemplate = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let found = template.fill(|name| Ok::<_, ()>(format!("<{name}>").into()));
    assert_eq!(found.unwrap(), filled, "{text}");
}

#[test]
fn places_are_filled() {
    check("", "");
    check("plain } text {", "plain } text {");
    check("{{.apiMethod}}-{{.responseCode}}", "<apiMethod>-<responseCode>");
    check("a{{ .b_1 }}c", "a<b_1>c");
    check("a {{- .b -}} \n c", "a<b>c");
    check("a {{.b -}} {{- .c}} d", "a <b><c> d");
    check("a{{/* {{.b}} */}}c", "ac");
    check("a {{- /* x */ -}} c", "ac");
    check("{{index . \"source.workload\"}}/{{index . `x y`}}", "<source.workload>/<x y>");
    check("{{.größe}}", "<größe>");
}

#[test]
fn everything_else_is_told() {
    let unknown = |text: &str| ParseTextTemplateError::Unknown(text.to_owned());
    let check = |text: &str, error| assert_eq!(text.parse::<TextTemplate>(), Err(error), "{text}");
    check("{{.a", ParseTextTemplateError::Unclosed);
    check("{{/* .a }}", ParseTextTemplateError::Unclosed);
    for action in
        [".a.b", ".", "", "a", ".1", ".a | printf", "if .a", "\"a\"", "index .", "index . \"a", "-3", ".a-"]
    {
        check(&format!("{{{{{action}}}}}"), unknown(action));
    }
}

#[test]
fn a_lookup_may_fail() {
    let template: TextTemplate = "a{{.b}}{{.c}}".parse().unwrap();
    assert_eq!(template.names().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(template.fill(|name| if name == "b" { Ok("x".into()) } else { Err(name) }), Err("c"));
}
