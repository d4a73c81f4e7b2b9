//! Referenced attributes: conditions, keys, and the words that the caller knows.

use mixer_attribute::{Bag, MapView, Referenced, Value};
use mixer_proto::mixer::v1::ReferencedAttributes;
use mixer_proto::mixer::v1::referenced_attributes::{AttributeMatch, Condition};
use mixer_wire::{Codec, Compat, Match, resolve_matches};

use crate::plain::codec;

fn bag(codec: &Codec) -> Bag {
    let slot = |name| codec.vocabulary().slot(name).unwrap();
    let mut bag = Bag::new(codec.vocabulary().clone());
    bag.set_text(slot("own.text"), "text");
    bag.set_text(slot("source.ip"), "text");
    let map = MapView::owned(vec![(":path".into(), "/".into()), ("source.ip".into(), "1".into())]);
    bag.set_value(slot("request.headers"), &Value::StringMap(map));
    bag
}

fn looked_at(codec: &Codec) -> Referenced {
    let slot = |name| codec.vocabulary().slot(name).unwrap();
    let key = |map, key| codec.vocabulary().key_slot(slot(map), key).unwrap();
    let mut referenced = Referenced::new();
    referenced.read(slot("own.text"));
    referenced.read(slot("source.ip"));
    referenced.read(slot("response.code"));
    referenced.read(key("request.headers", ":path"));
    referenced.read(key("request.headers", "x-own"));
    referenced.read(key("own.map", ""));
    referenced.read_key(slot("request.headers"), b"source.ip");
    referenced.read_key(slot("request.headers"), b"");
    referenced.read_whole_map(slot("request.headers"));
    referenced.read_whole_map(slot("source.labels"));
    referenced
}

fn shown(referenced: &ReferencedAttributes) -> Vec<String> {
    let mut matches = resolve_matches(referenced);
    matches.sort();
    let show = |m: Match<'_>| match m.key {
        Some(key) => format!("{}[{key}] {}", m.attribute, m.condition.as_str_name()),
        None => format!("{} {}", m.attribute, m.condition.as_str_name()),
    };
    matches.into_iter().map(show).collect()
}

const EXPECTED: [&str; 10] = [
    "own.map ABSENCE",
    "own.text EXACT",
    "request.headers EXACT",
    "request.headers[] ABSENCE",
    "request.headers[:path] EXACT",
    "request.headers[source.ip] EXACT",
    "request.headers[x-own] ABSENCE",
    "response.code ABSENCE",
    "source.ip EXACT",
    "source.labels ABSENCE",
];

#[test]
fn the_same_is_said_with_any_number_of_global_words() {
    let codec = codec(Compat::Fixed);
    let (bag, referenced) = (bag(&codec), looked_at(&codec));
    for count in [0, 1, 16, 100, 222] {
        let reply = codec.referenced(&referenced, &bag, count);
        assert_eq!(shown(&reply), EXPECTED, "{count} global words");
        let known = i32::try_from(count).unwrap();
        let fine =
            reply.attribute_matches.iter().all(|m| m.name < known && (m.map_key == 0 || m.map_key < known));
        assert!(fine, "{reply:?}");
    }
}

/// 0 means "no key", so the global word 0 is spelled out as a key, and only there.
#[test]
fn global_word_0_as_a_key_is_spelled_out() {
    let codec = codec(Compat::Fixed);
    let slot = |name| codec.vocabulary().slot(name).unwrap();
    let mut referenced = Referenced::new();
    referenced.read_key(slot("request.headers"), b"source.ip");
    referenced.read(slot("source.ip"));
    let reply = codec.referenced(&referenced, &bag(&codec), 222);
    let exact = Condition::Exact.into();
    let expected = ReferencedAttributes {
        words: vec!["source.ip".to_owned()],
        attribute_matches: vec![
            AttributeMatch { name: 15, condition: exact, regex: String::new(), map_key: -1 },
            AttributeMatch { name: 0, condition: exact, regex: String::new(), map_key: 0 },
        ],
    };
    assert_eq!(reply, expected);
}

#[test]
fn the_original_does_not_report_the_use_of_a_whole_map() {
    let codec = codec(Compat::Istio13);
    let reply = codec.referenced(&looked_at(&codec), &bag(&codec), 0);
    let expected: Vec<_> = EXPECTED.into_iter().filter(|line| *line != "request.headers EXACT").collect();
    assert_eq!(shown(&reply), expected);
}

#[test]
fn a_reader_survives_any_index() {
    let at = |name, map_key| AttributeMatch { name, condition: 9, regex: String::new(), map_key };
    let reply = ReferencedAttributes {
        words: vec!["own".to_owned()],
        attribute_matches: vec![at(-1, 222), at(i32::MIN, -2), at(i32::MAX, 0)],
    };
    assert_eq!(
        shown(&reply),
        [
            "own[word(222)] CONDITION_UNSPECIFIED",
            "word(-2147483648)[word(-2)] CONDITION_UNSPECIFIED",
            "word(2147483647) CONDITION_UNSPECIFIED",
        ]
    );
}
