//! Where the answer depends on the compatibility setting: hidden global words, undefined text indices.

use bytes::Bytes;
use mixer_wire::{CheckRequest, Codec, Compat, parse_report};
use prost::Message as _;

use crate::plain::{IndexEntry, Int64Entry, Map, MapEntry, RawAttributes, RawReport, codec, plain};

fn names(codec: &Codec, attributes: &RawAttributes) -> Result<Vec<String>, &'static str> {
    let request = CheckRequest { attributes: attributes.encode_to_vec().into(), ..CheckRequest::default() };
    let bag = codec.check_bag(&request).map_err(|error| error.reason())?;
    Ok(plain(&bag).into_keys().collect())
}

#[track_caller]
fn check(attributes: &RawAttributes, fixed: Result<&[&str], &'static str>, istio13: &[&str]) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&codec(Compat::Fixed), attributes), fixed.map(owned));
    assert_eq!(names(&codec(Compat::Istio13), attributes), Ok(owned(istio13)));
}

fn raw(words: &[&'static str]) -> RawAttributes {
    let words = words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect();
    RawAttributes { words, ..RawAttributes::default() }
}

#[test]
fn a_word_of_the_message_hides_a_global_one() {
    let global = Int64Entry { key: 0, value: 1 };
    let own = Int64Entry { key: -1, value: 2 };
    let only_global = RawAttributes { int64s: vec![global], ..raw(&["source.ip", "own.text"]) };
    check(&only_global, Ok(&["source.ip"]), &[]);
    // Both ways at once is the same attribute twice, except where one of the two is not seen.
    let both = RawAttributes { int64s: vec![global, own], ..raw(&["source.ip"]) };
    check(&both, Err("duplicate_attribute"), &["source.ip"]);
}

#[test]
fn an_undefined_text_index() {
    let text = IndexEntry { key: -1, value: -9 };
    let fine = Int64Entry { key: 0, value: 1 };
    let undefined = RawAttributes { strings: vec![text], int64s: vec![fine], ..raw(&["own.text"]) };
    check(&undefined, Err("undefined_index"), &["source.ip"]);
    let map = Map { entries: vec![IndexEntry { key: -9, value: -1 }] };
    let map = MapEntry { key: -1, value: Some(map) };
    let undefined = RawAttributes { string_maps: vec![map], int64s: vec![fine], ..raw(&["own.map"]) };
    check(&undefined, Err("undefined_index"), &["source.ip"]);
}

#[test]
fn an_undefined_name() {
    let entries = vec![Int64Entry { key: -9, value: 1 }, Int64Entry { key: 0, value: 2 }];
    let undefined = RawAttributes { int64s: entries, ..raw(&["own.text"]) };
    check(&undefined, Err("undefined_index"), &["source.ip"]);
}

#[test]
fn default_words_hide_too_and_updates_are_read_by_index() {
    let default_words = vec![Bytes::from_static(b"source.ip"), Bytes::from_static(b"own.text")];
    let element = RawAttributes { int64s: vec![Int64Entry { key: 0, value: 1 }], ..RawAttributes::default() };
    let undefined =
        RawAttributes { strings: vec![IndexEntry { key: -2, value: -9 }], ..RawAttributes::default() };
    let attributes = [&undefined, &element, &undefined].map(|e| e.encode_to_vec().into()).to_vec();
    for (semantics, expected) in [(0, [Ok(0), Ok(1), Err("undefined_index")]), (1, [Ok(0), Ok(0), Ok(0)])] {
        let request = RawReport {
            attributes: attributes.clone(),
            default_words: default_words.clone(),
            global_word_count: 0,
            semantics,
        };
        let request = parse_report(&request.encode_to_vec().into()).unwrap();
        let codec = codec(Compat::Istio13);
        let mut bags = codec.report_bags(&request);
        let mut found = Vec::new();
        while let Some(bag) = bags.next_bag() {
            found.push(bag.map(|bag| plain(bag).len()).map_err(|error| error.reason()));
        }
        assert_eq!(found, expected);
    }
}
