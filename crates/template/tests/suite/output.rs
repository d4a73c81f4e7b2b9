//! Decoding of output messages: every field type, and what malformed bytes are answered with.

use mixer_attribute::{Duration, MapView, Timestamp, Value, ValueType};
use mixer_template::{OutputDecoder, OutputError, split_check_output, unmap_ipv4};
use proptest::prelude::*;
use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;

use crate::support::{shipped, template_of};

const MESSAGES: &str = "
    message InstanceMsg { string name = 72295727; }
    enum Color { NONE = 0; RED = 1; }
    message Res { string a = 1; }
    message OutputMsg {
      double f_double = 1; float f_float = 2;
      int32 f_int32 = 3; int64 f_int64 = 4; uint32 f_uint32 = 5; uint64 f_uint64 = 6;
      sint32 f_sint32 = 7; sint64 f_sint64 = 8;
      fixed32 f_fixed32 = 9; fixed64 f_fixed64 = 10; sfixed32 f_sfixed32 = 11; sfixed64 f_sfixed64 = 12;
      bool f_bool = 13; string f_string = 14; Color f_enum = 15;
      map<string, string> f_map = 16;
      istio.policy.v1beta1.IPAddress f_ip = 17;
      istio.policy.v1beta1.DNSName f_dns = 18;
      istio.policy.v1beta1.EmailAddress f_email = 19;
      istio.policy.v1beta1.Uri f_uri = 20;
      istio.policy.v1beta1.Duration f_duration = 21;
      istio.policy.v1beta1.TimeStamp f_timestamp = 22;
      google.protobuf.Duration g_duration = 23;
      google.protobuf.Timestamp g_timestamp = 24;
      bytes x_bytes = 30; repeated int64 x_list = 31; istio.policy.v1beta1.Value x_value = 32;
      map<string, int64> x_map = 33; Res x_message = 34; repeated string x_strings = 35;
    }";

fn decoder() -> (OutputDecoder, prost_reflect::MessageDescriptor) {
    let template = template_of("TEMPLATE_VARIETY_ATTRIBUTE_GENERATOR", "generate", MESSAGES);
    (OutputDecoder::new(&template), template.output_message().unwrap().clone())
}

fn decode(decoder: &OutputDecoder, bytes: &[u8]) -> Result<Vec<(String, Value<'static>)>, OutputError> {
    let mut found = Vec::new();
    decoder.decode(bytes, |index, value| {
        found.push((decoder.fields()[index].name.clone(), value.into_owned()));
    })?;
    Ok(found)
}

#[test]
fn fields_have_the_types_of_expressions() {
    let (decoder, _) = decoder();
    let types: Vec<(&str, ValueType)> =
        decoder.fields().iter().map(|field| (field.name.as_str(), field.value_type)).collect();
    use ValueType::{
        Bool, DnsName, Double, Duration, EmailAddress, Int64, IpAddress, String, StringMap, Timestamp, Uri,
    };
    let want = [
        ("f_double", Double),
        ("f_float", Double),
        ("f_int32", Int64),
        ("f_int64", Int64),
        ("f_uint32", Int64),
        ("f_uint64", Int64),
        ("f_sint32", Int64),
        ("f_sint64", Int64),
        ("f_fixed32", Int64),
        ("f_fixed64", Int64),
        ("f_sfixed32", Int64),
        ("f_sfixed64", Int64),
        ("f_bool", Bool),
        ("f_string", String),
        ("f_enum", Int64),
        ("f_map", StringMap),
        ("f_ip", IpAddress),
        ("f_dns", DnsName),
        ("f_email", EmailAddress),
        ("f_uri", Uri),
        ("f_duration", Duration),
        ("f_timestamp", Timestamp),
        ("g_duration", Duration),
        ("g_timestamp", Timestamp),
    ];
    assert_eq!(types, want);
    assert_eq!(decoder.fields()[16].number, 17);
}

#[test]
fn every_type_is_decoded() {
    let (decoder, message) = decoder();
    let check = |json: serde_json::Value, want: &[(&str, Value<'static>)]| {
        let encoded = DynamicMessage::deserialize(message.clone(), &json).unwrap().encode_to_vec();
        let want: Vec<_> = want.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        assert_eq!(decode(&decoder, &encoded).unwrap(), want, "{json}");
    };
    let one = |json: serde_json::Value, want: Value<'static>| {
        let name = json.as_object().unwrap().keys().next().unwrap().clone();
        check(json, &[(&name, want)]);
    };
    use serde_json::json;
    check(json!({}), &[]);
    one(json!({"f_double": 1.5}), Value::Double(1.5));
    one(json!({"f_float": -2.25}), Value::Double(-2.25));
    one(json!({"f_int32": -3}), Value::Int64(-3));
    one(json!({"f_int64": -4}), Value::Int64(-4));
    one(json!({"f_uint32": 4294967295u32}), Value::Int64(4294967295));
    one(json!({"f_uint64": u64::MAX}), Value::Int64(-1));
    one(json!({"f_sint32": -7}), Value::Int64(-7));
    one(json!({"f_sint64": i64::MIN}), Value::Int64(i64::MIN));
    one(json!({"f_fixed32": 4294967295u32}), Value::Int64(4294967295));
    one(json!({"f_fixed64": 10}), Value::Int64(10));
    one(json!({"f_sfixed32": -11}), Value::Int64(-11));
    one(json!({"f_sfixed64": -12}), Value::Int64(-12));
    one(json!({"f_bool": true}), Value::Bool(true));
    one(json!({"f_string": "hé"}), Value::text("hé"));
    one(json!({"f_enum": "RED"}), Value::Int64(1));
    let map = MapView::owned(vec![(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"".to_vec())]);
    one(json!({"f_map": {"b": "", "a": "1"}}), Value::StringMap(map));
    one(json!({"f_ip": {"value": "CgAAAQ=="}}), Value::Bytes(vec![10, 0, 0, 1].into()));
    one(json!({"f_dns": {"value": "a.b"}}), Value::text("a.b"));
    one(json!({"f_email": {"value": "a@b.c"}}), Value::text("a@b.c"));
    one(json!({"f_uri": {"value": "http://a"}}), Value::text("http://a"));
    let duration = Value::Duration(Duration::from_nanos(-1_500_000_000));
    one(json!({"f_duration": {"value": "-1.5s"}}), duration.clone());
    one(json!({"g_duration": "-1.5s"}), duration);
    let time = Value::Timestamp(Timestamp::from_proto(1_577_836_800, 5_000_000).unwrap());
    one(json!({"f_timestamp": {"value": "2020-01-01T00:00:00.005Z"}}), time.clone());
    one(json!({"g_timestamp": "2020-01-01T00:00:00.005Z"}), time);
    one(json!({"g_timestamp": "1970-01-01T00:00:00Z"}), Value::Timestamp(Timestamp::default()));
    check(json!({"f_ip": {}, "f_dns": {}, "f_duration": {}, "f_timestamp": {}}), &[]);
    check(
        json!({
            "x_bytes": "AAAA", "x_list": [1, 2], "x_value": {"stringValue": "a"}, "x_map": {"a": 1},
            "x_message": {"a": "b"}, "x_strings": ["a"], "f_bool": true,
        }),
        &[("f_bool", Value::Bool(true))],
    );
}

#[test]
fn order_duplicates_and_unknown_fields() {
    let (decoder, _) = decoder();
    // Unknown fields (number 100), a scalar twice, a map key twice with another field in between, padded lengths.
    let bytes: Vec<u8> = [
        &[0xa2, 0x06, 0x01, b'x'][..],
        &[0x68, 1],
        &[0x82, 0x01, 0x86, 0x00, 0x0a, 1, b'k', 0x12, 1, b'1'],
        &[0x68, 0],
        &[0x82, 0x01, 6, 0x0a, 1, b'k', 0x12, 1, b'2'],
        &[0x82, 0x01, 0],
    ]
    .concat();
    let map = MapView::owned(vec![(b"".to_vec(), b"".to_vec()), (b"k".to_vec(), b"2".to_vec())]);
    let want = vec![
        ("f_bool".to_owned(), Value::Bool(true)),
        ("f_bool".to_owned(), Value::Bool(false)),
        ("f_map".to_owned(), Value::StringMap(map)),
    ];
    assert_eq!(decode(&decoder, &bytes).unwrap(), want);
}

#[test]
fn malformed_output_is_refused() {
    let (decoder, _) = decoder();
    let check = |bytes: &[u8], want: &str| {
        let error = decode(&decoder, bytes).unwrap_err().to_string();
        assert!(error.contains(want), "{error}, expected {want}");
    };
    check(&[0x72, 5, b'a'], "not a protobuf message");
    check(&[0x70, 1], "output field f_string does not have the wire type");
    check(&[0x6a, 1, 1], "output field f_bool does not have the wire type");
    check(&[0x72, 1, 0xff], "output field f_string is not UTF-8");
    check(&[0x82, 0x01, 3, 0x0a, 1, 0xff], "output field f_map is not UTF-8");
    check(&[0x82, 0x01, 2, 0x08, 1], "output field f_map does not have the wire type");
    check(&[0x8a, 0x01, 2, 0x08, 1], "output field f_ip does not have the wire type");
    check(&[0xba, 0x01, 2, 0x0a, 0], "output field g_duration does not have the wire type");
    let far = [&[0xba, 0x01, 10, 0x08][..], &[0xff; 8], &[0x7f]].concat();
    check(&far, "output field g_duration is out of range");
}

#[test]
fn templates_without_output_have_no_fields() {
    let decoder = OutputDecoder::new(&shipped("metric"));
    assert_eq!(decoder.fields(), []);
    assert_eq!(decode(&decoder, &[0x08, 1]).unwrap(), vec![]);
    assert_eq!(OutputDecoder::new(&shipped("kubernetes")).fields().len(), 23);
}

#[test]
fn mapped_addresses_are_cut() {
    let mapped: Vec<u8> = [&[0; 10][..], &[0xff, 0xff, 10, 0, 0, 1]].concat();
    assert_eq!(unmap_ipv4(&mapped), [10, 0, 0, 1]);
    for same in [&[10, 0, 0, 1][..], &[], &[0; 16], &mapped[..15], &[mapped.clone(), vec![0]].concat()] {
        assert_eq!(unmap_ipv4(same), same);
    }
}

#[test]
fn check_responses_are_split() {
    let check = |bytes: &[u8], result: &[u8], output: &[u8]| {
        let parts = split_check_output(bytes).unwrap();
        assert_eq!((&*parts.0, &*parts.1), (result, output));
    };
    check(&[], &[], &[]);
    check(&[0x0a, 2, 8, 7, 0x12, 3, 0x12, 1, b'x'], &[8, 7], &[0x12, 1, b'x']);
    check(&[0x12, 1, 9, 0x0a, 1, 1, 0x0a, 2, 2, 3], &[1, 2, 3], &[9]);
    let refuse = |bytes: &[u8], want: OutputError| assert_eq!(split_check_output(bytes), Err(want));
    refuse(&[0x1a, 0], OutputError::UnexpectedField(3));
    refuse(&[0x08, 1], OutputError::WireType("result".to_owned()));
    assert!(matches!(split_check_output(&[0x0a, 9]), Err(OutputError::Malformed(_))));
}

proptest! {
    #[test]
    fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        thread_local!(static DECODER: OutputDecoder = decoder().0);
        DECODER.with(|decoder| drop(decode(decoder, &bytes)));
    }
}
