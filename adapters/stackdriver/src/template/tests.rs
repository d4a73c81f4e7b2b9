//! Templates as Go reads them, and those that are refused.

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::{Duration, Timestamp};
use proptest::prelude::*;

use super::Template;

fn render(template: &str) -> String {
    let time = Timestamp::from_proto(1_600_000_000, 123_000_000).unwrap();
    let variables = [
        ("code", Some(ValueView::Int64(200))),
        ("empty", Some(ValueView::String(""))),
        ("latency", Some(ValueView::Duration(Duration::from_nanos(1_500_000)))),
        ("method", Some(ValueView::String("GET"))),
        ("none", None),
        ("time", Some(ValueView::Timestamp(time))),
        ("zero", Some(ValueView::Int64(0))),
    ];
    Template::parse(template).map_or_else(|error| format!("error: {error}"), |t| t.render(&variables))
}

#[test]
fn what_is_possible() {
    let cases = [
        ("", ""),
        ("no action", "no action"),
        ("{{.method}} {{ .code }}", "GET 200"),
        ("{{.latency}} {{.time}}", "1.5ms 2020-09-13T12:26:40.123Z"),
        ("{{.nothing}}/{{.none}}", "<no value>/<no value>"),
        ("{{or (.empty) \"-\"}} {{or .zero .method}} {{or .nothing .empty}}|", "- GET |"),
        ("{{or (or .none .zero) (.code)}}", "200"),
        ("{{index . \"method\"}} {{(.method)}} {{\"a}}b\"}} {{`raw`}} {{7}}", "GET GET a}}b raw 7"),
        ("{{\"q\\\"\\n\\t\\\\\"}}", "q\"\n\t\\"),
        ("a {{- .code -}} b {{- /* why */ -}} c", "a200bc"),
        ("{{or (.time.Format \"02/Jan/2006:15:04:05 -0700\") \"-\"}}", "13/Sep/2020:12:26:40 +0000"),
        ("{{.time.Format \"Mon 2006-01-02T15:04:05.000Z07:00 MST\"}}", "Sun 2020-09-13T12:26:40.123Z UTC"),
        ("{{.method.Format \"2006\"}}", "GET"),
    ];
    for (template, wanted) in cases {
        assert_eq!(render(template), wanted, "{template}");
    }
}

#[test]
fn what_is_refused() {
    let cases = [
        ("{{.method", "does not end"),
        ("{{}}", "it is empty"),
        ("{{range .x}}", "not possible"),
        ("{{if .x}}a{{end}}", "not possible"),
        ("{{printf \"%d\" .code}}", "not possible"),
        ("{{.a | print}}", "'|' is not possible"),
        ("{{.a.b}}", "not possible"),
        ("{{or}}", "`or` of nothing"),
        ("{{(.a}}", "not closed"),
        ("{{.a .b}}", "too much"),
        ("{{index .a 1}}", "only possible as index"),
        ("{{.time.Format}}", "only possible as .name.Format"),
        ("{{\"\\x\"}}", "escape"),
    ];
    for (template, wanted) in cases {
        let error = render(template);
        assert!(error.starts_with("error: ") && error.contains(wanted), "{template}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[{}.or \"`()a-]{0,40}") {
        render(&text);
    }
}
