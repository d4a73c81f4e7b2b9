//! Views show what was encoded, whatever the order of fields and the padding of numbers, and name what is
//! malformed without ever panicking.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use bytes::Bytes;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::{
    AuthorizationView, InstanceView, ListEntryView, LogEntryView, MetricView, NAME_FIELD, QuotaView, ValueMap,
};
use mixer_adapter_sdk::wire::{Fields, Malformed, Payload};
use mixer_adapter_sdk::{Duration, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template;
use policy::value::Value as Kind;
use proptest::prelude::*;
use prost::Message;

type Values = BTreeMap<String, policy::Value>;

fn value(kind: Kind) -> policy::Value {
    policy::Value { value: Some(kind) }
}

fn string(text: &str) -> policy::Value {
    value(Kind::StringValue(text.to_owned()))
}

fn values(entries: &[(&str, policy::Value)]) -> Values {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn shown(map: ValueMap<'_>) -> Vec<(String, Option<String>)> {
    map.iter()
        .map(|entry| entry.unwrap())
        .map(|(key, value)| (key.to_owned(), value.map(|value| value.to_string())))
        .collect()
}

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect()
}

#[test]
fn every_kind_of_value_is_read_and_written_as_text() {
    let check = |kind: Kind, expected: ValueView<'_>, text: &str| {
        let bytes = value(kind).encode_to_vec();
        assert_eq!(ValueView::parse(&bytes), Ok(Some(expected)));
        assert_eq!(expected.text(), text);
        assert_eq!(expected.to_string(), text);
    };
    let google_time = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
    let google_duration = |seconds, nanos| prost_types::Duration { seconds, nanos };
    let ip = |bytes: &'static [u8]| Kind::IpAddressValue(policy::IpAddress { value: Bytes::from(bytes) });
    let time = |time| Kind::TimestampValue(policy::TimeStamp { value: Some(time) });
    let duration = |span| Kind::DurationValue(policy::Duration { value: Some(span) });
    let double = Kind::DoubleValue;

    check(Kind::StringValue("a b".into()), ValueView::String("a b"), "a b");
    check(Kind::StringValue(String::new()), ValueView::String(""), "");
    check(Kind::Int64Value(-7), ValueView::Int64(-7), "-7");
    check(Kind::Int64Value(0), ValueView::Int64(0), "0");
    check(double(1.5), ValueView::Double(1.5), "1.5");
    check(double(1e21), ValueView::Double(1e21), "1000000000000000000000");
    check(double(f64::INFINITY), ValueView::Double(f64::INFINITY), "+Inf");
    check(double(f64::NEG_INFINITY), ValueView::Double(f64::NEG_INFINITY), "-Inf");
    check(Kind::BoolValue(true), ValueView::Bool(true), "true");
    check(Kind::BoolValue(false), ValueView::Bool(false), "false");
    check(ip(&[10, 0, 0, 1]), ValueView::Ip(&[10, 0, 0, 1]), "10.0.0.1");
    let mapped: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1];
    check(ip(mapped), ValueView::Ip(mapped), "10.0.0.1");
    let six: &[u8] = &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    check(ip(six), ValueView::Ip(six), "2001:db8::1");
    check(ip(&[1, 2, 255]), ValueView::Ip(&[1, 2, 255]), "?0102ff");
    check(ip(&[]), ValueView::Ip(&[]), "");
    check(
        time(google_time(1, 500_000_000)),
        ValueView::Timestamp(Timestamp::from_proto(1, 500_000_000).unwrap()),
        "1970-01-01T00:00:01.5Z",
    );
    check(
        time(google_time(-1, 0)),
        ValueView::Timestamp(Timestamp::from_proto(-1, 0).unwrap()),
        "1969-12-31T23:59:59Z",
    );
    check(
        duration(google_duration(90, 0)),
        ValueView::Duration(Duration::from_nanos(90_000_000_000)),
        "1m30s",
    );
    check(
        duration(google_duration(-1, -500_000_000)),
        ValueView::Duration(Duration::from_nanos(-1_500_000_000)),
        "-1.5s",
    );
    check(
        Kind::EmailAddressValue(policy::EmailAddress { value: "a@b".into() }),
        ValueView::Email("a@b"),
        "a@b",
    );
    check(Kind::DnsNameValue(policy::DnsName { value: "a.b".into() }), ValueView::Dns("a.b"), "a.b");
    check(Kind::UriValue(policy::Uri { value: "/x".into() }), ValueView::Uri("/x"), "/x");
}

#[test]
fn a_string_map_is_text_sorted_by_key() {
    let map = policy::StringMap {
        value: [("b", "2"), ("a", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    };
    let bytes = value(Kind::StringMapValue(map)).encode_to_vec();
    let Some(view @ ValueView::StringMap(map)) = ValueView::parse(&bytes).unwrap() else {
        panic!("not a map");
    };
    assert_eq!(view.text(), "a=1&b=2");
    assert_eq!(map.iter().count(), 2);
}

#[test]
fn values_are_numbers_where_that_makes_sense() {
    let check = |value: ValueView<'_>, expected: Option<f64>| assert_eq!(value.as_f64(), expected, "{value}");
    check(ValueView::Double(0.5), Some(0.5));
    check(ValueView::Int64(3), Some(3.0));
    check(ValueView::Duration(Duration::from_nanos(1_500_000_000)), Some(1.5));
    check(ValueView::String("2.5e3"), Some(2500.0));
    check(ValueView::String("many"), None);
    check(ValueView::String(""), None);
    check(ValueView::Bool(true), None);
    check(ValueView::Ip(&[1, 2, 3, 4]), None);
}

#[test]
fn a_metric_shows_its_fields() {
    let message = template::metric::InstanceMsg {
        name: "m.instance.ns".into(),
        value: Some(value(Kind::Int64Value(1))),
        dimensions: values(&[("code", value(Kind::Int64Value(200))), ("app", string("shop"))]),
        monitored_resource_type: "pod".into(),
        monitored_resource_dimensions: values(&[("zone", string("z"))]),
    };
    let bytes = message.encode_to_vec();
    let view = MetricView::parse(&bytes).unwrap();
    assert_eq!(view.value(), Ok(Some(ValueView::Int64(1))));
    assert_eq!(shown(view.dimensions()), pairs(&[("app", "shop"), ("code", "200")]));
    assert_eq!(view.monitored_resource_type(), "pod");
    assert_eq!(shown(view.monitored_resource_dimensions()), pairs(&[("zone", "z")]));
    let raw = view.dimensions().raw().unwrap();
    assert_eq!(Fields::new(raw).count(), 2, "the raw bytes are the entries and nothing else");
    assert_eq!(InstanceView::new(&bytes).name(), Ok("m.instance.ns"));
}

#[test]
fn a_metric_without_anything_is_a_metric() {
    let view = MetricView::parse(&[]).unwrap();
    assert_eq!(view.value(), Ok(None));
    assert_eq!(view.dimensions().raw(), Some(&[][..]));
    assert_eq!(view.dimensions().iter().count(), 0);
}

#[test]
fn other_instances_show_their_fields() {
    let entry = template::logentry::InstanceMsg {
        name: "l".into(),
        variables: values(&[("path", string("/"))]),
        timestamp: Some(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds: 5, nanos: 0 }) }),
        severity: "warn".into(),
        monitored_resource_type: "t".into(),
        monitored_resource_dimensions: values(&[("d", string("e"))]),
    };
    let bytes = entry.encode_to_vec();
    let view = LogEntryView::parse(&bytes).unwrap();
    assert_eq!(shown(view.variables()), pairs(&[("path", "/")]));
    assert_eq!(view.timestamp(), Timestamp::from_proto(5, 0));
    assert_eq!((view.severity(), view.monitored_resource_type()), ("warn", "t"));
    assert_eq!(shown(view.monitored_resource_dimensions()), pairs(&[("d", "e")]));

    let entry = template::listentry::InstanceMsg { name: "l".into(), value: Some(string("x")) };
    let bytes = entry.encode_to_vec();
    assert_eq!(ListEntryView::parse(&bytes).unwrap().value(), Some(ValueView::String("x")));

    let quota =
        template::quota::InstanceMsg { name: "q".into(), dimensions: values(&[("user", string("me"))]) };
    let bytes = quota.encode_to_vec();
    assert_eq!(shown(QuotaView::parse(&bytes).unwrap().dimensions()), pairs(&[("user", "me")]));
}

#[test]
fn an_authorization_shows_subject_and_action() {
    let message = template::authorization::InstanceMsg {
        name: "a".into(),
        subject: Some(template::authorization::SubjectMsg {
            user: "u".into(),
            groups: "g".into(),
            properties: values(&[("p", string("1"))]),
        }),
        action: Some(template::authorization::ActionMsg {
            namespace: "n".into(),
            service: "s".into(),
            method: "GET".into(),
            path: "/".into(),
            properties: values(&[("q", value(Kind::BoolValue(true)))]),
        }),
    };
    let bytes = message.encode_to_vec();
    let view = AuthorizationView::parse(&bytes).unwrap();
    let (subject, action) = (view.subject.unwrap(), view.action.unwrap());
    assert_eq!((subject.user, subject.groups), ("u", "g"));
    assert_eq!(shown(subject.properties), pairs(&[("p", "1")]));
    assert_eq!((action.namespace, action.service, action.method, action.path), ("n", "s", "GET", "/"));
    assert_eq!(shown(action.properties), pairs(&[("q", "true")]));
    let nothing = AuthorizationView::parse(&[]).unwrap();
    assert!(nothing.subject.is_none() && nothing.action.is_none());
}

/// The map entry `key: "v"` of field `number` with its lengths in `width` bytes.
fn padded_entry(number: u8, key: &str, width: usize) -> Vec<u8> {
    let padded = |length: usize| {
        let mut bytes = vec![length as u8 | 0x80];
        bytes.resize(width - 1, 0x80);
        bytes.push(0);
        bytes
    };
    let mut entry = vec![0x0a];
    entry.extend(padded(key.len()));
    entry.extend(key.bytes());
    let value = [0x0a, 0x01, b'v'];
    entry.push(0x12);
    entry.extend(padded(value.len()));
    entry.extend(value);
    let mut field = vec![number << 3 | 2];
    field.extend(padded(entry.len()));
    field.extend(entry);
    field
}

#[test]
fn padded_lengths_and_any_order_are_accepted() {
    for width in 2..=8 {
        let mut bytes = padded_entry(2, "b", width);
        bytes.extend([0x0a, 0x82, 0x00, 0x10, 0x05]); // value: 5, its length padded
        bytes.extend(padded_entry(2, "a", width));
        let view = MetricView::parse(&bytes).unwrap();
        assert_eq!(view.value(), Ok(Some(ValueView::Int64(5))));
        assert_eq!(shown(view.dimensions()), pairs(&[("b", "v"), ("a", "v")]));
        assert_eq!(view.dimensions().raw(), None, "the value stands between the entries");
        let sorted = view.dimensions().sorted().unwrap();
        assert_eq!(sorted, [("a", Some(ValueView::String("v"))), ("b", Some(ValueView::String("v")))]);
    }
}

#[test]
fn of_a_key_sent_twice_the_last_value_counts() {
    let mut bytes = template::quota::InstanceMsg {
        name: String::new(),
        dimensions: values(&[("k", string("first")), ("l", string("x"))]),
    }
    .encode_to_vec();
    let again =
        template::quota::InstanceMsg { name: String::new(), dimensions: values(&[("k", string("last"))]) };
    bytes.extend(again.encode_to_vec());
    let sorted = QuotaView::parse(&bytes).unwrap().dimensions().sorted().unwrap();
    assert_eq!(sorted, [("k", Some(ValueView::String("last"))), ("l", Some(ValueView::String("x")))]);
}

#[test]
fn malformed_bytes_have_a_name() {
    let check = |bytes: &[u8], expected: Malformed| {
        let found = MetricView::parse(bytes).and_then(|view| {
            view.value()?;
            view.dimensions().sorted().map(drop)
        });
        assert_eq!(found, Err(expected), "{bytes:02x?}");
    };
    check(&[0x12, 0x05, 0x0a], Malformed::Truncated);
    check(&[0x80], Malformed::Truncated);
    check(&[0x11, 1, 2, 3], Malformed::Truncated);
    check(&[0xff; 11], Malformed::LongNumber);
    check(&[0x02, 0x00], Malformed::FieldNumber(0));
    check(&[0x13], Malformed::UnknownWireType(2));
    check(&[0x1f], Malformed::UnknownWireType(3));
    check(&[0x08, 0x01], Malformed::WireType(1));
    check(&[0x1a, 0x01, 0xff], Malformed::NotText(3));
    check(&[0x12, 0x03, 0x0a, 0x01, 0xff], Malformed::NotText(1));
    let huge = [0x0a, 0x10, 0x3a, 0x0e, 0x0a, 0x0c];
    let seconds = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x10, 0x00];
    check(&[&huge[..], &seconds[..]].concat(), Malformed::Time(1));
}

#[test]
fn a_name_is_found_behind_unknown_fields() {
    let mut bytes = vec![0xa1, 0x06]; // field 100, eight bytes
    bytes.extend(7u64.to_le_bytes());
    bytes.extend([0xad, 0x06, 1, 0, 0, 0]); // field 101, four bytes
    bytes.extend(template::checknothing::InstanceMsg { name: "n".into() }.encode_to_vec());
    let view = InstanceView::new(&bytes);
    assert_eq!(view.name(), Ok("n"));
    assert_eq!(view.field(100).unwrap().unwrap().payload, Payload::Fixed64(7));
    assert_eq!(view.field(101).unwrap().unwrap().payload, Payload::Fixed32(1));
    assert_eq!(view.field(NAME_FIELD).unwrap().unwrap().text(), Ok("n"));
    assert_eq!(view.field(3), Ok(None));
}

fn any_value() -> impl Strategy<Value = policy::Value> {
    prop_oneof![
        ".{0,12}".prop_map(Kind::StringValue),
        any::<i64>().prop_map(Kind::Int64Value),
        any::<f64>().prop_map(Kind::DoubleValue),
        any::<bool>().prop_map(Kind::BoolValue),
        proptest::collection::vec(any::<u8>(), 0..17)
            .prop_map(|bytes| Kind::IpAddressValue(policy::IpAddress { value: bytes.into() })),
    ]
    .prop_map(value)
}

fn expected_text(value: &policy::Value) -> String {
    match value.value.as_ref().unwrap() {
        Kind::StringValue(text) => text.clone(),
        Kind::Int64Value(number) => number.to_string(),
        Kind::DoubleValue(number) => ValueView::Double(*number).to_string(),
        Kind::BoolValue(flag) => flag.to_string(),
        Kind::IpAddressValue(ip) => ValueView::Ip(&ip.value).to_string(),
        other => panic!("{other:?} is not generated"),
    }
}

proptest! {
    #[test]
    fn every_metric_is_read_back(
        number in any_value(),
        dimensions in proptest::collection::btree_map(".{0,8}", any_value(), 0..8),
    ) {
        let message = template::metric::InstanceMsg {
            name: "m".into(),
            value: Some(number.clone()),
            dimensions: dimensions.clone(),
            ..Default::default()
        };
        let bytes = message.encode_to_vec();
        let view = MetricView::parse(&bytes).unwrap();
        prop_assert_eq!(view.value().unwrap().unwrap().to_string(), expected_text(&number));
        let expected: Vec<_> =
            dimensions.iter().map(|(key, value)| (key.clone(), Some(expected_text(value)))).collect();
        prop_assert_eq!(shown(view.dimensions()), expected);
    }

    #[test]
    fn no_bytes_make_a_view_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(view) = MetricView::parse(&bytes) {
            let _ = (view.value(), view.dimensions().sorted(), view.monitored_resource_dimensions().sorted());
        }
        if let Ok(view) = LogEntryView::parse(&bytes) {
            let _ = view.variables().sorted();
        }
        let _ = (ListEntryView::parse(&bytes), AuthorizationView::parse(&bytes));
        let _ = QuotaView::parse(&bytes).map(|view| view.dimensions().sorted());
        let _ = InstanceView::new(&bytes).name();
        if let Ok(Some(value)) = ValueView::parse(&bytes) {
            let _ = value.to_string();
        }
    }

    #[test]
    fn every_cut_of_a_message_is_read_or_named(
        dimensions in proptest::collection::btree_map("[a-z]{0,8}", any_value(), 0..4),
        cut in 0usize..200,
    ) {
        let message = template::metric::InstanceMsg { name: "m".into(), dimensions, ..Default::default() };
        let mut bytes = message.encode_to_vec();
        bytes.truncate(cut);
        if let Ok(view) = MetricView::parse(&bytes) {
            prop_assert!(view.dimensions().sorted().is_ok(), "entries that are complete are readable");
        }
    }
}
