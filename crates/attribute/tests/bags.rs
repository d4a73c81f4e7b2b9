//! Bags and the record of what was read: slots, map keys, generated attributes, the caller's cache key.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use mixer_attribute::{
    Bag, Cell, Presence, Referenced, Slot, SlotSet, Span, Value, ValueType, Vocabulary, VocabularyBuilder,
};
use proptest::prelude::*;

struct Slots {
    vocabulary: Arc<Vocabulary>,
    path: Slot,
    size: Slot,
    headers: Slot,
    agent: Slot,
    labels: Slot,
    output: Slot,
}

fn slots() -> Slots {
    let mut builder = VocabularyBuilder::new();
    let path = builder.attribute("request.path", ValueType::String).unwrap();
    let size = builder.attribute("request.size", ValueType::Int64).unwrap();
    let headers = builder.attribute("request.headers", ValueType::StringMap).unwrap();
    let labels = builder.attribute("source.labels", ValueType::StringMap).unwrap();
    let agent = builder.map_key(headers, "user-agent");
    let output = builder.output("output.name", ValueType::String);
    Slots { vocabulary: builder.finish(), path, size, headers, agent, labels, output }
}

fn text(value: Option<Value<'_>>) -> Option<String> {
    match value? {
        Value::Text(text) => Some(String::from_utf8(text.into_owned()).unwrap()),
        other => panic!("not text: {other:?}"),
    }
}

/// The record as `name[key] PRESENCE` lines.
fn lines(referenced: &Referenced, bag: &Bag) -> Vec<String> {
    let show = |reference: mixer_attribute::Reference<'_>| {
        let key = reference.key.map(|key| format!("[{}]", String::from_utf8_lossy(key))).unwrap_or_default();
        let presence = match reference.presence {
            Presence::Exact => "EXACT",
            Presence::Absent => "ABSENCE",
        };
        format!("{}{key} {presence}", reference.attribute)
    };
    referenced.resolve(bag).into_iter().map(show).collect()
}

#[test]
fn text_lies_in_the_message_until_it_is_copied() {
    let s = slots();
    let mut bag = Bag::over(s.vocabulary.clone(), Bytes::from_static(b"..abc.."));
    let span = bag.message_span(2..5).unwrap();
    bag.set(s.path, Cell::Text(span));
    assert_eq!(text(bag.get(s.path)).as_deref(), Some("abc"));
    bag.set_text(s.path, "own");
    assert_eq!(text(bag.get(s.path)).as_deref(), Some("own"));
    assert!(bag.message_span(5..8).is_err());
    #[expect(clippy::reversed_empty_ranges, reason = "a reversed range must be refused")]
    let reversed = bag.message_span(3..2);
    assert!(reversed.is_err());
}

#[test]
fn keys_that_configuration_reads_follow_their_map() {
    let s = slots();
    let mut bag = Bag::new(s.vocabulary.clone());
    bag.set_text_map(s.headers, [("user-agent", "old"), ("x", "1"), ("user-agent", "new")]);
    assert_eq!(text(bag.get(s.agent)).as_deref(), Some("new"));
    let Some(Value::StringMap(map)) = bag.get(s.headers) else { panic!("no map") };
    assert_eq!(map.get(b"user-agent"), Some(&b"new"[..]));
    assert_eq!(map.get(b"y"), None);
    // What adapters get is what rules see.
    assert_eq!(map.sorted(), [(&b"user-agent"[..], &b"new"[..]), (b"x", b"1")]);
    // A map that is replaced takes its keys with it.
    bag.set_text_map(s.headers, [("x", "2")]);
    assert_eq!(text(bag.get(s.agent)), None);
    // A map that is taken away does so too.
    bag.set_text_map(s.headers, [("user-agent", "again")]);
    bag.unset(s.headers);
    assert!(bag.get(s.headers).is_none() && bag.get(s.agent).is_none());
    bag.clear();
    assert!(bag.get(s.headers).is_none());
}

#[test]
fn generated_attributes_never_override_and_last_for_one_bag() {
    let s = slots();
    let mut bag = Bag::new(s.vocabulary.clone());
    bag.set_text(s.path, "sent");
    assert!(!bag.derive(s.path, &Value::text("generated")));
    assert!(bag.derive(s.size, &Value::Int64(3)));
    assert!(bag.derive(
        s.headers,
        &Value::StringMap(mixer_attribute::MapView::owned(vec![(b"user-agent".to_vec(), b"gen".to_vec())]))
    ));
    assert_eq!(text(bag.get(s.agent)).as_deref(), Some("gen"));
    assert!(bag.is_derived(s.size) && bag.is_derived(s.agent) && !bag.is_derived(s.path));
    bag.clear_derived();
    assert!(bag.get(s.size).is_none() && bag.get(s.agent).is_none() && bag.get(s.headers).is_none());
    assert_eq!(text(bag.get(s.path)).as_deref(), Some("sent"));
}

/// The bags of a delta-encoded report are one bag: what adapters add for each must not pile up.
#[test]
fn generated_values_take_no_room_once_they_are_gone() {
    let s = slots();
    let map = Value::StringMap(mixer_attribute::MapView::owned(vec![(b"k".to_vec(), b"v".to_vec())]));
    let mut bag = Bag::new(s.vocabulary.clone());
    bag.set_text(s.path, "sent");
    bag.clear_derived();
    let before = format!("{bag:?}");
    bag.set_value(s.output, &Value::text("of an adapter"));
    assert!(bag.has_derived());
    assert!(bag.derive(s.headers, &map) && bag.derive(s.size, &Value::Int64(3)));
    bag.clear_derived();
    assert_eq!(format!("{bag:?}"), before);
    assert_eq!(text(bag.get(s.path)).as_deref(), Some("sent"));
    // What is set afterwards stays.
    bag.set_text(s.path, "next");
    bag.clear_derived();
    assert_eq!(text(bag.get(s.path)).as_deref(), Some("next"));
}

#[test]
fn the_record_says_what_the_caller_must_compare() {
    let s = slots();
    let mut bag = Bag::new(s.vocabulary.clone());
    let mut referenced = Referenced::new();
    for slot in [s.path, s.size, s.agent, s.output] {
        referenced.read(slot);
    }
    referenced.read_key(s.labels, b"app");
    // Nothing is there: a map is looked for by its name alone.
    assert_eq!(
        lines(&referenced, &bag),
        ["request.headers ABSENCE", "request.path ABSENCE", "request.size ABSENCE", "source.labels ABSENCE"]
    );
    bag.set_text(s.path, "/");
    bag.set_text_map(s.headers, [("x", "1")]);
    bag.set_text_map(s.labels, [("app", "a")]);
    assert_eq!(
        lines(&referenced, &bag),
        [
            "request.headers[user-agent] ABSENCE",
            "request.path EXACT",
            "request.size ABSENCE",
            "source.labels[app] EXACT"
        ]
    );
    // The use of a map as a whole is a look at all of it.
    referenced.read_whole_map(s.labels);
    assert!(lines(&referenced, &bag).contains(&"source.labels EXACT".to_owned()));
    // What an adapter generated is not the caller's.
    assert!(bag.derive(s.size, &Value::Int64(1)));
    assert!(!lines(&referenced, &bag).iter().any(|line| line.starts_with("request.size")));
}

#[test]
fn records_merge_and_clear() {
    let s = slots();
    let bag = Bag::new(s.vocabulary.clone());
    let mut one = Referenced::new();
    one.read(s.path);
    let mut two = Referenced::new();
    two.read(s.size);
    two.read_key(s.labels, b"k");
    two.read_key(s.labels, b"k");
    one.merge(&two);
    assert_eq!(lines(&one, &bag), ["request.path ABSENCE", "request.size ABSENCE", "source.labels ABSENCE"]);
    one.clear();
    assert!(lines(&one, &bag).is_empty());
}

#[test]
fn an_attribute_has_one_type() {
    let mut builder = VocabularyBuilder::new();
    let slot = builder.attribute("a", ValueType::String).unwrap();
    assert_eq!(builder.attribute("a", ValueType::String), Ok(slot));
    let conflict = builder.attribute("a", ValueType::Int64).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "attribute a is declared as STRING and as INT64; the first declaration is used"
    );
    assert_eq!(builder.vocabulary().value_type(slot), ValueType::String);
}

proptest! {
    #[test]
    fn a_slot_set_is_a_set(indices in proptest::collection::vec(0usize..300, 0..60), removed in 0usize..300) {
        let mut builder = VocabularyBuilder::new();
        let slots: Vec<Slot> = (0..300).map(|i| builder.output(&i.to_string(), ValueType::String)).collect();
        let mut set = SlotSet::default();
        let mut expected = std::collections::BTreeSet::new();
        for index in &indices {
            prop_assert_eq!(set.insert(slots[*index]), expected.insert(slots[*index]));
        }
        set.remove(slots[removed]);
        expected.remove(&slots[removed]);
        prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set.is_empty(), expected.is_empty());
        prop_assert_eq!(set.contains(slots[removed]), false);
    }

    #[test]
    fn interned_text_comes_back(texts in proptest::collection::vec(".{0,20}", 0..20)) {
        let mut bag = Bag::new(slots().vocabulary);
        let spans: Vec<Span> = texts.iter().map(|text| bag.intern(text.as_bytes()).unwrap()).collect();
        for (text, span) in texts.iter().zip(spans) {
            prop_assert_eq!(bag.bytes(span), text.as_bytes());
            prop_assert_eq!(span.len(), text.len());
        }
    }
}
