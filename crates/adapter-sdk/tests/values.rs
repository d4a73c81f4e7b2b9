//! One policy from values to numbers, text and JSON: nothing is lost that the target can say. Secrets, on the other hand,
//! are never shown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration as StdDuration;

use bytes::Bytes;
use mixer_adapter_sdk::value::{Value, ValueView};
use mixer_adapter_sdk::view::{ApiKeyView, EdgeView, KubernetesView, TraceSpanView};
use mixer_adapter_sdk::{Duration, Secret, SecretFile, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value as Json, json};

#[test]
fn every_kind_has_its_number_text_and_json() {
    let check = |value: Value, number: Option<f64>, text: &str, json: Json| {
        let bytes = value.to_bytes();
        let view = ValueView::parse(&bytes).unwrap().unwrap();
        assert_eq!(view.as_f64().map(f64::to_bits), number.map(f64::to_bits), "{value:?}");
        assert_eq!(view.text(), text);
        assert_eq!(value.to_string(), text);
        assert_eq!(view.to_json(), json);
    };
    let duration = |seconds, nanos| Value::Duration(Duration::from_proto(seconds, nanos).unwrap());
    let time = |seconds, nanos| Value::Timestamp(Timestamp::from_proto(seconds, nanos).unwrap());
    let ip = |bytes: &'static [u8]| Value::Ip(Bytes::from_static(bytes));

    check(Value::String("1.5".into()), Some(1.5), "1.5", json!("1.5"));
    check(Value::String("x".into()), None, "x", json!("x"));
    check(Value::Int64(i64::MAX), Some(9.223_372_036_854_776e18), "9223372036854775807", json!(i64::MAX));
    check(Value::Int64(i64::MIN), Some(-9.223_372_036_854_776e18), "-9223372036854775808", json!(i64::MIN));
    check(Value::Double(0.1), Some(0.1), "0.1", json!(0.1));
    check(Value::Double(-0.0), Some(-0.0), "-0", json!(-0.0));
    check(Value::Double(f64::INFINITY), Some(f64::INFINITY), "+Inf", json!("+Inf"));
    check(Value::Double(f64::NAN), Some(f64::NAN), "NaN", json!("NaN"));
    check(Value::Bool(true), None, "true", json!(true));
    check(duration(1, 1), Some(1.000_000_001), "1.000000001s", json!("1.000000001s"));
    check(duration(-3600, -500_000_000), Some(-3600.5), "-1h0m0.5s", json!("-1h0m0.5s"));
    check(duration(0, 1), Some(1e-9), "1ns", json!("1ns"));
    check(time(0, 1), None, "1970-01-01T00:00:00.000000001Z", json!("1970-01-01T00:00:00.000000001Z"));
    check(
        time(-1, 999_999_999),
        None,
        "1969-12-31T23:59:59.999999999Z",
        json!("1969-12-31T23:59:59.999999999Z"),
    );
    check(ip(&[10, 0, 0, 1]), None, "10.0.0.1", json!("10.0.0.1"));
    check(ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]), None, "10.0.0.1", json!("10.0.0.1"));
    check(ip(&[0; 16]), None, "::", json!("::"));
    check(ip(&[1, 2]), None, "?0102", json!("?0102"));
    check(Value::Email("a@b".into()), None, "a@b", json!("a@b"));
    check(Value::Dns("b.c".into()), None, "b.c", json!("b.c"));
    check(Value::Uri("x://y".into()), None, "x://y", json!("x://y"));
    let map = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), String::new())].into();
    check(Value::StringMap(map), None, "a=&b=2", json!({"a": "", "b": "2"}));
}

#[test]
fn parts_are_exact_where_a_float_is_not() {
    let time = Value::Timestamp(Timestamp::from_proto(4_102_444_800, 123_456_789).unwrap()).to_bytes();
    let time = ValueView::parse(&time).unwrap().unwrap().as_timestamp().unwrap();
    assert_eq!(time.to_proto(), (4_102_444_800, 123_456_789));
    let long = Value::Duration(Duration::from_proto(9_000_000_000, 7).unwrap()).to_bytes();
    let long = ValueView::parse(&long).unwrap().unwrap();
    assert_eq!(long.as_duration().unwrap().to_proto(), (9_000_000_000, 7));
    assert_eq!(long.as_bool(), None);
    assert_eq!(ValueView::Bool(true).as_bool(), Some(true));
}

proptest! {
    #[test]
    fn an_owned_value_is_the_value_that_was_borrowed(kind in kinds()) {
        let bytes = kind.to_bytes();
        prop_assert_eq!(Value::parse(&bytes).unwrap(), Some(kind));
    }

    #[test]
    fn text_of_times_reads_back_to_the_nanosecond(seconds in -62_135_596_800_i64..253_402_300_799, nanos in 0..1_000_000_000_i32) {
        let time = Timestamp::from_proto(seconds, nanos).unwrap();
        prop_assert_eq!(ValueView::Timestamp(time).text().parse::<Timestamp>().unwrap(), time);
        let span = Duration::from_proto(seconds / 1000, if seconds < 0 { -nanos } else { nanos }).unwrap();
        prop_assert_eq!(ValueView::Duration(span).text().parse::<Duration>().unwrap(), span);
    }

    #[test]
    fn finite_doubles_survive_text_and_json(number in proptest::num::f64::NORMAL) {
        let view = ValueView::Double(number);
        prop_assert_eq!(view.text().parse::<f64>().unwrap(), number);
        prop_assert_eq!(view.to_json().as_f64(), Some(number));
    }
}

fn kinds() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::String),
        any::<i64>().prop_map(Value::Int64),
        proptest::num::f64::NORMAL.prop_map(Value::Double),
        any::<bool>().prop_map(Value::Bool),
        any::<Vec<u8>>().prop_map(|bytes| Value::Ip(bytes.into())),
        any::<String>().prop_map(Value::Uri),
        proptest::collection::btree_map(any::<String>(), any::<String>(), 0..5).prop_map(Value::StringMap),
    ]
}

#[test]
fn plain_views_show_every_field() {
    let time = Some(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds: 5, nanos: 6 }) });
    let expected = Timestamp::from_proto(5, 6);
    let ip = Some(policy::IpAddress { value: vec![10, 0, 0, 1].into() });

    let key = template::apikey::InstanceMsg {
        name: "k".into(),
        api: "a".into(),
        api_version: "v".into(),
        api_operation: "o".into(),
        api_key: "s".into(),
        timestamp: time,
    }
    .encode_to_vec();
    let key = ApiKeyView::parse(&key).unwrap();
    assert_eq!((key.api, key.api_version, key.api_operation, key.api_key), ("a", "v", "o", "s"));
    assert_eq!(key.timestamp, expected);
    assert_eq!(key.instance().name(), Ok("k"));

    let edge =
        template::edge::InstanceMsg { destination_uid: "d".into(), timestamp: time, ..Default::default() };
    let edge = edge.encode_to_vec();
    let edge = EdgeView::parse(&edge).unwrap();
    assert_eq!((edge.destination_uid, edge.source_uid, edge.timestamp), ("d", "", expected));

    let pod = template::kubernetes::InstanceMsg { source_ip: ip, destination_port: 7, ..Default::default() };
    let pod = pod.encode_to_vec();
    let pod = KubernetesView::parse(&pod).unwrap();
    assert_eq!(
        (pod.source_ip, pod.destination_ip, pod.destination_port),
        (Some([10, 0, 0, 1].into()), None, 7)
    );

    let tag = policy::Value { value: Some(policy::value::Value::Int64Value(1)) };
    let span = template::tracespan::InstanceMsg {
        span_tags: [("t".to_owned(), tag)].into(),
        client_span: true,
        end_time: time,
        ..Default::default()
    }
    .encode_to_vec();
    let span = TraceSpanView::parse(&span).unwrap();
    assert!(span.client_span && !span.rewrite_client_span_id);
    assert_eq!(span.end_time, expected);
    assert_eq!(span.span_tags().unwrap().sorted().unwrap(), [("t", Some(ValueView::Int64(1)))]);
    TraceSpanView::parse(&[0x0a, 0x7f]).unwrap_err();
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::from("s3cr3t");
    assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[redacted] Some([redacted])");
    for (text, matches) in
        [("s3cr3t", true), ("s3cr3", false), ("s3cr3tt", false), ("S3cr3t", false), ("", false)]
    {
        assert_eq!(secret.matches(text.as_bytes()), matches, "{text}");
    }
}

#[tokio::test]
async fn a_secret_in_a_file_follows_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let open = async || SecretFile::open(&path, StdDuration::from_millis(10)).await;
    open().await.unwrap_err();
    std::fs::write(&path, "\n").unwrap();
    open().await.unwrap_err();
    std::fs::write(&path, "one\r\n").unwrap();
    let secret = open().await.unwrap();
    assert_eq!(secret.get().expose(), "one");
    assert!(!format!("{secret:?}").contains("one\""), "{secret:?}");
    std::fs::write(&path, "two\n").unwrap();
    while secret.get().expose() != "two" {
        tokio::task::yield_now().await;
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(secret.get().expose(), "two", "the last good one stays");
}
