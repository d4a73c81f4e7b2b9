//! Attribute flags: which value each text becomes, and which mistakes are refused with which words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use clap::Parser;
use mixer_attribute::{Duration, MapView, Timestamp};
use mixer_cli::{AttributeArgs, TypedValue, grpc_code_name, rpc_code_name, sense};
use proptest::prelude::*;

#[derive(clap::Parser)]
struct Program {
    #[command(flatten)]
    attributes: AttributeArgs,
}

fn text(text: &str) -> TypedValue {
    TypedValue::Text(text.as_bytes().to_vec().into())
}

fn bytes(bytes: &[u8]) -> TypedValue {
    TypedValue::Bytes(bytes.to_vec().into())
}

fn map(entries: &[(&str, &str)]) -> TypedValue {
    let entries = entries.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec()));
    TypedValue::StringMap(MapView::owned(entries.collect()))
}

fn run(line: &[&str]) -> Result<Vec<(String, TypedValue)>, String> {
    let line = std::iter::once("program").chain(line.iter().copied());
    let program = Program::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    program.attributes.attributes().map_err(|error| error.to_string())
}

#[track_caller]
fn check(line: &[&str], expected: &[(&str, TypedValue)]) {
    let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    assert_eq!(run(line), Ok(expected), "{line:?}");
}

#[track_caller]
fn refused(line: &[&str], message: &str) {
    assert_eq!(run(line).unwrap_err(), message, "{line:?}");
}

#[test]
fn typed_flags_then_sensed_ones() {
    let instant: Timestamp = "2020-02-05T05:09:36Z".parse().unwrap();
    check(
        &[
            "-a",
            "z=1",
            "-s",
            "a=x=y,b=",
            "--string_attributes=c=1",
            "-i",
            "d=-5",
            "-d",
            "e=.5",
            "-b",
            "f=T",
            "-t",
            "g=2020-02-05T05:09:36Z",
            "--duration_attributes",
            "h=-1m",
            "--bytes_attributes=i=a:0:0:1",
            "--stringmap_attributes",
            "j=k1:v1;k2:v:2;k1:w",
        ],
        &[
            ("a", text("x=y")),
            ("b", text("")),
            ("c", text("1")),
            ("d", TypedValue::Int64(-5)),
            ("e", TypedValue::Double(0.5)),
            ("f", TypedValue::Bool(true)),
            ("g", TypedValue::Timestamp(instant)),
            ("h", TypedValue::Duration(Duration::from_secs(-60).unwrap())),
            ("i", bytes(&[10, 0, 0, 1])),
            ("j", map(&[("k1", "w"), ("k2", "v:2")])),
            ("z", TypedValue::Int64(1)),
        ],
    );
    check(&["-s", ""], &[]);
    check(&["-s", "-x=-1"], &[("-x", text("-1"))]);
}

#[test]
fn sensing_tries_types_in_the_order_of_the_original() {
    let cases = [
        ("10", TypedValue::Int64(10)),
        ("+10", TypedValue::Int64(10)),
        ("1_0", text("1_0")),
        ("0x10", text("0x10")),
        ("9223372036854775808", TypedValue::Double(9_223_372_036_854_775_808.0)),
        ("1e3", TypedValue::Double(1000.0)),
        ("nan", TypedValue::Double(f64::NAN)),
        ("-nan", text("-nan")),
        ("-Infinity", TypedValue::Double(f64::NEG_INFINITY)),
        ("1e999", text("1e999")),
        ("t", TypedValue::Bool(true)),
        ("False", TypedValue::Bool(false)),
        ("yes", text("yes")),
        ("2020-02-05T05:09:36+01:00", TypedValue::Timestamp("2020-02-05T04:09:36Z".parse().unwrap())),
        ("1h2m", TypedValue::Duration(Duration::from_secs(3720).unwrap())),
        ("ab", bytes(&[0xab])),
        ("a:b", bytes(&[0xa, 0xb])),
        ("10:20", bytes(&[0x10, 0x20])),
        ("+a:b", map(&[("+a", "b")])),
        ("100:1", map(&[("100", "1")])),
        ("http://x", map(&[("http", "//x")])),
        ("k:v;w", text("k:v;w")),
        ("", text("")),
    ];
    for (value, expected) in cases {
        assert_eq!(sense(value), expected, "{value:?}");
    }
}

#[test]
fn mistakes_name_flag_attribute_and_value() {
    refused(
        &["-s", "a=1,b"],
        "attribute value b does not include an = sign (in --string_attributes; write name=value)",
    );
    refused(
        &["-a", "a=1,"],
        "attribute value  does not include an = sign (in --attributes; write name=value)",
    );
    refused(
        &["-i", "=1"],
        "attribute value =1 does not contain a valid name (in --int64_attributes; write name=value)",
    );
    refused(&["-i", "a=x"], "attribute a in --int64_attributes: \"x\" is not a decimal 64-bit integer");
    refused(
        &["-i", "a=9223372036854775808"],
        "attribute a in --int64_attributes: \"9223372036854775808\" does not fit a 64-bit integer",
    );
    refused(&["-d", "a=1f"], "attribute a in --double_attributes: \"1f\" is not a floating point number");
    refused(
        &["-d", "a=1e999"],
        "attribute a in --double_attributes: \"1e999\" is beyond the range of a 64-bit floating point number",
    );
    refused(
        &["-b", "a=yes"],
        "attribute a in --bool_attributes: \"yes\" is not a bool; write one of 1 t T true True TRUE 0 f F false False FALSE",
    );
    refused(
        &["-t", "a=today"],
        "attribute a in --timestamp_attributes: \"today\" is not an RFC 3339 timestamp such as \"2019-01-01T00:00:00Z\"",
    );
    refused(
        &["--duration_attributes", "a=1"],
        "attribute a in --duration_attributes: \"1\" is not a duration; write a number with a unit, such as \"10s\", \"1m30s\" or \"250ms\" (units: ns, us, ms, s, m, h)",
    );
    refused(
        &["--bytes_attributes", "a=1:g"],
        "attribute a in --bytes_attributes: \"g\" in \"1:g\" is not a hexadecimal byte; write bytes as in \"a:0:0:1\"",
    );
    refused(
        &["--stringmap_attributes", "a=b"],
        "attribute a in --stringmap_attributes: b is not a valid key/value pair in the form key:value; write a map as in \"k1:v1;k2:v2\"",
    );
    refused(
        &["-a", "x=1", "-s", "x=2"],
        "attribute x is given twice, in --string_attributes and in --attributes; give it once",
    );
}

#[test]
fn codes_have_two_spellings() {
    assert_eq!((rpc_code_name(7), grpc_code_name(7)), (Some("PERMISSION_DENIED"), Some("PermissionDenied")));
    assert_eq!((rpc_code_name(1), grpc_code_name(1)), (Some("CANCELLED"), Some("Canceled")));
    assert_eq!((rpc_code_name(16), grpc_code_name(16)), (Some("UNAUTHENTICATED"), Some("Unauthenticated")));
    assert_eq!((rpc_code_name(17), grpc_code_name(-1)), (None, None));
}

proptest! {
    #[test]
    fn any_int64_and_finite_double_is_sensed(int in any::<i64>(), double in proptest::num::f64::NORMAL) {
        prop_assert_eq!(sense(&int.to_string()), TypedValue::Int64(int));
        prop_assert_eq!(sense(&format!("{double:e}")), TypedValue::Double(double));
    }

    #[test]
    fn any_text_is_sensed_and_listed_without_panic(value in ".*") {
        sense(&value);
        let args = AttributeArgs { attributes: vec![value], ..AttributeArgs::default() };
        let _ = args.attributes();
    }
}
