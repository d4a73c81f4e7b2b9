//! Instances: every field type in both dialects, byte-exact forms, run-time failures.

use std::sync::Arc;

use mixer_attribute::{Bag, Duration, Referenced, Slot, Timestamp, ValueType, VocabularyBuilder};
use mixer_expr::Options;
use mixer_template::{
    BlockInterner, InstanceEncoder, InstanceSource, Key, Node, NodeValue, ParamsDialect, ParamsProblem,
    Template,
};
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use crate::support::{json, lines, shipped, template_of, yaml};

pub(crate) const MESSAGES: &str = "
    enum Color { NONE = 0; RED = 1; DARK_BLUE = 7; }
    message Res {
      string text = 1; int64 number = 2; istio.policy.v1beta1.Value value = 3; Res inner = 4;
      map<string, istio.policy.v1beta1.Value> values = 5;
    }
    message ResType {
      istio.policy.v1beta1.ValueType value = 3; ResType inner = 4;
      map<string, istio.policy.v1beta1.ValueType> values = 5;
    }
    message InstanceMsg {
      string name = 72295727;
      double f_double = 1; float f_float = 2;
      int32 f_int32 = 3; int64 f_int64 = 4; uint32 f_uint32 = 5; uint64 f_uint64 = 6;
      sint32 f_sint32 = 7; sint64 f_sint64 = 8;
      fixed32 f_fixed32 = 9; fixed64 f_fixed64 = 10; sfixed32 f_sfixed32 = 11; sfixed64 f_sfixed64 = 12;
      bool f_bool = 13; string f_string = 14; bytes f_bytes = 15; Color f_enum = 16; Res f_message = 17;
      istio.policy.v1beta1.Value value = 20;
      istio.policy.v1beta1.IPAddress ip = 21; istio.policy.v1beta1.TimeStamp timestamp = 22;
      istio.policy.v1beta1.Duration duration = 23; istio.policy.v1beta1.DNSName dns = 24;
      istio.policy.v1beta1.EmailAddress email = 25; istio.policy.v1beta1.Uri uri = 26;
      google.protobuf.Duration g_duration = 27; google.protobuf.Timestamp g_timestamp = 28;
      repeated string r_string = 30; repeated int64 r_int64 = 31; repeated int64 r_unpacked = 32 [packed = false];
      repeated Color r_enum = 33; repeated Res r_message = 34; repeated istio.policy.v1beta1.Value r_value = 35;
      repeated double r_double = 36; repeated istio.policy.v1beta1.Duration r_duration = 37; repeated bool r_bool = 38;
      map<string, istio.policy.v1beta1.Value> m_value = 40; map<string, string> m_string = 41;
      map<int32, Res> m_message = 42; map<bool, int64> m_bool = 43; map<string, Color> m_enum = 44;
      map<string, istio.policy.v1beta1.IPAddress> m_ip = 45; map<string, double> m_double = 46;
      oneof choice { string left = 50; Res right = 51; }
    }
    message Type {
      istio.policy.v1beta1.ValueType value = 20; ResType f_message = 17; repeated istio.policy.v1beta1.ValueType r_value = 35;
      repeated ResType r_message = 34;
      map<string, istio.policy.v1beta1.ValueType> m_value = 40; map<int32, ResType> m_message = 42;
    }";

pub(crate) fn every_type() -> Template {
    template_of("TEMPLATE_VARIETY_CHECK", "every", MESSAGES)
}

/// One attribute of each type (`as`, `ai` …), the same with `x` in front that the bag lacks, and a map.
pub(crate) fn vocabulary() -> VocabularyBuilder {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in [
        ("as", ValueType::String),
        ("ai", ValueType::Int64),
        ("ad", ValueType::Double),
        ("ab", ValueType::Bool),
        ("at", ValueType::Timestamp),
        ("aip", ValueType::IpAddress),
        ("aemail", ValueType::EmailAddress),
        ("auri", ValueType::Uri),
        ("adns", ValueType::DnsName),
        ("adur", ValueType::Duration),
        ("amap", ValueType::StringMap),
        ("color", ValueType::String),
        ("big", ValueType::Int64),
    ] {
        builder.attribute(name, value_type).unwrap();
        builder.attribute(&format!("x{name}"), value_type).unwrap();
    }
    builder
}

pub(crate) fn bag(builder: VocabularyBuilder) -> Bag {
    let vocabulary = builder.finish();
    let slot = |name: &str| -> Slot { vocabulary.slot(name).unwrap() };
    let mut bag = Bag::new(vocabulary.clone());
    bag.set_text(slot("as"), "text");
    bag.set(slot("ai"), mixer_attribute::Cell::Int64(-42));
    bag.set(slot("ad"), mixer_attribute::Cell::Double(2.5));
    bag.set(slot("ab"), mixer_attribute::Cell::Bool(true));
    let time = Timestamp::from_proto(1_577_836_800, 5_000_000).unwrap();
    bag.set(slot("at"), mixer_attribute::Cell::Timestamp(time));
    bag.set_bytes(slot("aip"), &[10, 0, 0, 1]);
    bag.set_text(slot("aemail"), "a@b.c");
    bag.set_text(slot("auri"), "http://a/b");
    bag.set_text(slot("adns"), "a.b");
    bag.set(slot("adur"), mixer_attribute::Cell::Duration(Duration::from_nanos(1_500_000_000)));
    bag.set_text_map(slot("amap"), [("b", "2"), ("a", "1")]);
    bag.set_text(slot("color"), "DARK_BLUE");
    bag.set(slot("big"), mixer_attribute::Cell::Int64(5_000_000_000));
    bag
}

/// What a test compiles: template, dialect and whether the original's decisions are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'t> {
    pub(crate) template: &'t Template,
    pub(crate) dialect: ParamsDialect,
    pub(crate) compat: bool,
}

impl<'t> Setting<'t> {
    pub(crate) fn typed(template: &'t Template) -> Self {
        Self { template, dialect: ParamsDialect::Typed, compat: false }
    }

    pub(crate) fn expressions(template: &'t Template) -> Self {
        Self { template, dialect: ParamsDialect::Expressions, compat: false }
    }

    pub(crate) fn compile(
        &self,
        params: &Node,
        builder: &mut VocabularyBuilder,
    ) -> Result<InstanceEncoder, Vec<ParamsProblem>> {
        let name: Arc<str> = "i.instance.ns".into();
        let source = InstanceSource { name: &name, template: self.template, params, dialect: self.dialect };
        let options = Options { compat: self.compat };
        InstanceEncoder::compile(source, builder, &options, &mut BlockInterner::new())
    }

    /// The instance without its name as an independent decoder shows it, or the failure's text.
    pub(crate) fn run(&self, params: &str) -> Result<Value, String> {
        let mut builder = vocabulary();
        let encoder = self
            .compile(&yaml(params), &mut builder)
            .unwrap_or_else(|problems| panic!("{params}: {:?}", lines(&problems)));
        let mut out = b"before".to_vec();
        let result = encoder.encode(&bag(builder), &mut Referenced::new(), &mut out);
        if let Err(error) = result {
            assert_eq!(out, b"before", "{params}: the output is not as it was");
            return Err(error.to_string());
        }
        let mut value = json(self.template.instance_message(), &out[6..]);
        let name = value.as_object_mut().unwrap().remove("name");
        assert_eq!(name, Some(json!("i.instance.ns")));
        Ok(value)
    }

    /// The bytes of the instance without its name.
    pub(crate) fn bytes(&self, params: &str) -> Vec<u8> {
        let mut builder = vocabulary();
        let encoder = self.compile(&yaml(params), &mut builder).unwrap();
        let mut out = Vec::new();
        encoder.encode(&bag(builder), &mut Referenced::new(), &mut out).unwrap();
        let name = [&[0xfa, 0xd2, 0xe4, 0x93, 0x02, 13][..], b"i.instance.ns"].concat();
        assert!(out.ends_with(&name), "{params}: {out:x?}");
        out.truncate(out.len() - name.len());
        out
    }

    fn check(&self, params: &str, want: Value) {
        assert_eq!(self.run(params), Ok(want), "{params}");
    }

    fn refuse(&self, params: &str, want: &[&str]) {
        let problems = self.compile(&yaml(params), &mut vocabulary()).expect_err(params);
        let got = lines(&problems);
        assert_eq!(got.len(), want.len(), "{params}: {got:?}");
        for (got, want) in got.iter().zip(want) {
            assert!(got.contains(want), "{params}: {got}, expected {want}");
        }
    }
}

#[test]
fn typed_scalars() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |params: &str, want: Value| typed.check(params, want);
    check("{}", json!({}));
    check("null", json!({}));
    check("f_double: 1.5", json!({"fDouble": 1.5}));
    check("f_double: 3", json!({"fDouble": 3.0}));
    check("f_double: '\"0.5\"'", json!({"fDouble": 0.5}));
    check("f_double: ad", json!({"fDouble": 2.5}));
    check("f_float: ad", json!({"fFloat": 2.5}));
    check("f_float: 0.5", json!({"fFloat": 0.5}));
    check("f_int32: 7", json!({"fInt32": 7}));
    check("f_int32: 7.0", json!({"fInt32": 7}));
    check("f_int32: '\"0x10\"'", json!({"fInt32": 16}));
    check("f_int32: \"'010'\"", json!({"fInt32": 8}));
    check("f_int32: '5'", json!({"fInt32": 5}));
    check("f_int32: ai", json!({"fInt32": -42}));
    check("f_int64: ai + 2", json!({"fInt64": "-40"}));
    check("f_uint32: 7", json!({"fUint32": 7}));
    check("f_uint64: big", json!({"fUint64": "5000000000"}));
    check("f_sint32: ai", json!({"fSint32": -42}));
    check("f_sint64: ai", json!({"fSint64": "-42"}));
    check("f_fixed32: 7", json!({"fFixed32": 7}));
    check("f_fixed64: big", json!({"fFixed64": "5000000000"}));
    check("f_sfixed32: ai", json!({"fSfixed32": -42}));
    check("f_sfixed64: ai", json!({"fSfixed64": "-42"}));
    check("f_bool: true", json!({"fBool": true}));
    check("f_bool: ab", json!({"fBool": true}));
    check("f_bool: as == \"text\"", json!({"fBool": true}));
    check("f_string: as", json!({"fString": "text"}));
    check("fString: as", json!({"fString": "text"}));
    check("f_string: xas | \"other\"", json!({"fString": "other"}));
    check("f_enum: '\"RED\"'", json!({"fEnum": "RED"}));
    check("f_enum: 7", json!({"fEnum": "DARK_BLUE"}));
    check("f_enum: color", json!({"fEnum": "DARK_BLUE"}));
    check("f_enum: '7'", json!({"fEnum": "DARK_BLUE"}));
    check("f_enum: conditional(ab, 1, 7)", json!({"fEnum": "RED"}));
}

/// Row 33 of the decisions: by default `"a" + "b"` is an expression, in compatibility mode a constant.
#[test]
fn quoted_text() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let compat = Setting { compat: true, ..typed };
    let both = |params: &str, ours: &str, original: &str| {
        typed.check(params, json!({"fString": ours}));
        compat.check(params, json!({"fString": original}));
    };
    both("f_string: '\"plain\"'", "plain", "plain");
    both("f_string: \"'single quoted'\"", "single quoted", "single quoted");
    both("f_string: \"'s'\"", "s", "s");
    both("f_string: '\"10s\"'", "10s", "10s");
    both("f_string: '\"a\" + \"b\"'", "ab", "a\" + \"b");
    both("f_string: '\"a\\tb\"'", "a\tb", "a\\tb");
    both("f_string: '`raw`'", "raw", "raw");
    let value = |params: &str, ours: Value, original: Value| {
        typed.check(params, json!({"value": ours}));
        compat.check(params, json!({"value": original}));
    };
    value("value: '\"10s\"'", json!({"stringValue": "10s"}), json!({"stringValue": "10s"}));
    value("value: '\"a\" + \"b\"'", json!({"stringValue": "ab"}), json!({"stringValue": "a\" + \"b"}));
    value("value: \"'it is'\"", json!({"stringValue": "it is"}), json!({"stringValue": "it is"}));
}

#[test]
fn typed_policy_messages() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |params: &str, want: Value| typed.check(params, want);
    let mapped = "AAAAAAAAAAAAAP//CgAAAQ==";
    check("ip: aip", json!({"ip": {"value": "CgAAAQ=="}}));
    check("ip: ip(\"10.0.0.1\")", json!({"ip": {"value": mapped}}));
    check("ip: '\"10.0.0.1\"'", json!({"ip": {"value": mapped}}));
    check("ip: 10.0.0.1", json!({"ip": {"value": mapped}}));
    check("ip: '\"::1\"'", json!({"ip": {"value": "AAAAAAAAAAAAAAAAAAAAAQ=="}}));
    let time = json!({"timestamp": {"value": "2020-01-01T00:00:00.005Z"}});
    check("timestamp: at", time.clone());
    check("timestamp: '\"2020-01-01T00:00:00.005Z\"'", time.clone());
    check("timestamp: '2020-01-01T00:00:00.005Z'", time.clone());
    check("timestamp: timestamp(\"2020-01-01T00:00:00.005Z\")", time);
    check("duration: adur", json!({"duration": {"value": "1.500s"}}));
    check("duration: '\"10s\"'", json!({"duration": {"value": "10s"}}));
    check("duration: 10s", json!({"duration": {"value": "10s"}}));
    check("duration: xadur | \"-1ms\"", json!({"duration": {"value": "-0.001s"}}));
    check("g_duration: adur", json!({"gDuration": "1.500s"}));
    check("g_duration: '\"10s\"'", json!({"gDuration": "10s"}));
    check("g_duration: 10s", json!({"gDuration": "10s"}));
    check("g_duration: {seconds: 3, nanos: ai + 84}", json!({"gDuration": "3.000000042s"}));
    check("g_timestamp: at", json!({"gTimestamp": "2020-01-01T00:00:00.005Z"}));
    check("g_timestamp: '2020-01-01T00:00:00Z'", json!({"gTimestamp": "2020-01-01T00:00:00Z"}));
    check("g_timestamp: {seconds: '1'}", json!({"gTimestamp": "1970-01-01T00:00:01Z"}));
    check("dns: adns", json!({"dns": {"value": "a.b"}}));
    check("dns: '\"c.d\"'", json!({"dns": {"value": "c.d"}}));
    check("email: aemail", json!({"email": {"value": "a@b.c"}}));
    check("email: '\"x@y\"'", json!({"email": {"value": "x@y"}}));
    check("uri: auri", json!({"uri": {"value": "http://a/b"}}));
    check("uri: '\"u:v\"'", json!({"uri": {"value": "u:v"}}));
    check("uri: uri(\"u:v\")", json!({"uri": {"value": "u:v"}}));
}

#[test]
fn typed_values() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |value: &str, want: Value| {
        typed.check(&format!("value: {value}"), json!({ "value": want }));
        typed.check(&format!("m_value: {{k: {value}}}"), json!({"mValue": { "k": want }}));
        typed.check(&format!("r_value: [{value}]"), json!({"rValue": [want]}));
    };
    check("5", json!({"doubleValue": 5.0}));
    check("5.5", json!({"doubleValue": 5.5}));
    check("true", json!({"boolValue": true}));
    check("'5'", json!({"int64Value": "5"}));
    check("'\"a\"'", json!({"stringValue": "a"}));
    check("as", json!({"stringValue": "text"}));
    check("ai", json!({"int64Value": "-42"}));
    check("ad", json!({"doubleValue": 2.5}));
    check("ab", json!({"boolValue": true}));
    check("aip", json!({"ipAddressValue": {"value": "CgAAAQ=="}}));
    check("at", json!({"timestampValue": {"value": "2020-01-01T00:00:00.005Z"}}));
    check("adur", json!({"durationValue": {"value": "1.500s"}}));
    check("aemail", json!({"emailAddressValue": {"value": "a@b.c"}}));
    check("adns", json!({"dnsNameValue": {"value": "a.b"}}));
    check("auri", json!({"uriValue": {"value": "http://a/b"}}));
    check("'amap[\"a\"]'", json!({"stringValue": "1"}));
    check("'amap[\"c\"] | \"none\"'", json!({"stringValue": "none"}));
}

#[test]
fn typed_messages_lists_and_maps() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |params: &str, want: Value| typed.check(params, want);
    check(
        "f_message: {text: as, number: 1, value: ai, inner: {text: '\"x\"'}, values: {b: 1, a: as}}",
        json!({"fMessage": {"text": "text", "number": "1", "value": {"int64Value": "-42"}, "inner": {"text": "x"},
            "values": {"a": {"stringValue": "text"}, "b": {"doubleValue": 1.0}}}}),
    );
    check("f_message: {}", json!({"fMessage": {}}));
    check("f_message: null", json!({}));
    check("r_string: [as, '\"b\"', as]", json!({"rString": ["text", "b", "text"]}));
    check("r_string: []", json!({}));
    check("r_int64: [1, ai, '3']", json!({"rInt64": ["1", "-42", "3"]}));
    check("r_int64: 4", json!({"rInt64": ["4"]}));
    check("r_int64: ai", json!({"rInt64": ["-42"]}));
    check("r_unpacked: [1, ai]", json!({"rUnpacked": ["1", "-42"]}));
    check("r_enum: [1, color, '\"NONE\"']", json!({"rEnum": ["RED", "DARK_BLUE", "NONE"]}));
    check("r_bool: [ab, false]", json!({"rBool": [true, false]}));
    check("r_double: [1, ad]", json!({"rDouble": [1.0, 2.5]}));
    check("r_duration: [adur, 1s]", json!({"rDuration": [{"value": "1.500s"}, {"value": "1s"}]}));
    check("r_message: [{text: as}, {}]", json!({"rMessage": [{"text": "text"}, {}]}));
    check("m_string: {b: as, a: '\"x\"'}", json!({"mString": {"a": "x", "b": "text"}}));
    check("m_string: amap", json!({"mString": {"a": "1", "b": "2"}}));
    check("m_string: emptyStringMap()", json!({}));
    check(
        "m_message: {10: {text: as}, 0x9: {number: 2}}",
        json!({"mMessage": {"9": {"number": "2"}, "10": {"text": "text"}}}),
    );
    check("m_bool: {true: ai, false: 1}", json!({"mBool": {"false": "1", "true": "-42"}}));
    check("m_enum: {a: color}", json!({"mEnum": {"a": "DARK_BLUE"}}));
    check("m_ip: {a: aip}", json!({"mIp": {"a": {"value": "CgAAAQ=="}}}));
    check("m_double: {a: ad, b: 1}", json!({"mDouble": {"a": 2.5, "b": 1.0}}));
    check("m_value: {}", json!({}));
    check("left: as", json!({"left": "text"}));
}

#[test]
fn expression_dialect() {
    let template = every_type();
    let expressions = Setting::expressions(&template);
    let check = |params: &str, want: Value| expressions.check(params, want);
    check("null", json!({}));
    check("f_string: ''", json!({}));
    check("value: ''", json!({}));
    check("timestamp: ''", json!({}));
    check("f_int64: '5'", json!({"fInt64": "5"}));
    check("fInt64: ai", json!({"fInt64": "-42"}));
    check("f_double: '1.5'", json!({"fDouble": 1.5}));
    check("f_bool: 'true'", json!({"fBool": true}));
    check("f_string: '\"a\" + \"b\"'", json!({"fString": "ab"}));
    check("value: '\"a\" + \"b\"'", json!({"value": {"stringValue": "ab"}}));
    check("value: '1'", json!({"value": {"int64Value": "1"}}));
    check("value: xadur | \"0ms\"", json!({"value": {"durationValue": {"value": "0s"}}}));
    check("value: amap", json!({"value": {"stringMapValue": {"value": {"a": "1", "b": "2"}}}}));
    check(
        "m_value: {a: as, b: '1', c: ab}",
        json!({"mValue": {
        "a": {"stringValue": "text"}, "b": {"int64Value": "1"}, "c": {"boolValue": true}}}),
    );
    check("m_string: {a: as}", json!({"mString": {"a": "text"}}));
    check("duration: '\"10s\"'", json!({"duration": {"value": "10s"}}));
    check("ip: aip", json!({"ip": {"value": "CgAAAQ=="}}));
    check("f_message: {text: as, value: ''}", json!({"fMessage": {"text": "text"}}));
    check("r_string: [as]", json!({"rString": ["text"]}));
    check("f_enum: '\"RED\"'", json!({"fEnum": "RED"}));
    // Bindings of attribute generators are the caller's.
    let kubernetes = shipped("kubernetes");
    Setting::expressions(&kubernetes).check(
        "{source_uid: as, attribute_bindings: {a: $out.source_pod_name}}",
        json!({"sourceUid": "text"}),
    );
    Setting::typed(&kubernetes)
        .refuse("attribute_bindings: {a: b}", &["field \"attribute_bindings\" not found"]);
    let refuse = |params: &str, want: &str| expressions.refuse(params, &[want]);
    refuse("f_int64: 5", "f_int64: expected an expression as text, found a number; write it in quotes");
    refuse(
        "m_value: {a: 1}",
        "m_value[a]: expected an expression as text, found a number; write it in quotes",
    );
    refuse("m_value: {a: ''}", "m_value[a]: the expression is empty");
    refuse("f_string: ai", "STRING");
    refuse("duration: 10s", "duration: ");
    refuse("attribute_bindings: {a: b}", "field \"attribute_bindings\" not found");
}

#[test]
fn every_wrong_scalar_is_refused_with_its_path() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let refuse = |params: &str, want: &[&str]| typed.refuse(params, want);
    refuse("[1]", &["expected a map of fields, found a list"]);
    refuse("name: '\"x\"'", &["name: the name is set by the server; remove this field"]);
    refuse(
        "f_strin: as",
        &["f_strin: field \"f_strin\" not found in message every.InstanceMsg; did you mean f_string?"],
    );
    refuse(
        "f_message: {tex: as}",
        &["f_message.tex: field \"tex\" not found in message every.Res; did you mean text?"],
    );
    refuse("{f_string: as, fString: as}", &["f_string: this field is given twice"]);
    refuse("{left: as, right: {}}", &["right: only one of left and right can be set"]);
    refuse("f_string: 200", &["f_string: expected text, found a number; write it in quotes"]);
    refuse("f_string: true", &["f_string: expected text, found a bool; write it in quotes"]);
    refuse("f_string: [as]", &["f_string: expected text, found a list"]);
    refuse("f_string: ''", &["f_string: the expression is empty"]);
    refuse("f_string: ai", &["f_string: "]);
    refuse("f_string: nosuch.attribute", &["f_string: unknown attribute nosuch.attribute"]);
    refuse("f_string: 'as +'", &["f_string: unable to parse expression"]);
    refuse("f_int32: 1.5", &["f_int32: expected a whole number, found 1.5"]);
    refuse("f_int32: 3000000000", &["f_int32: 3000000000 does not fit into int32"]);
    refuse("f_int32: '3000000000'", &["f_int32: 3000000000 does not fit into int32"]);
    refuse("f_int32: '\"x\"'", &["f_int32: \"x\" is not a whole number"]);
    refuse("f_int32: true", &["f_int32: expected a whole number, found a bool"]);
    refuse("f_int32: as", &["f_int32: "]);
    refuse("f_double: ai", &["f_double: "]);
    refuse("f_bool: 1", &["f_bool: expected true or false"]);
    refuse("f_bool: as", &["f_bool: "]);
    refuse("f_bytes: as", &["f_bytes: fields of type bytes cannot be set"]);
    refuse("f_enum: '\"BLUE\"'", &["f_enum: unrecognized value \"BLUE\" for enum every.Color"]);
    refuse("f_enum: 8", &["f_enum: unrecognized value \"8\" for enum every.Color"]);
    refuse("f_enum: RED", &["unknown attribute RED"]);
    refuse("f_enum: RED", &["; for the enum value write '\"RED\"'"]);
    refuse(
        "f_enum: ab",
        &["f_enum: the expression is of type BOOL; an enum needs STRING (the name of a value) or INT64"],
    );
    refuse("f_enum: '8'", &["f_enum: unknown value: 8, enum: every.Color"]);
}

#[test]
fn every_wrong_message_list_or_map_is_refused_with_its_path() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let refuse = |params: &str, want: &[&str]| typed.refuse(params, want);
    refuse("f_message: as", &["f_message: expected a map (every.Res), found the text \"as\""]);
    refuse("value: [1]", &["value: expected an expression as text, found a list"]);
    refuse("value: {stringValue: a}", &["value: expected an expression as text, found a map"]);
    refuse("value: amap", &["value: unsupported type: STRING_MAP"]);
    refuse(
        "ip: 1",
        &["ip: expected an expression of type IP_ADDRESS or a constant in quotes, found a number"],
    );
    refuse("ip: {value: aip}", &["ip: expected an expression of type IP_ADDRESS"]);
    refuse("ip: '\"300.0.0.1\"'", &["ip: \"300.0.0.1\" is not an IP address"]);
    refuse("ip: as", &["ip: "]);
    refuse("timestamp: '\"yesterday\"'", &["timestamp: \"yesterday\" is not an RFC 3339 timestamp"]);
    refuse("duration: '\"10 s\"'", &["duration: \"10 s\" is not a duration"]);
    refuse("duration: 10", &["duration: expected an expression of type DURATION"]);
    refuse("dns: as", &["dns: "]);
    refuse("r_string: as", &["r_string: expected a list, found the text \"as\""]);
    refuse("r_message: {}", &["r_message: expected a list, found a map"]);
    refuse(
        "r_string: [as, 1, null]",
        &["r_string[1]: expected text, found a number", "r_string[2]: expected text, found nothing"],
    );
    refuse("r_int64: [as]", &["r_int64[0]: "]);
    refuse("m_value: [as]", &["m_value: expected a map, found a list"]);
    refuse("m_value: as", &["m_value: expected a map, found the text \"as\""]);
    refuse("m_value: {a: null}", &["m_value[a]: expected an expression as text, found nothing"]);
    refuse(
        "m_value: {a: nosuch, b: as, c: nope}",
        &["m_value[a]: unknown attribute nosuch", "m_value[c]: unknown attribute nope"],
    );
    refuse("m_string: as", &["m_string: "]);
    refuse("m_message: {a: {}}", &["m_message[a]: \"a\" is not a whole number"]);
    refuse("m_message: {16: {}, '0x10': {}}", &["this key is given twice"]);
    // Everything at once, in the order of the document.
    refuse(
        "{f_string: 1, f_messag: 1, m_value: {x: nosuch}, f_message: {inner: {number: as}}}",
        &["f_string: ", "f_messag: ", "m_value[x]: ", "f_message.inner.number: "],
    );
}

#[test]
fn problems_of_expressions_have_two_places() {
    let template = every_type();
    let params = yaml("m_value: {a: as + nosuch}");
    let problems = Setting::typed(&template).compile(&params, &mut vocabulary()).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(problem.position.line, 5);
    let place = problem.expression_position.unwrap();
    assert_eq!((place.line, place.column), (1, 6));
}

#[test]
fn deep_params_are_refused() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let compile = |levels| {
        let entry = |key: &str, node| {
            Node::new(NodeValue::Map(vec![(Key { text: key.to_owned(), ..Key::default() }, node)]))
        };
        let innermost = Node::new(NodeValue::Map(Vec::new()));
        let inner = (0..levels).fold(innermost, |inner, _| entry("inner", inner));
        typed.compile(&entry("f_message", inner), &mut vocabulary())
    };
    assert!(compile(50).is_ok());
    let problems = compile(5_000).unwrap_err();
    assert!(problems[0].message.contains("nested deeper than 64 levels"));
}

#[test]
fn compatibility_ignores_a_name_as_the_original_does() {
    let template = every_type();
    let compat = Setting { compat: true, ..Setting::typed(&template) };
    compat.check("{name: '\"x\"', f_int64: 1}", json!({"fInt64": "1"}));
}

/// The worked example of the adapter protocol.
#[test]
fn bytes_are_canonical() {
    let keyval = template_of(
        "TEMPLATE_VARIETY_CHECK_WITH_OUTPUT",
        "keyval",
        "message InstanceMsg { string name = 72295727; string key = 1; } message OutputMsg { string value = 2; }",
    );
    let name: Arc<str> = "kv1.instance.istio-system".into();
    let params = yaml("key: '\"jason\"'");
    let source =
        InstanceSource { name: &name, template: &keyval, params: &params, dialect: ParamsDialect::Typed };
    let mut builder = vocabulary();
    let options = Options::default();
    let encoder =
        InstanceEncoder::compile(source, &mut builder, &options, &mut BlockInterner::new()).unwrap();
    let mut out = Vec::new();
    encoder.encode(&bag(builder), &mut Referenced::new(), &mut out).unwrap();
    let mut want = vec![0x0a, 5];
    want.extend_from_slice(b"jason");
    want.extend_from_slice(&[0xfa, 0xd2, 0xe4, 0x93, 0x02, 0x19]);
    want.extend_from_slice(b"kv1.instance.istio-system");
    assert_eq!(out, want);
    assert_eq!(encoder.name(), &name);
    assert!(encoder.inferred_type().is_empty());
}

#[test]
fn what_is_set_is_written_even_when_zero() {
    let template = every_type();
    let check = |params: &str, want: &[u8]| {
        assert_eq!(Setting::typed(&template).bytes(params), want, "{params}");
    };
    check("{}", &[]);
    check("f_int64: 0", &[0x20, 0]);
    check("f_int64: ai + 42", &[0x20, 0]);
    check("f_string: '\"\"'", &[0x72, 0]);
    check("f_string: \"''\"", &[0x72, 0]);
    check("f_string: amap[\"none\"]", &[0x72, 0]);
    check("f_bool: false", &[0x68, 0]);
    check("value: '\"\"'", &[0xa2, 1, 2, 0x0a, 0]);
    check("value: ai + 42", &[0xa2, 1, 2, 0x10, 0]);
    check("duration: 0s", &[0xba, 1, 2, 0x0a, 0]);
    check("g_duration: 0s", &[0xda, 1, 0]);
    check(
        "m_value: {b: ab, a: '\"\"'}",
        &[0xc2, 2, 7, 0x0a, 1, b'a', 0x12, 2, 0x0a, 0, 0xc2, 2, 7, 0x0a, 1, b'b', 0x12, 2, 0x20, 1],
    );
    check("r_int64: [0, ai + 42]", &[0xfa, 1, 2, 0, 0]);
    check("r_unpacked: [0, 1]", &[0x80, 2, 0, 0x80, 2, 1]);
    check("f_message: {}", &[0x8a, 1, 0]);
}

/// Constant or not, in whatever order: the same values give the same bytes.
#[test]
fn equal_values_give_equal_bytes() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |one: &str, other: &str| assert_eq!(typed.bytes(one), typed.bytes(other), "{one} / {other}");
    check("{f_string: as, f_int64: ai}", "{f_int64: -42, f_string: '\"text\"'}");
    check("m_value: {a: as, b: ab}", "m_value: {b: true, a: '\"text\"'}");
    check("m_string: amap", "m_string: {b: '\"2\"', a: '\"1\"'}");
    check("m_message: {1: {text: as}, 2: {}}", "m_message: {2: {}, 1: {text: '\"text\"'}}");
    check("r_int64: [1, ai]", "r_int64: [1, -42]");
    check("timestamp: at", "timestamp: '2020-01-01T00:00:00.005Z'");
    check("duration: adur", "duration: 1.5s");
    check("f_message: {values: {a: as}}", "f_message: {values: {a: '\"text\"'}}");
}

#[test]
fn long_values_get_long_lengths() {
    let template = every_type();
    let typed = Setting::typed(&template);
    for len in
        [1, 100, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16_000, 16_383, 16_384, 70_000]
    {
        let text = "x".repeat(len);
        let mut builder = vocabulary();
        let params = yaml(
            "{f_string: as, m_value: {k: as}, f_message: {text: as, inner: {text: as}}, m_message: {1: {text: as}}, r_string: [as]}",
        );
        let encoder = typed.compile(&params, &mut builder).unwrap();
        let mut bag = bag(builder);
        let slot = bag.vocabulary().slot("as").unwrap();
        bag.set_text(slot, &text);
        let mut out = Vec::new();
        encoder.encode(&bag, &mut Referenced::new(), &mut out).unwrap();
        let message = DynamicMessage::decode(template.instance_message().clone(), &out[..]).unwrap();
        let value = serde_json::to_value(&message).unwrap();
        let want = json!({
            "name": "i.instance.ns", "fString": text, "mValue": {"k": {"stringValue": text}},
            "fMessage": {"text": text, "inner": {"text": text}}, "mMessage": {"1": {"text": text}}, "rString": [text],
        });
        assert!(value == want, "{len}");
        // Canonical: prost writes the same bytes for the fields without maps.
        assert_eq!(prost_reflect::prost::Message::encoded_len(&message), out.len(), "{len}");
    }
}

#[test]
fn failures_name_instance_field_and_cause() {
    let template = every_type();
    let typed = Setting::typed(&template);
    let check = |params: &str, want: &str| {
        let error = typed.run(params).expect_err(params);
        assert!(error.starts_with(want), "{params}: {error}, expected {want}");
    };
    check(
        "{f_int64: ai, f_string: xas}",
        "evaluation failed at [i.instance.ns]'f_string': 'lookup failed: 'xas''",
    );
    check(
        "m_value: {a: as, b: xai}",
        "evaluation failed at [i.instance.ns]'m_value[b]': 'lookup failed: 'xai''",
    );
    check(
        "f_message: {inner: {values: {k: xas}}}",
        "evaluation failed at [i.instance.ns]'f_message.inner.values[k]': 'lookup failed",
    );
    check("r_string: [as, xas]", "evaluation failed at [i.instance.ns]'r_string[1]': 'lookup failed");
    check("m_string: xamap", "evaluation failed at [i.instance.ns]'m_string': 'lookup failed: 'xamap''");
    check(
        "f_int32: big",
        "evaluation failed at [i.instance.ns]'f_int32': '5000000000 does not fit into int32'",
    );
    check("f_uint64: ai", "evaluation failed at [i.instance.ns]'f_uint64': '-42 does not fit into uint64'");
    check(
        "f_enum: as",
        "evaluation failed at [i.instance.ns]'f_enum': 'unknown value: text, enum: every.Color'",
    );
    check(
        "f_enum: ai",
        "evaluation failed at [i.instance.ns]'f_enum': 'unknown value: -42, enum: every.Color'",
    );
    check("value: ip(as)", "evaluation failed at [i.instance.ns]'value': 'could not convert");
}

#[test]
fn absence_is_told_from_other_failures() {
    let template = every_type();
    let absent = |params: &str| {
        let mut builder = vocabulary();
        let encoder = Setting::typed(&template).compile(&yaml(params), &mut builder).unwrap();
        encoder.encode(&bag(builder), &mut Referenced::new(), &mut Vec::new()).unwrap_err().is_absent()
    };
    assert!(absent("f_string: xas"));
    assert!(!absent("f_int32: big"));
    assert!(!absent("value: ip(as)"));
}

#[test]
fn what_was_read_is_recorded() {
    let template = every_type();
    let mut builder = vocabulary();
    let params =
        yaml("{f_string: as | color, value: 'amap[\"a\"]', m_string: {k: xas | \"none\"}, f_int64: 5}");
    let encoder = Setting::typed(&template).compile(&params, &mut builder).unwrap();
    let bag = bag(builder);
    let mut refs = Referenced::new();
    encoder.encode(&bag, &mut refs, &mut Vec::new()).unwrap();
    let read: Vec<String> = refs
        .resolve(&bag)
        .iter()
        .map(|reference| {
            let key = reference.key.map(|key| String::from_utf8_lossy(key).into_owned());
            format!("{} {key:?} {:?}", reference.attribute, reference.presence)
        })
        .collect();
    assert_eq!(read, ["amap Some(\"a\") Exact", "as None Exact", "xas None Absent"]);
}

#[test]
fn types_are_inferred() {
    let template = every_type();
    let check = |params: &str, want: Value| {
        let encoder = Setting::typed(&template).compile(&yaml(params), &mut vocabulary()).unwrap();
        assert_eq!(json(template.type_message().unwrap(), encoder.inferred_type()), want, "{params}");
    };
    check("{}", json!({}));
    check("f_string: as", json!({}));
    check("value: as", json!({"value": "STRING"}));
    check("value: 5", json!({"value": "DOUBLE"}));
    check("value: true", json!({"value": "BOOL"}));
    check("value: '\"10s\"'", json!({"value": "STRING"}));
    check("value: adur", json!({"value": "DURATION"}));
    check(
        "{m_value: {b: ai, a: aip}, value: auri}",
        json!({"value": "URI", "mValue": {"a": "IP_ADDRESS", "b": "INT64"}}),
    );
    check(
        "f_message: {value: at, inner: {value: adns}, values: {x: aemail}, text: as}",
        json!({"fMessage": {"value": "TIMESTAMP", "inner": {"value": "DNS_NAME"}, "values": {"x": "EMAIL_ADDRESS"}}}),
    );
    check("r_value: [ai, as]", json!({"rValue": ["INT64", "STRING"]}));
    let metric = shipped("metric");
    let params = yaml("{value: '1', dimensions: {code: ai, app: as}, monitored_resource_type: '\"X\"'}");
    let encoder = Setting::expressions(&metric).compile(&params, &mut vocabulary()).unwrap();
    assert_eq!(
        encoder.inferred_type().as_ref(),
        [&[8, 2, 18, 7, 10, 3][..], b"app", &[16, 1, 18, 8, 10, 4], b"code", &[16, 2]].concat()
    );
}
