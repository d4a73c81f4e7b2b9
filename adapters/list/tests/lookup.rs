//! What is on a list of each type, and what the answers say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../src/generated.rs"]
mod generated;

use std::time::Duration;

use bytes::Bytes;
use generated::Params;
use generated::params::ListEntryType::{self, *};
use mixer_adapter_sdk::{Call, CheckResult, ErrorKind, FieldProblem, HandlerSpec, Status, code};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::listentry::InstanceMsg;
use policy::value::Value;
use prost::Message;

fn spec(params: &Params) -> HandlerSpec {
    let params = params.encode_to_vec().into();
    HandlerSpec { name: "list".into(), params, instances: Vec::new() }
}

fn list(entry_type: ListEntryType, overrides: &[&str]) -> Params {
    Params {
        entry_type: entry_type.into(),
        overrides: overrides.iter().map(|entry| (*entry).to_owned()).collect(),
        ..Default::default()
    }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn ip(bytes: &'static [u8]) -> Value {
    Value::IpAddressValue(policy::IpAddress { value: Bytes::from_static(bytes) })
}

async fn look_up(params: &Params, value: Option<Value>) -> CheckResult {
    let adapter = mixer_list_adapter::adapter();
    assert_eq!(adapter.validate(&spec(params)), []);
    let handler = adapter.build(spec(params)).await.unwrap();
    let value = value.map(|value| policy::Value { value: Some(value) });
    let bytes = InstanceMsg { name: "l.instance.ns".into(), value }.encode_to_vec().into();
    let call = Call { template: "listentry", instance: "l.instance.ns", bytes, deadline: None };
    handler.check(call).await.unwrap()
}

/// A value that is on the list passes a whitelist and is refused by a blacklist; any other the other way round.
async fn check(params: &Params, value: Value, shown: &str, listed: bool) {
    for blacklist in [false, true] {
        let params = Params { blacklist, ..params.clone() };
        let expected = match (listed, blacklist) {
            (true, true) => Status::new(code::PERMISSION_DENIED, format!("{shown} is blacklisted")),
            (false, false) => Status::new(code::PERMISSION_DENIED, format!("{shown} is not whitelisted")),
            _ => Status::ok(),
        };
        let result = look_up(&params, Some(value.clone())).await;
        assert_eq!(result.status, expected, "{value:?} in {params:?}");
        assert_eq!((result.valid_duration, result.valid_use_count), (Duration::from_secs(300), 10_000));
    }
}

#[tokio::test]
async fn strings_are_compared_exactly() {
    let params = list(Strings, &["v1", "v2", "10.0.0.1"]);
    check(&params, text("v1"), "v1", true).await;
    check(&params, text("V1"), "V1", false).await;
    check(&params, text("v"), "v", false).await;
    check(&params, text(""), "", false).await;
    check(&params, ip(&[10, 0, 0, 1]), "10.0.0.1", true).await;
    check(&params, Value::UriValue(policy::Uri { value: "v2".into() }), "v2", true).await;
    check(&list(Strings, &[]), text("v1"), "v1", false).await;
}

#[tokio::test]
async fn case_is_disregarded_on_request() {
    let params = list(CaseInsensitiveStrings, &["Abc", "ÄRGER"]);
    check(&params, text("aBC"), "aBC", true).await;
    check(&params, text("ärger"), "ärger", true).await;
    check(&params, text("abcd"), "abcd", false).await;
}

#[tokio::test]
async fn addresses_are_found_in_ranges() {
    let params = list(IpAddresses, &["10.57.0.0/16", "192.0.2.7", "2001:db8::5"]);
    check(&params, ip(&[10, 57, 1, 2]), "10.57.1.2", true).await;
    check(&params, ip(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 57, 1, 2]), "10.57.1.2", true).await;
    check(&params, text("10.58.0.0"), "10.58.0.0", false).await;
    check(&params, text("192.0.2.7"), "192.0.2.7", true).await;
    check(&params, text("192.0.2.8"), "192.0.2.8", false).await;
    check(&params, text("2001:db8::5"), "2001:db8::5", true).await;
    check(&params, text("2001:db8::6"), "2001:db8::6", false).await;
}

#[tokio::test]
async fn expressions_match_anywhere() {
    let params = list(Regex, &["^v[0-9]+$", "beta"]);
    check(&params, text("v12"), "v12", true).await;
    check(&params, text("v12-beta-3"), "v12-beta-3", true).await;
    check(&params, text("w1"), "w1", false).await;
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_an_invalid_argument() {
    let cases = [
        (Strings, Some(Value::Int64Value(5)), "5 is neither text nor an IP address"),
        (Strings, None, "the instance has no value; look at its `value` expression"),
        (IpAddresses, Some(text("host")), "host is not a valid IP address"),
        (IpAddresses, Some(ip(&[1, 2])), "?0102 is not a valid IP address"),
    ];
    for (entry_type, value, message) in cases {
        for blacklist in [false, true] {
            let params = Params { blacklist, ..list(entry_type, &[]) };
            let result = look_up(&params, value.clone()).await;
            assert_eq!(result.status, Status::new(code::INVALID_ARGUMENT, message));
        }
    }
}

#[tokio::test]
async fn a_malformed_instance_is_an_error() {
    let handler = mixer_list_adapter::adapter().build(spec(&list(Strings, &[]))).await.unwrap();
    let bytes = Bytes::from_static(&[0x0a, 0x7f]);
    let call = Call { template: "listentry", instance: "l.instance.ns", bytes, deadline: None };
    let error = handler.check(call).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert!(error.message.contains("l.instance.ns"), "{error}");
}

#[tokio::test]
async fn how_long_an_answer_is_good_is_configured() {
    let params = Params {
        caching_interval: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
        caching_use_count: Some(0),
        ..list(Strings, &["a"])
    };
    let result = look_up(&params, Some(text("a"))).await;
    assert_eq!(result, CheckResult::default());
}

#[test]
fn every_wrong_field_is_named() {
    let check = |params: Params, expected: &[(&str, &str)]| {
        let problems = mixer_list_adapter::adapter().validate(&spec(&params));
        let expected: Vec<_> =
            expected.iter().map(|(field, message)| FieldProblem::new(*field, *message)).collect();
        assert_eq!(problems, expected);
    };
    check(
        Params {
            provider_url: "http://lists/a".into(),
            caching_interval: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            caching_use_count: Some(-2),
            ..list(IpAddresses, &["10.0.0.1", "10.0.0.1/40", "host"])
        },
        &[
            ("provider_url", "is not available in this version; give the entries as overrides"),
            ("overrides[1]", "\"10.0.0.1/40\" is neither an IP address nor a range such as 10.0.0.0/8"),
            ("overrides[2]", "\"host\" is neither an IP address nor a range such as 10.0.0.0/8"),
            ("caching_interval", "must not be negative"),
            ("caching_use_count", "is -2; must be at least 0"),
        ],
    );
    check(Params { entry_type: 9, ..Default::default() }, &[("entry_type", "9 is not a type of entries")]);
    let problems = mixer_list_adapter::adapter().validate(&spec(&list(Regex, &["a", "(", "b", "["])));
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["overrides[1]", "overrides[3]"]);
    let problems = mixer_list_adapter::adapter().validate(&spec(&list(Regex, &["(a{1000}){1000}"])));
    assert_eq!(problems.len(), 1, "an expression that would take too much memory is refused");
}
