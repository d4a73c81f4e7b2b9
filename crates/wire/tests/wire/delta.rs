//! Reports: deltas onto one bag, independent bags, and what a malformed or generated attribute leaves behind.

use bytes::Bytes;
use mixer_attribute::Value;
use mixer_proto::mixer::v1::report_request::RepeatedAttributesSemantics::{
    DeltaEncoding, IndependentEncoding,
};
use mixer_wire::{Compat, ReportBuilder, parse_report};
use prost::Message as _;

use crate::plain::{IndexEntry, Int64Entry, Map, MapEntry, Plain, RawAttributes, RawReport, codec, plain};

const TEXT: i32 = -1;
const NUMBER: i32 = -2;
const MAP: i32 = -3;
const KEY: i32 = -4;

fn words() -> Vec<Bytes> {
    ["own.text", "own.number", "own.map", ""].map(|word| Bytes::from_static(word.as_bytes())).to_vec()
}

fn int(key: i32, value: i64) -> RawAttributes {
    RawAttributes { int64s: vec![Int64Entry { key, value }], ..RawAttributes::default() }
}

fn map(key: i32, value: i32) -> RawAttributes {
    let map = Map { entries: vec![IndexEntry { key: KEY, value }] };
    RawAttributes { string_maps: vec![MapEntry { key, value: Some(map) }], ..RawAttributes::default() }
}

/// The bags of a report as `name=value` lists, or their errors' reasons.
fn read(elements: &[RawAttributes], semantics: i32) -> Vec<String> {
    let attributes = elements.iter().map(|element| element.encode_to_vec().into()).collect();
    let request = RawReport { attributes, default_words: words(), global_word_count: 222, semantics };
    let request = parse_report(&request.encode_to_vec().into()).unwrap();
    let codec = codec(Compat::Fixed);
    let mut bags = codec.report_bags(&request);
    let mut found = Vec::new();
    while let Some(bag) = bags.next_bag() {
        found.push(bag.map_or_else(|error| error.reason().to_owned(), |bag| show(&plain(bag))));
    }
    found
}

fn show(bag: &Plain) -> String {
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    let attributes = bag.iter().map(|(name, value)| match value {
        Value::Text(t) => format!("{name}={}", text(t)),
        Value::Int64(v) => format!("{name}={v}"),
        Value::StringMap(map) => {
            let entries: Vec<_> = map.iter().map(|(k, v)| format!("[{}]={}", text(k), text(v))).collect();
            format!("{name}{}", entries.concat())
        }
        other => format!("{name}={other:?}"),
    });
    attributes.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(elements: &[RawAttributes], semantics: i32, expected: &[&str]) {
    assert_eq!(read(elements, semantics), expected);
}

#[test]
fn a_delta_changes_what_it_names() {
    check(
        &[int(TEXT, 1), int(NUMBER, 2), RawAttributes::default(), int(TEXT, 3)],
        0,
        &["own.text=1", "own.number=2 own.text=1", "own.number=2 own.text=1", "own.number=2 own.text=3"],
    );
}

#[test]
fn an_independent_bag_stands_for_itself() {
    check(&[int(TEXT, 1), int(NUMBER, 2), RawAttributes::default()], 1, &["own.text=1", "own.number=2", ""]);
}

#[test]
fn a_map_that_becomes_something_else_takes_its_keys_along() {
    check(
        &[map(MAP, TEXT), map(MAP, NUMBER), int(MAP, 1), map(MAP, TEXT)],
        0,
        &["own.map[]=own.text", "own.map[]=own.number", "own.map=1", "own.map[]=own.text"],
    );
}

#[test]
fn a_malformed_bag_does_not_stop_the_others() {
    let mut half = int(NUMBER, 2);
    half.int64s.push(Int64Entry { key: -99, value: 1 });
    check(
        &[int(TEXT, 1), half.clone(), int(TEXT, 3)],
        0,
        &["own.text=1", "undefined_index", "own.number=2 own.text=3"],
    );
    check(&[int(TEXT, 1), half, int(TEXT, 3)], 1, &["own.text=1", "undefined_index", "own.text=3"]);
}

#[test]
fn unknown_semantics_are_named_for_each_bag() {
    check(&[int(TEXT, 1), int(TEXT, 2)], 7, &["unknown_semantics", "unknown_semantics"]);
}

#[test]
fn words_of_its_own_replace_the_default_words() {
    let own = RawAttributes { words: vec![Bytes::from_static(b"own.number")], ..int(TEXT, 5) };
    check(
        &[int(TEXT, 1), own.clone(), int(TEXT, 6), RawAttributes { words: own.words, ..int(NUMBER, 7) }],
        0,
        &["own.text=1", "own.number=5 own.text=1", "own.number=5 own.text=6", "undefined_index"],
    );
}

#[test]
fn generated_attributes_belong_to_one_bag() {
    let elements = [int(TEXT, 1), RawAttributes::default(), int(NUMBER, 2)];
    let attributes = elements.iter().map(|element| element.encode_to_vec().into()).collect();
    let request = RawReport { attributes, default_words: words(), ..RawReport::default() };
    let request = parse_report(&request.encode_to_vec().into()).unwrap();
    let codec = codec(Compat::Fixed);
    let number = codec.vocabulary().slot("own.number").unwrap();
    let text = codec.vocabulary().slot("own.text").unwrap();
    let mut bags = codec.report_bags(&request);
    let mut found = Vec::new();
    while let Some(bag) = bags.next_bag() {
        let bag = bag.unwrap();
        let before = show(&plain(bag));
        bag.derive(number, &Value::Int64(9));
        bag.derive(text, &Value::Int64(9));
        found.push((before, show(&plain(bag))));
    }
    let expected = [
        ("own.text=1", "own.number=9 own.text=1"),
        ("own.text=1", "own.number=9 own.text=1"),
        ("own.number=2 own.text=1", "own.number=2 own.text=1"),
    ];
    assert_eq!(found, expected.map(|(before, after)| (before.to_owned(), after.to_owned())));
}

#[test]
fn a_delta_cannot_take_away() {
    let (one, two) = (Value::Int64(1), Value::Int64(2));
    let mut delta = ReportBuilder::new(DeltaEncoding, 0);
    delta.add([("a", &one), ("b", &one)]).unwrap();
    let error = delta.add([("b", &two)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "attribute a of the bag before is missing in this one; a delta-encoded report cannot say so, start a new report"
    );
    delta.add([("a", &one), ("b", &two)]).unwrap();
    let request = delta.finish();
    assert_eq!(request.default_words, ["a", "b"]);
    assert_eq!(request.attributes.len(), 2);
    assert_eq!(request.attributes[1].int64s, [(-2, 2)].into());

    let mut independent = ReportBuilder::new(IndependentEncoding, 0);
    independent.add([("a", &one)]).unwrap();
    independent.add([("b", &one)]).unwrap();
    assert_eq!((independent.len(), independent.is_empty()), (2, false));
    assert_eq!(independent.finish().attributes[1].int64s, [(-2, 1)].into());
}

/// Repaired once for all bags; words that are fine still lie in the received message.
#[test]
fn broken_default_words_are_repaired_once() {
    let default_words = [&b"own.\xff"[..], b"own.text", b"\xff!"].map(Bytes::from_static).to_vec();
    let text =
        |key, value| RawAttributes { strings: vec![IndexEntry { key, value }], ..RawAttributes::default() };
    let attributes = [text(-1, -2), text(-2, -3), text(-2, -1)].map(|e| e.encode_to_vec().into()).to_vec();
    let request = RawReport { attributes, default_words, global_word_count: 0, semantics: 1 };
    let request = parse_report(&request.encode_to_vec().into()).unwrap();
    let codec = codec(Compat::Fixed);
    let mut bags = codec.report_bags(&request);
    let mut found = Vec::new();
    while let Some(bag) = bags.next_bag() {
        found.push(show(&plain(bag.unwrap())));
    }
    assert_eq!(found, ["own.\u{fffd}=own.text", "own.text=\u{fffd}!", "own.text=own.\u{fffd}"]);
}
