//! Handler params to configuration bytes: every field type, every refusal, determinism.

use mixer_template::{Key, Node, NodeValue, ParamsMessage, Position};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{descriptor_set, json, lines, yaml};

const CONFIG: &str = "
    syntax = \"proto3\";
    package all;
    import \"google/protobuf/any.proto\";
    import \"google/protobuf/duration.proto\";
    import \"google/protobuf/struct.proto\";
    import \"google/protobuf/timestamp.proto\";
    import \"google/protobuf/wrappers.proto\";
    import \"google/rpc/status.proto\";
    import \"policy/v1beta1/http_response.proto\";
    enum Color { NONE = 0; RED = 1; DARK_BLUE = 7; }
    message Inner { string text = 1; Inner inner = 2; repeated int32 numbers = 3; int64 long_number = 4; }
    message Params {
      double f_double = 1; float f_float = 2;
      int32 f_int32 = 3; int64 f_int64 = 4; uint32 f_uint32 = 5; uint64 f_uint64 = 6;
      sint32 f_sint32 = 7; sint64 f_sint64 = 8;
      fixed32 f_fixed32 = 9; fixed64 f_fixed64 = 10; sfixed32 f_sfixed32 = 11; sfixed64 f_sfixed64 = 12;
      bool f_bool = 13; string f_string = 14; bytes f_bytes = 15; Color f_enum = 16; Inner f_message = 17;
      optional int32 f_optional = 18;
      oneof choice { string left = 19; Inner right = 20; }
      repeated double r_double = 21; repeated int64 r_unpacked = 22 [packed = false]; repeated string r_string = 23;
      repeated Inner r_message = 24; repeated Color r_enum = 25; repeated bool r_bool = 26; repeated bytes r_bytes = 27;
      map<string, string> m_string = 31; map<int32, Inner> m_message = 32; map<bool, Color> m_bool = 33;
      map<string, double> m_double = 34; map<sint64, google.protobuf.Duration> m_duration = 35;
      google.protobuf.Duration duration = 41; google.protobuf.Timestamp timestamp = 42;
      google.protobuf.Any any = 43; google.protobuf.Struct struct = 44; google.protobuf.Value value = 45;
      google.protobuf.Int64Value int64_value = 46; google.protobuf.StringValue string_value = 47;
      google.protobuf.BoolValue bool_value = 48; google.protobuf.ListValue list_value = 49;
      google.rpc.Status status = 50; google.protobuf.DoubleValue double_value = 51;
      repeated google.protobuf.Duration r_duration = 52; google.protobuf.BytesValue bytes_value = 53;
    }";

fn params() -> ParamsMessage {
    ParamsMessage::find(&descriptor_set(&[("config.proto", CONFIG)])).unwrap()
}

/// Encodes and compares with what an independent decoder shows.
fn taken(params: &ParamsMessage, text: &str, want: serde_json::Value) {
    let bytes =
        params.encode(&yaml(text)).unwrap_or_else(|problems| panic!("{text}: {:?}", lines(&problems)));
    assert_eq!(json(params.descriptor(), &bytes), want, "{text}");
}

/// Encodes and compares the problems, one text each.
fn refused(params: &ParamsMessage, text: &str, want: &[&str]) {
    let problems = params.encode(&yaml(text)).expect_err(text);
    let got = lines(&problems);
    assert_eq!(got.len(), want.len(), "{text}: {got:?}");
    for (got, want) in got.iter().zip(want) {
        assert!(got.contains(want), "{text}: {got}, expected {want}");
    }
}

#[test]
fn single_fields_are_encoded() {
    let params = params();
    let check = |text: &str, want: serde_json::Value| taken(&params, text, want);
    check("{}", json!({}));
    check("f_double: 1.5", json!({"fDouble": 1.5}));
    check("f_double: 3", json!({"fDouble": 3.0}));
    check("f_double: '0x10'", json!({"fDouble": 16.0}));
    check("f_double: '1.25'", json!({"fDouble": 1.25}));
    check("f_double: NaN", json!({"fDouble": "NaN"}));
    check("f_double: '-Infinity'", json!({"fDouble": "-Infinity"}));
    check("f_float: 0.5", json!({"fFloat": 0.5}));
    check("f_int32: -3", json!({"fInt32": -3}));
    check("f_int32: 3.0", json!({"fInt32": 3}));
    check("f_int32: '0x1F'", json!({"fInt32": 31}));
    check("f_int32: '-010'", json!({"fInt32": -8}));
    check("f_int32: '0b101'", json!({"fInt32": 5}));
    check("f_int64: '9223372036854775807'", json!({"fInt64": "9223372036854775807"}));
    check("f_int64: -9223372036854775808", json!({"fInt64": "-9223372036854775808"}));
    check("f_uint32: 4294967295", json!({"fUint32": 4294967295u32}));
    check("f_uint64: 18446744073709551615", json!({"fUint64": "18446744073709551615"}));
    check("f_sint32: -2147483648", json!({"fSint32": -2147483648i32}));
    check("f_sint64: -5", json!({"fSint64": "-5"}));
    check("f_fixed32: 7", json!({"fFixed32": 7}));
    check("f_fixed64: 8", json!({"fFixed64": "8"}));
    check("f_sfixed32: -9", json!({"fSfixed32": -9}));
    check("f_sfixed64: -10", json!({"fSfixed64": "-10"}));
    check("f_bool: true", json!({"fBool": true}));
    check("f_string: hello", json!({"fString": "hello"}));
    check("f_bytes: aGk=", json!({"fBytes": "aGk="}));
    check("f_bytes: aGk", json!({"fBytes": "aGk="}));
    check("f_bytes: _-8=", json!({"fBytes": "/+8="}));
    check("f_enum: RED", json!({"fEnum": "RED"}));
    check("f_enum: 7", json!({"fEnum": "DARK_BLUE"}));
    check("f_enum: '7'", json!({"fEnum": "DARK_BLUE"}));
    check(
        "f_message: {text: a, inner: {long_number: 1}}",
        json!({"fMessage": {"text": "a", "inner": {"longNumber": "1"}}}),
    );
    check("fMessage: {longNumber: 0x10}", json!({"fMessage": {"longNumber": "16"}}));
    check("f_message: {}", json!({"fMessage": {}}));
    check("f_message: null", json!({}));
    check("f_optional: 0", json!({"fOptional": 0}));
    check("left: ''", json!({"left": ""}));
    check("right: {}", json!({"right": {}}));
}

#[test]
fn lists_and_maps_are_encoded() {
    let params = params();
    let check = |text: &str, want: serde_json::Value| taken(&params, text, want);
    check("r_double: [1, 2.5, '3']", json!({"rDouble": [1.0, 2.5, 3.0]}));
    check("r_double: []", json!({}));
    check("r_unpacked: [1, -2]", json!({"rUnpacked": ["1", "-2"]}));
    check("r_string: [a, '', b]", json!({"rString": ["a", "", "b"]}));
    check("r_message: [{text: a}, {}]", json!({"rMessage": [{"text": "a"}, {}]}));
    check("r_enum: [RED, 7, NONE]", json!({"rEnum": ["RED", "DARK_BLUE", "NONE"]}));
    check("r_bool: [true, false]", json!({"rBool": [true, false]}));
    check("r_bytes: [aGk=, '']", json!({"rBytes": ["aGk=", ""]}));
    check("m_string: {b: x, a: ''}", json!({"mString": {"a": "", "b": "x"}}));
    check(
        "m_message: {10: {text: a}, 9: {}, 0x0b: {}}",
        json!({"mMessage": {"9": {}, "10": {"text": "a"}, "11": {}}}),
    );
    check("m_bool: {true: RED, false: 7}", json!({"mBool": {"false": "DARK_BLUE", "true": "RED"}}));
    check("m_double: {a: 1}", json!({"mDouble": {"a": 1.0}}));
    check("m_duration: {-1: 1s, 1: 2s}", json!({"mDuration": {"-1": "1s", "1": "2s"}}));
}

#[test]
fn well_known_messages_have_their_own_form() {
    let params = params();
    let check = |text: &str, want: serde_json::Value| taken(&params, text, want);
    check("duration: 10s", json!({"duration": "10s"}));
    check("duration: 1m30.5s", json!({"duration": "90.500s"}));
    check("duration: -1.5s", json!({"duration": "-1.500s"}));
    check("duration: 0s", json!({"duration": "0s"}));
    check("duration: {seconds: 3, nanos: 4}", json!({"duration": "3.000000004s"}));
    check("r_duration: [1s, 2s]", json!({"rDuration": ["1s", "2s"]}));
    check("timestamp: '2019-01-01T00:00:00Z'", json!({"timestamp": "2019-01-01T00:00:00Z"}));
    check("timestamp: '1969-12-31T23:59:59.5Z'", json!({"timestamp": "1969-12-31T23:59:59.500Z"}));
    check("int64_value: 0", json!({"int64Value": "0"}));
    check("int64_value: {value: 5}", json!({"int64Value": "5"}));
    check("string_value: a", json!({"stringValue": "a"}));
    check("bool_value: false", json!({"boolValue": false}));
    check("double_value: 1.5", json!({"doubleValue": 1.5}));
    check("bytes_value: aGk=", json!({"bytesValue": "aGk="}));
    check(
        "struct: {b: [1, true, null], a: {x: text}}",
        json!({"struct": {"a": {"x": "text"}, "b": [1.0, true, null]}}),
    );
    check("value: [a]", json!({"value": ["a"]}));
    check("list_value: [1, {a: b}]", json!({"listValue": [1.0, {"a": "b"}]}));
    check(
        "status: {code: 7, message: denied, details: [{'@type': type.googleapis.com/all.Inner, text: x}]}",
        json!({"status": {"code": 7, "message": "denied", "details": [
            {"@type": "type.googleapis.com/all.Inner", "text": "x"}]}}),
    );
    check(
        "any: {'@type': type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse, body: b, code: MovedPermanently,
               headers: {a: b}}",
        json!({"any": {"@type": "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse",
            "code": "MovedPermanently", "body": "b", "headers": {"a": "b"}}}),
    );
    check(
        "any: {'@type': type.googleapis.com/google.protobuf.Duration, value: 1s}",
        json!({"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}}),
    );
    check(
        "any: {type_url: type.googleapis.com/all.Inner, value: CgF4}",
        json!({"any": {"@type": "type.googleapis.com/all.Inner", "text": "x"}}),
    );
}

#[test]
fn bytes_are_canonical() {
    let params = params();
    let check = |text: &str, want: &[u8]| assert_eq!(params.encode(&yaml(text)).unwrap(), want, "{text}");
    check("null", &[]);
    // Fields by number, zero values written, map entries by key, numbers packed.
    check("f_string: ''\nf_int64: 0\nf_int32: 1", &[0x18, 1, 0x20, 0, 0x72, 0]);
    check(
        "m_string: {b: x, a: w}",
        &[0xfa, 1, 6, 10, 1, b'a', 18, 1, b'w', 0xfa, 1, 6, 10, 1, b'b', 18, 1, b'x'],
    );
    check("f_message: {numbers: [1, 300]}", &[0x8a, 1, 5, 0x1a, 3, 1, 0xac, 2]);
    check("r_unpacked: [1, 2]", &[0xb0, 1, 1, 0xb0, 1, 2]);
    check("duration: 0s", &[0xca, 2, 0]);
}

#[test]
fn every_wrong_scalar_is_refused_with_its_path() {
    let params = params();
    let check = |text: &str, want: &[&str]| refused(&params, text, want);
    check("[1]", &["expected a map (all.Params), found a list"]);
    check(
        "f_strnig: a",
        &["f_strnig: field \"f_strnig\" not found in message all.Params; did you mean f_string?"],
    );
    check(
        "f_message: {txt: a}",
        &[
            "f_message.txt: field \"txt\" not found in message all.Inner; did you mean text? (use one of text, inner, numbers, long_number)",
        ],
    );
    check("zzzzzz: null", &["zzzzzz: field \"zzzzzz\" not found"]);
    check("{f_int32: 1, fInt32: 2}", &["f_int32: this field is given twice"]);
    check("{left: a, right: {}}", &["right: only one of left and right can be set"]);
    check("f_double: abc", &["f_double: expected a number, found the text \"abc\""]);
    check("f_double: '1e999'", &["f_double: expected a number"]);
    check("f_float: 1e300", &["is too large for a float"]);
    check("f_int32: 2147483648", &["f_int32: 2147483648 does not fit into int32"]);
    check("f_int32: 1.5", &["f_int32: expected a whole number, found 1.5"]);
    check("f_int32: true", &["f_int32: expected a whole number, found a bool"]);
    check("f_int32: '--1'", &["f_int32: expected a whole number, found the text \"--1\""]);
    check("f_int32: ''", &["f_int32: expected a whole number, found the text \"\""]);
    check("f_uint32: -1", &["f_uint32: -1 does not fit into uint32"]);
    check("f_uint64: -1", &["f_uint64: -1 does not fit into uint64"]);
    check("f_fixed32: 4294967296", &["f_fixed32: 4294967296 does not fit into fixed32"]);
    check("f_int64: 9223372036854775808", &["f_int64: 9223372036854775808 does not fit into int64"]);
    check("f_bool: 'true'", &["f_bool: expected true or false (without quotes), found the text \"true\""]);
    check("f_bool: 1", &["f_bool: expected true or false"]);
    check("f_string: 200", &["f_string: expected text, found a number; write it in quotes"]);
    check("f_bytes: '%'", &["f_bytes: expected bytes as base64 text"]);
    check(
        "f_enum: BLUE",
        &["f_enum: unrecognized value \"BLUE\" for enum all.Color; use one of NONE, RED, DARK_BLUE"],
    );
    check("f_enum: DARKBLUE", &["did you mean DARK_BLUE?"]);
    check("f_enum: 8", &["f_enum: unrecognized value \"8\" for enum all.Color"]);
}

#[test]
fn every_wrong_message_list_or_map_is_refused_with_its_path() {
    let params = params();
    let check = |text: &str, want: &[&str]| refused(&params, text, want);
    check("f_message: text", &["f_message: expected a map (all.Inner), found the text \"text\""]);
    check("r_double: 1", &["r_double: expected a list, found a number"]);
    check(
        "r_double: [1, x, null]",
        &["r_double[1]: expected a number", "r_double[2]: expected a number, found nothing"],
    );
    check("r_message: [{numbers: [a]}]", &["r_message[0].numbers[0]: expected a whole number"]);
    check("m_string: [a]", &["m_string: expected a map, found a list"]);
    check(
        "m_string: {a: 1, b: null}",
        &["m_string[a]: expected text", "m_string[b]: expected text, found nothing"],
    );
    check("m_message: {a: {}}", &["m_message[a]: \"a\" is not a whole number"]);
    check("m_message: {16: {}, '0x10': {}}", &["this key is given twice"]);
    check("m_bool: {yes: RED}", &["m_bool[yes]: expected true or false"]);
    check("duration: 10", &["duration: expected a duration such as \"10s\", found a number"]);
    check("duration: 10 s", &["duration: \"10 s\" is not a duration"]);
    check("timestamp: yesterday", &["timestamp: \"yesterday\" is not an RFC 3339 timestamp"]);
    check("struct: [1]", &["struct: expected a map"]);
    check("list_value: {}", &["list_value: expected a list"]);
    check("int64_value: a", &["int64_value: expected a whole number"]);
    check(
        "any: {'@type': x/no.Such}",
        &["any.@type: message \"no.Such\" is not in the adapter's descriptor"],
    );
    check("any: {'@type': 1}", &["any.@type: expected a type URL, found a number"]);
    check(
        "any: {'@type': x/all.Inner, txet: a}",
        &["any.txet: field \"txet\" not found in message all.Inner"],
    );
    // All of them at once, in the order of the document.
    check("{f_string: 1, nothing: 1, f_bool: 1}", &["f_string: ", "nothing: ", "f_bool: "]);
}

#[test]
fn problems_have_the_place_of_their_value() {
    let params = params();
    let at = |line| Position { line, column: 3 };
    let value = Node { value: NodeValue::Int(1), position: at(5) };
    let document = Node::new(NodeValue::Map(vec![
        (Key { text: "f_string".to_owned(), position: at(4) }, value.clone()),
        (Key { text: "f_strin".to_owned(), position: at(2) }, value),
    ]));
    let problems = params.encode(&document).unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.position)).collect();
    assert_eq!(places, [("f_strin", at(2)), ("f_string", at(5))]);
}

#[test]
fn deep_documents_are_refused() {
    let params = params();
    let nest = |levels: usize, key: &str, innermost: Node| {
        (0..levels).fold(innermost, |inner, _| {
            Node::new(NodeValue::Map(vec![(Key { text: key.to_owned(), ..Key::default() }, inner)]))
        })
    };
    let message = |levels| {
        let inner = nest(levels, "inner", Node::new(NodeValue::Map(Vec::new())));
        params.encode(&nest(1, "f_message", inner))
    };
    assert!(message(50).is_ok());
    let problems = message(5_000).unwrap_err();
    assert!(problems[0].message.contains("nested deeper than 64 levels"), "{:?}", lines(&problems)[0].len());
    let json =
        params.encode(&nest(1, "struct", nest(5_000, "a", Node::new(NodeValue::Bool(true))))).unwrap_err();
    assert!(json[0].message.contains("nested deeper than 64 levels"));
}

fn document() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(NodeValue::Null),
        any::<bool>().prop_map(NodeValue::Bool),
        any::<i64>().prop_map(NodeValue::Int),
        any::<f64>().prop_map(NodeValue::Float),
        "[a-z0-9]{0,6}".prop_map(NodeValue::String),
    ];
    let names = params().descriptor().fields().map(|field| field.name().to_owned()).collect::<Vec<_>>();
    let key = prop_oneof![4 => proptest::sample::select(names), 1 => "(text|inner|numbers|@type|[a-z]{0,3})"];
    let value = leaf.prop_recursive(4, 24, 6, move |inner| {
        let entry = (key.clone(), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner.prop_map(Node::new), 0..4).prop_map(NodeValue::List),
            proptest::collection::vec(entry, 0..6).prop_map(|entries| {
                let entry = |(text, value)| (Key { text, ..Key::default() }, Node::new(value));
                NodeValue::Map(entries.into_iter().map(entry).collect())
            }),
        ]
    });
    value.prop_map(Node::new)
}

proptest! {
    /// Whatever the document: an answer without panic, and what is taken decodes.
    #[test]
    fn any_document_is_taken_or_refused(document in document()) {
        thread_local!(static PARAMS: ParamsMessage = params());
        PARAMS.with(|params| match params.encode(&document) {
            Ok(bytes) => {
                prost_reflect::DynamicMessage::decode(params.descriptor().clone(), &bytes[..]).unwrap();
            }
            Err(problems) => assert!(!problems.is_empty()),
        });
    }

    /// Numbers arrive as they were given.
    #[test]
    fn numbers_survive(int in any::<i64>(), double in any::<f64>(), small in any::<i32>()) {
        thread_local!(static PARAMS: ParamsMessage = params());
        let entry = |name: &str, value| (Key { text: name.to_owned(), ..Key::default() }, Node::new(value));
        let document = Node::new(NodeValue::Map(vec![
            entry("f_int64", NodeValue::Int(int)),
            entry("f_sint64", NodeValue::String(int.to_string())),
            entry("f_double", NodeValue::Float(double)),
            entry("f_int32", NodeValue::Float(small.into())),
        ]));
        PARAMS.with(|params| {
            let bytes = params.encode(&document).unwrap();
            let message = prost_reflect::DynamicMessage::decode(params.descriptor().clone(), &bytes[..]).unwrap();
            let get = |name| message.get_field_by_name(name).unwrap().into_owned();
            assert_eq!(get("f_int64").as_i64(), Some(int));
            assert_eq!(get("f_sint64").as_i64(), Some(int));
            assert_eq!(get("f_int32").as_i32(), Some(small));
            assert_eq!(get("f_double").as_f64().map(f64::to_bits), Some(double.to_bits()));
        });
    }
}
