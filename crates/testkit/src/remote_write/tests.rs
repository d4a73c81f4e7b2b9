//! Each rule of the fake: a request that keeps them all is written, and one that breaks one of them is told which.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::UNIX_EPOCH;

use prost::Message as _;

use super::message::*;
use super::*;

fn now() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// A counter with an exemplar, and a native histogram.
fn request() -> RequestV2 {
    let texts = ["", "__name__", "c_total", "a", "x", "trace_id", "t1", "help", "h"];
    let metadata = |r#type| Some(MetadataV2 { r#type, help_ref: 7, unit_ref: 0 });
    let (timestamp, start_timestamp) = (now(), now() - 1000);
    let histogram = Histogram {
        count: Some(Count::Int(6)),
        zero_count: Some(ZeroCount::Int(1)),
        sum: 9.0,
        schema: 3,
        positive_spans: vec![Span { offset: -2, length: 2 }],
        positive_deltas: vec![2, 1],
        timestamp,
        start_timestamp,
        ..Histogram::default()
    };
    RequestV2 {
        symbols: texts.map(str::to_owned).to_vec(),
        timeseries: vec![
            TimeSeriesV2 {
                labels_refs: vec![1, 2, 3, 4],
                samples: vec![SampleV2 { value: 1.0, timestamp, start_timestamp }],
                exemplars: vec![ExemplarV2 { labels_refs: vec![5, 6], value: 1.0, timestamp }],
                metadata: metadata(1),
                ..TimeSeriesV2::default()
            },
            TimeSeriesV2 {
                labels_refs: vec![1, 8],
                histograms: vec![histogram],
                metadata: metadata(3),
                ..TimeSeriesV2::default()
            },
        ],
    }
}

fn state() -> State {
    State {
        knows: Knows::Both,
        script: Mutex::default(),
        seen: Mutex::default(),
        newest: Mutex::default(),
        changed: Notify::new(),
        has_tls: false,
    }
}

fn compressed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

#[test]
fn a_request_that_keeps_the_rules_is_written() {
    let (verdict, points) = judge(&state(), 2, &compressed(&request().encode_to_vec()));
    assert_eq!((verdict.status, verdict.fault, verdict.written), (204, None, Some([1, 1, 1])));
    assert_eq!(points.len(), 2);
    assert_eq!(points[0].exemplars[0].labels["trace_id"], "t1");
    let WrittenValue::Histogram(histogram) = &points[1].value else { unreachable!("it is the second") };
    assert_eq!(histogram.positive, [(-2, 2), (-1, 3)].into());
}

#[test]
fn each_rule_is_enforced() {
    type Change = fn(&mut RequestV2);
    let cases: &[(&str, Change)] = &[
        ("the first symbol is not empty", |r| r.symbols[0] = "z".into()),
        ("a symbol is there twice", |r| r.symbols[8] = "x".into()),
        ("there is no symbol 99", |r| r.timeseries[0].labels_refs[3] = 99),
        ("symbol 9 is not used", |r| r.symbols.push("unused".into())),
        ("a label has a name but no value", |r| r.timeseries[0].labels_refs.truncate(3)),
        ("are not sorted", |r| r.timeseries[0].labels_refs = vec![3, 4, 1, 2]),
        ("are not sorted, or there twice", |r| r.timeseries[0].labels_refs = vec![1, 2, 3, 4, 3, 4]),
        ("one is empty", |r| r.timeseries[0].labels_refs = vec![1, 2, 3, 0, 5, 4]),
        ("no name of a metric", |r| r.symbols[1] = "_b".into()),
        ("no name of a metric", |r| r.symbols[2] = "1c".into()),
        ("no name of a metric or of a label", |r| r.symbols[3] = "a-b".into()),
        ("neither samples nor histograms", |r| r.timeseries[0].samples.clear()),
        ("has samples and histograms", |r| {
            let histogram = r.timeseries[1].histograms[0].clone();
            r.timeseries[0].histograms.push(histogram);
        }),
        ("is out of order", |r| {
            let mut again = r.timeseries[0].clone();
            again.samples[0].timestamp -= 1;
            r.timeseries.push(again);
        }),
        ("is at 0", |r| r.timeseries[0].samples[0].timestamp = 0),
        ("is at", |r| r.timeseries[0].samples[0].timestamp += 3_600_000),
        ("has no metadata", |r| r.timeseries[0].metadata = None),
        ("has no type", |r| {
            r.timeseries[0].metadata.as_mut().unwrap().r#type = 0;
            r.timeseries[0].samples[0].start_timestamp = 0;
        }),
        ("starts at None", |r| r.timeseries[0].samples[0].start_timestamp = 0),
        ("starts at", |r| r.timeseries[0].samples[0].start_timestamp = now() + 60_000),
        ("has an exemplar", |r| r.timeseries[0].exemplars[0].timestamp = 0),
        ("has an exemplar", |r| r.symbols[6] = "t".repeat(121)),
        ("6 values has 7", |r| r.timeseries[1].histograms[0].zero_count = Some(ZeroCount::Int(2))),
        ("no whole count", |r| r.timeseries[1].histograms[0].count = Some(Count::Float(6.0))),
        ("no schema from -4 to 8", |r| r.timeseries[1].histograms[0].schema = 9),
        ("fewer deltas", |r| r.timeseries[1].histograms[0].positive_deltas.truncate(1)),
        ("more deltas", |r| r.timeseries[1].histograms[0].positive_deltas.push(0)),
        ("a span is empty", |r| {
            r.timeseries[1].histograms[0].positive_spans.push(Span { offset: 1, length: 0 });
        }),
        ("less than no values", |r| r.timeseries[1].histograms[0].positive_deltas = vec![2, -3]),
        ("ends with values", |r| r.timeseries[1].histograms[0].sum = f64::from_bits(0x7ff0_0000_0000_0002)),
    ];
    for (expected, change) in cases {
        let mut request = request();
        change(&mut request);
        let (verdict, _) = judge(&state(), 2, &compressed(&request.encode_to_vec()));
        let fault = verdict.fault.unwrap_or_default();
        assert!(verdict.status == 400 && fault.contains(expected), "{expected}: {fault:?}");
    }
}

#[test]
fn bodies_of_another_form_are_refused() {
    let message = request().encode_to_vec();
    let mut unknown = message.clone();
    unknown.extend([0x0a, 0x00]);
    let cases: [(&str, Vec<u8>); 4] = [
        ("framed format", b"\xff\x06\x00\x00sNaPpY\x01".to_vec()),
        ("not in Snappy's block format", message.clone()),
        ("fields that are not defined", compressed(&unknown)),
        ("not a message", compressed(b"\x2a\x7f")),
    ];
    for (expected, body) in cases {
        let (verdict, _) = judge(&state(), 2, &body);
        let fault = verdict.fault.unwrap_or_default();
        assert!(fault.contains(expected), "{expected}: {fault:?}");
    }
}

#[test]
fn headers_say_which_version_it_is() {
    let check = |change: &[(&str, &str)], expected: Result<u8, u16>| {
        let mut headers: BTreeMap<&str, &str> = [
            ("content-encoding", "snappy"),
            ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
            ("user-agent", "x"),
            ("content-length", "3"),
            ("x-prometheus-remote-write-version", "2.0.0"),
        ]
        .into();
        headers.extend(change.iter().copied());
        let mut request = Request::builder().method("POST").uri("/api/v1/write");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = rules::version(&parts, b"abc").map_err(|(status, _)| status);
        assert_eq!(found, expected, "{change:?}");
    };
    let v1 = ("content-type", "application/x-protobuf");
    check(&[], Ok(2));
    check(&[v1, ("x-prometheus-remote-write-version", "0.1.0")], Ok(1));
    check(&[v1], Err(400));
    check(&[("x-prometheus-remote-write-version", "0.1.0")], Err(400));
    check(&[("content-type", "application/json")], Err(415));
    check(&[("content-encoding", "gzip")], Err(415));
    check(&[("user-agent", "")], Err(400));
    check(&[("content-length", "4")], Err(411));
}

#[test]
fn a_series_goes_on_in_order_and_may_come_again() {
    let state = state();
    let request = request();
    let send = |request: &RequestV2| judge(&state, 2, &compressed(&request.encode_to_vec())).0.status;
    assert_eq!(send(&request), 204);
    assert_eq!(send(&request), 204, "a request whose answer was lost comes again");
    let mut other = request.clone();
    other.timeseries[0].samples[0].value = 2.0;
    assert_eq!(send(&other), 400, "another value of the same time");
    other.timeseries[0].samples[0].timestamp += 1;
    assert_eq!(send(&other), 204);
    assert_eq!(send(&request), 400, "the past");
}
