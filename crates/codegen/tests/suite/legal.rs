//! Every legal field type, all the way: template, handler service, compiled params, bytes, decoded instance.

use mixer_codegen::GoldenCases;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{author, template, yaml};

/// One message with every legal type alone, in a list and in a map, and messages in messages.
const MESSAGES: &str = "
    message Template {
      string text = 1; int64 number = 2; double fraction = 3; bool flag = 4;
      istio.policy.v1beta1.Value value = 5; istio.policy.v1beta1.TimeStamp time = 6;
      istio.policy.v1beta1.Duration duration = 7; istio.policy.v1beta1.IPAddress ip = 8;
      istio.policy.v1beta1.DNSName dns = 9; istio.policy.v1beta1.Uri uri = 10;
      istio.policy.v1beta1.EmailAddress email = 11; Outer outer = 12;
      repeated string texts = 21; repeated int64 numbers = 22; repeated double fractions = 23; repeated bool flags = 24;
      repeated istio.policy.v1beta1.Value values = 25; repeated istio.policy.v1beta1.TimeStamp times = 26;
      repeated Outer outers = 32;
      map<string, string> text_map = 41; map<string, int64> number_map = 42; map<string, double> fraction_map = 43;
      map<string, bool> flag_map = 44; map<string, istio.policy.v1beta1.Value> value_map = 45;
      map<string, istio.policy.v1beta1.IPAddress> ip_map = 48; map<string, Outer> outer_map = 52;
    }
    message Outer { Inner inner = 1; repeated Inner inners = 2; map<string, Inner> inner_map = 3; Outer self = 4; }
    message Inner { string text = 1; istio.policy.v1beta1.Value value = 2; }";

const ATTRIBUTES: &str = "
  a.text: { string: some text }
  a.number: { int64: -5 }
  a.fraction: { double: 0.25 }
  a.flag: { bool: true }
  a.time: { timestamp: '2026-03-04T05:06:07Z' }
  a.duration: { duration: 1m30s }
  a.ip: { ip: 10.0.0.1 }
  a.labels: { string_map: { app: web } }";

/// Params and the instance that they become.
const CASES: &[(&str, &str)] = &[
    ("text: a.text", "text: some text"),
    ("text: a.labels[\"app\"]", "text: web"),
    ("text: '\"constant\"'", "text: constant"),
    ("number: a.number", "number: '-5'"),
    ("number: 7", "number: '7'"),
    ("fraction: a.fraction", "fraction: 0.25"),
    ("flag: a.flag", "flag: true"),
    ("value: a.text", "value: { stringValue: some text }"),
    ("value: a.number", "value: { int64Value: '-5' }"),
    ("value: a.fraction", "value: { doubleValue: 0.25 }"),
    ("value: a.flag", "value: { boolValue: true }"),
    ("value: a.time", "value: { timestampValue: { value: '2026-03-04T05:06:07Z' } }"),
    ("value: a.duration", "value: { durationValue: { value: 90s } }"),
    ("value: a.ip", "value: { ipAddressValue: { value: CgAAAQ== } }"),
    ("value: dnsName(\"a.example\")", "value: { dnsNameValue: { value: a.example } }"),
    ("value: uri(\"http://a.example/x\")", "value: { uriValue: { value: 'http://a.example/x' } }"),
    ("value: email(\"me@a.example\")", "value: { emailAddressValue: { value: me@a.example } }"),
    ("time: a.time", "time: { value: '2026-03-04T05:06:07Z' }"),
    ("duration: a.duration", "duration: { value: 90s }"),
    ("ip: a.ip", "ip: { value: CgAAAQ== }"),
    ("dns: dnsName(\"a.example\")", "dns: { value: a.example }"),
    ("uri: uri(\"http://a.example/x\")", "uri: { value: 'http://a.example/x' }"),
    ("email: email(\"me@a.example\")", "email: { value: me@a.example }"),
    ("texts: [a.text, '\"b\"']", "texts: [some text, b]"),
    ("numbers: [a.number, 7]", "numbers: ['-5', '7']"),
    ("fractions: [a.fraction, 1.5]", "fractions: [0.25, 1.5]"),
    ("flags: [a.flag, false]", "flags: [true, false]"),
    ("values: [a.text, a.number]", "values: [{ stringValue: some text }, { int64Value: '-5' }]"),
    ("times: [a.time]", "times: [{ value: '2026-03-04T05:06:07Z' }]"),
    ("text_map: { k: a.text }", "textMap: { k: some text }"),
    ("number_map: { k: a.number }", "numberMap: { k: '-5' }"),
    ("fraction_map: { k: a.fraction }", "fractionMap: { k: 0.25 }"),
    ("flag_map: { k: a.flag }", "flagMap: { k: true }"),
    (
        "value_map: { k: a.text, l: a.flag }",
        "valueMap: { k: { stringValue: some text }, l: { boolValue: true } }",
    ),
    ("ip_map: { k: a.ip }", "ipMap: { k: { value: CgAAAQ== } }"),
    (
        "outer: { inner: { text: a.text, value: a.number }, self: { inner: { text: '\"deep\"' } } }",
        "outer: { inner: { text: some text, value: { int64Value: '-5' } }, self: { inner: { text: deep } } }",
    ),
    (
        "outers: [{ inners: [{ text: a.text }, { value: a.flag }] }, {}]",
        "outers: [{ inners: [{ text: some text }, { value: { boolValue: true } }] }, {}]",
    ),
    (
        "outer_map: { k: { inner_map: { l: { text: a.text } } } }",
        "outerMap: { k: { innerMap: { l: { text: some text } } } }",
    ),
];

#[test]
fn every_type_round_trips() {
    let case = |(params, instance): &(&str, &str)| {
        json!({
            "name": params,
            "attributes": yaml(ATTRIBUTES),
            "params": yaml(params),
            "instance": yaml(instance),
        })
    };
    let golden = json!({"cases": CASES.iter().map(case).collect::<Vec<_>>()});
    let cases = GoldenCases::parse(&golden.to_string()).unwrap();
    assert_eq!(cases.len(), CASES.len());
    assert_eq!(cases.run(&template(&author("every", "REPORT", MESSAGES))), Vec::<String>::new());
}

#[test]
fn the_other_varieties_take_them_too() {
    for variety in ["CHECK", "QUOTA"] {
        assert_eq!(template(&author("every", variety, MESSAGES)).package(), "every");
    }
    let output = "message OutputTemplate {
        string text = 1; int64 number = 2; double fraction = 3; bool flag = 4; map<string, string> text_map = 5;
        istio.policy.v1beta1.TimeStamp time = 6; istio.policy.v1beta1.Duration duration = 7;
        istio.policy.v1beta1.IPAddress ip = 8; istio.policy.v1beta1.DNSName dns = 9; istio.policy.v1beta1.Uri uri = 10;
        istio.policy.v1beta1.EmailAddress email = 11;
    }";
    let with_output = template(&author("every", "CHECK_WITH_OUTPUT", &format!("{MESSAGES}{output}")));
    assert_eq!(with_output.output_message().unwrap().fields().count(), 11);
    let fixed = MESSAGES
        .split(';')
        .filter(|field| !field.contains("istio.policy.v1beta1.Value"))
        .collect::<Vec<_>>()
        .join(";");
    let generator = template(&author("every", "ATTRIBUTE_GENERATOR", &format!("{fixed}{output}")));
    assert_eq!(generator.output_message().unwrap().fields().count(), 11);
    assert!(generator.instance_message().get_field_by_name("text_map").is_some());
}

/// Types of fields; `Other` is a message of the package.
const TYPES: &[&str] = &[
    "string",
    "int64",
    "double",
    "bool",
    "Other",
    "istio.policy.v1beta1.Value",
    "istio.policy.v1beta1.TimeStamp",
    "istio.policy.v1beta1.IPAddress",
];

proptest! {
    /// Whatever legal fields a template has, the server reads what is made of it, with every field in its place.
    #[test]
    fn any_legal_template_is_one_for_the_server(
        fields in prop::collection::btree_map("[a-z][a-z_]{1,8}[a-z]", (0..TYPES.len(), 0..3_u8), 0..12)
    ) {
        // Names that differ only in underscores have the same JSON name, which protobuf refuses.
        let mut seen = Vec::new();
        let mut messages = String::from("message Other { bool flag = 1; } message Template {");
        for (name, (kind, shape)) in fields {
            let plain = name.replace('_', "");
            if plain == "name" || seen.contains(&plain) {
                continue;
            }
            seen.push(plain);
            let kind = TYPES[kind];
            let kind = match shape {
                0 => kind.to_owned(),
                1 => format!("repeated {kind}"),
                _ => format!("map<string, {kind}>"),
            };
            messages.push_str(&format!("{kind} x_{name} = {};", seen.len()));
        }
        messages.push('}');
        let template = template(&author("every", "QUOTA", &messages));
        let count = template.instance_message().fields().count();
        prop_assert_eq!(count, seen.len() + 1);
    }
}
