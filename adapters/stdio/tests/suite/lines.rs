//! What a line looks like: both templates, both forms, every type of value.

use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_sdk::{Batch, Duration, ErrorKind, ReportCall, ReportOutcome, Timestamp};
use mixer_proto::policy::v1beta1 as policy;

use crate::generated::Params;
use crate::setup::{
    Kind, Place, TIME, build, duration, ip, log_entry, map, metric, report, string, timestamp, written,
};

/// The lines of log entries in both forms.
async fn check_entries(entries: &[Bytes], json: &str, text: &str) {
    for (output_as_json, expected) in [(None, json), (Some(true), json), (Some(false), text)] {
        let place = Place::new();
        let params = Params { output_as_json, ..place.params() };
        let call = report("logentry", entries.iter().cloned());
        let (lines, outcome) = written(&params, &place, call).await;
        assert_eq!(lines, expected);
        assert_eq!(outcome, ReportOutcome::complete());
    }
}

/// The JSON of one value, which is the same everywhere.
async fn check_value(kind: Kind, json: &str) {
    let entry = log_entry("info", Some((TIME, 0)), &[("v", kind.clone())]);
    check_entries(
        &[entry],
        &format!(
            "{{\"level\":\"info\",\"time\":\"2000-01-01T00:00:00.000000Z\",\"instance\":\"acc.instance.istio-system\",\"v\":{json}}}\n"
        ),
        &format!("2000-01-01T00:00:00.000000Z\tinfo\tacc.instance.istio-system\t{{\"v\": {json}}}\n"),
    )
    .await;
    let place = Place::new();
    let call = report("metric", [metric(Some(kind.clone()), &[("d", kind)])]);
    let (lines, _) = written(&place.params(), &place, call).await;
    assert!(lines.ends_with(&format!(",\"value\":{json},\"d\":{json}}}\n")), "{lines}");
}

#[tokio::test]
async fn variables_are_sorted_by_name() {
    let variables = [
        ("ua", string("none")),
        ("path", string("/a")),
        ("size", Kind::Int64Value(0)),
        ("ip", ip(&[0, 0, 0, 0])),
        ("dur", duration(Duration::from_nanos(5_000_000))),
    ];
    check_entries(
        &[log_entry("info", Some((TIME, 0)), &variables)],
        concat!(
            r#"{"level":"info","time":"2000-01-01T00:00:00.000000Z","instance":"acc.instance.istio-system","#,
            r#""dur":"5ms","ip":"0.0.0.0","path":"/a","size":0,"ua":"none"}"#,
            "\n",
        ),
        concat!(
            "2000-01-01T00:00:00.000000Z\tinfo\tacc.instance.istio-system\t",
            r#"{"dur": "5ms", "ip": "0.0.0.0", "path": "/a", "size": 0, "ua": "none"}"#,
            "\n",
        ),
    )
    .await;
}

#[tokio::test]
async fn entries_may_lack_everything() {
    check_entries(
        &[log_entry("", None, &[]), Bytes::new()],
        &"{\"level\":\"info\",\"time\":\"0001-01-01T00:00:00.000000Z\",\"instance\":\"acc.instance.istio-system\"}\n"
            .repeat(2),
        &"0001-01-01T00:00:00.000000Z\tinfo\tacc.instance.istio-system\n".repeat(2),
    )
    .await;
}

#[tokio::test]
async fn times_have_six_digits() {
    let at = |seconds, nanos| log_entry("", Some((seconds, nanos)), &[]);
    check_entries(
        &[
            at(TIME, 1_999),
            at(TIME, 999_999_999),
            at(TIME + 1, 120_000_000),
            at(-1, 500_000_000),
            at(TIME, 0),
            at(1_000_000_000_000, 5_000),
            at(TIME, 10_000),
        ],
        &[
            "2000-01-01T00:00:00.000001Z",
            "2000-01-01T00:00:00.999999Z",
            "2000-01-01T00:00:01.120000Z",
            "1969-12-31T23:59:59.500000Z",
            "2000-01-01T00:00:00.000000Z",
            "@1000000000000.000005",
            "2000-01-01T00:00:00.000010Z",
        ]
        .map(|time| {
            format!("{{\"level\":\"info\",\"time\":\"{time}\",\"instance\":\"acc.instance.istio-system\"}}\n")
        })
        .concat(),
        &[
            "2000-01-01T00:00:00.000001Z",
            "2000-01-01T00:00:00.999999Z",
            "2000-01-01T00:00:01.120000Z",
            "1969-12-31T23:59:59.500000Z",
            "2000-01-01T00:00:00.000000Z",
            "@1000000000000.000005",
            "2000-01-01T00:00:00.000010Z",
        ]
        .map(|time| format!("{time}\tinfo\tacc.instance.istio-system\n"))
        .concat(),
    )
    .await;
}

#[tokio::test]
async fn text_is_text_whatever_its_type() {
    check_value(string(""), r#""""#).await;
    check_value(string("a b"), r#""a b""#).await;
    check_value(string("say \"\\\" / <é> 日本"), r#""say \"\\\" / <é> 日本""#).await;
    check_value(string("1\n2\t3\r\u{0}\u{1f}\u{7f}"), "\"1\\n2\\t3\\r\\u0000\\u001f\u{7f}\"").await;
    check_value(Kind::EmailAddressValue(policy::EmailAddress { value: "a@b".into() }), r#""a@b""#).await;
    check_value(Kind::DnsNameValue(policy::DnsName { value: "a.b".into() }), r#""a.b""#).await;
    check_value(Kind::UriValue(policy::Uri { value: "http://a/?b=\"".into() }), r#""http://a/?b=\"""#).await;
}

#[tokio::test]
async fn numbers_and_truth_are_native() {
    for (number, json) in [(0, "0"), (-7, "-7"), (i64::MAX, "9223372036854775807")] {
        check_value(Kind::Int64Value(number), json).await;
    }
    check_value(Kind::Int64Value(i64::MIN), "-9223372036854775808").await;
    for (number, json) in [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (1e21, "1000000000000000000000"),
        (0.000_000_1, "0.0000001"),
        (f64::NAN, r#""NaN""#),
        (f64::INFINITY, r#""+Inf""#),
        (f64::NEG_INFINITY, r#""-Inf""#),
    ] {
        check_value(Kind::DoubleValue(number), json).await;
    }
    check_value(Kind::BoolValue(true), "true").await;
    check_value(Kind::BoolValue(false), "false").await;
}

#[tokio::test]
async fn addresses_times_durations_and_maps_are_text() {
    check_value(ip(&[10, 1, 2, 3]), r#""10.1.2.3""#).await;
    check_value(ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3]), r#""10.1.2.3""#).await;
    check_value(ip(&[32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]), r#""2001:db8::5""#).await;
    check_value(ip(&[]), r#""""#).await;
    check_value(ip(&[1, 2]), r#""?0102""#).await;
    check_value(duration(Duration::ZERO), r#""0s""#).await;
    check_value(duration(Duration::from_nanos(-90_500_000_000)), r#""-1m30.5s""#).await;
    check_value(duration(Duration::from_nanos(1_500)), r#""1.5µs""#).await;
    let time = Timestamp::from_proto(TIME + 61, 120_000_000).unwrap();
    check_value(timestamp(time), r#""2000-01-01T00:01:01.120000Z""#).await;
    check_value(map(&[]), r#""stringmap[]""#).await;
    check_value(map(&[("c", "d"), ("a", "b\"")]), r#""stringmap[a:b\" c:d]""#).await;
}

#[tokio::test]
async fn a_value_that_is_not_there_is_null() {
    let place = Place::new();
    // Variable `a` has no value, variable `b` has an empty one.
    let entry = Bytes::from_static(&[0x0a, 3, 0x0a, 1, b'a', 0x0a, 5, 0x0a, 1, b'b', 0x12, 0]);
    let (lines, _) = written(&place.params(), &place, report("logentry", [entry])).await;
    assert!(lines.ends_with(",\"a\":null,\"b\":null}\n"), "{lines}");
    let place = Place::new();
    let (lines, _) = written(&place.params(), &place, report("metric", [metric(None, &[])])).await;
    assert!(lines.ends_with(",\"instance\":\"acc.instance.istio-system\",\"value\":null}\n"), "{lines}");
}

#[tokio::test]
async fn metrics_have_the_time_of_their_report() {
    let instance = metric(Some(Kind::Int64Value(3)), &[("value", string("b")), ("a", string("c"))]);
    for (json, fields) in
        [(true, r#""value":3,"a":"c","value":"b""#), (false, r#""value": 3, "a": "c", "value": "b""#)]
    {
        let place = Place::new();
        let params = Params { output_as_json: Some(json), ..place.params() };
        let before = Timestamp::now().to_micros_text();
        let (lines, _) =
            written(&params, &place, report("metric", [instance.clone(), instance.clone()])).await;
        let after = Timestamp::now().to_micros_text();
        for line in lines.lines() {
            assert!(line.ends_with(&format!("{fields}}}")), "{line}");
            let start = line.find("20").unwrap();
            let time = &line[start..start + before.len()];
            assert!((before.as_str()..=after.as_str()).contains(&time), "{line}");
        }
        assert_eq!(lines.lines().count(), 2);
    }
}

#[tokio::test]
async fn a_malformed_instance_does_not_keep_the_others() {
    for template in ["logentry", "metric"] {
        let place = Place::new();
        let whole = if template == "metric" { metric(None, &[]) } else { log_entry("", None, &[]) };
        let torn = Bytes::from_static(&[0x0a, 0x7f]);
        // Field 1 of the one and field 2 of the other are a map with an entry that is none.
        let torn_entry = Bytes::from_static(&[0x0a, 2, 0x0a, 9, 0x12, 2, 0x0a, 9]);
        let call = report(template, [torn, whole.clone(), torn_entry, whole]);
        let (lines, outcome) = written(&place.params(), &place, call).await;
        assert_eq!(lines.lines().count(), 2, "{lines}");
        let [dropped] = &outcome.dropped[..] else { panic!("{outcome:?}") };
        assert_eq!((dropped.reason, dropped.count), ("malformed", 2));
        assert!(dropped.detail.starts_with("acc.instance.istio-system: "), "{}", dropped.detail);
    }
}

#[tokio::test]
async fn no_name_looks_like_another_column() {
    for (json, expected) in [
        (true, r#"{"level":"info","time":"0001-01-01T00:00:00.000000Z","instance":"a\tb\n{"}"#),
        (false, "0001-01-01T00:00:00.000000Z\tinfo\ta\\tb\\n{"),
    ] {
        let place = Place::new();
        let params = Params { output_as_json: Some(json), ..place.params() };
        let batch = Batch::from_instances([(Arc::from("a\tb\n{"), log_entry("", None, &[]))]);
        let (lines, _) = written(&params, &place, ReportCall { batch, ..report("logentry", []) }).await;
        assert_eq!(lines, format!("{expected}\n"));
    }
}

#[tokio::test]
async fn a_name_of_the_line_s_own_may_come_twice() {
    let place = Place::new();
    let entry = log_entry("", None, &[("level", Kind::Int64Value(1)), ("time", Kind::Int64Value(2))]);
    let (lines, _) = written(&place.params(), &place, report("logentry", [entry])).await;
    assert!(lines.starts_with(r#"{"level":"info","time":"0001-01-01T00:00:00.000000Z","#), "{lines}");
    assert!(lines.ends_with(",\"level\":1,\"time\":2}\n"), "{lines}");
}

#[tokio::test]
async fn other_templates_are_not_offered() {
    let handler = build(&mixer_stdio_adapter::adapter(), &Params::default()).await;
    let error = handler.report(report("tracespan", [Bytes::new()])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unimplemented);
}
