//! Arbitrary attributes and encoded messages.

use bytes::Bytes;
use mixer_attribute::{Duration, MapView, Timestamp, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::plain::{
    BoolEntry, BytesEntry, DoubleEntry, IndexEntry, Int64Entry, KNOWN, Map, MapEntry, Plain, RawAttributes,
    Time, TimeEntry,
};

/// A name that the vocabulary may or may not have.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(KNOWN.to_vec()).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["target.ip", "unknown.a", "unknown.b"]).prop_map(str::to_owned),
    ]
}

/// A text that may be a global word.
fn text() -> impl Strategy<Value = String> {
    let words = vec!["GET", "http", ":path", "x-own", "source.ip", "'200'", "200", ""];
    prop_oneof![proptest::sample::select(words).prop_map(str::to_owned), ".{0,8}"]
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let bytes = |text: String| text.into_bytes();
    prop_oneof![
        text().prop_map(move |text| Value::Text(bytes(text).into())),
        any::<i64>().prop_map(Value::Int64),
        any::<f64>().prop_map(Value::Double),
        any::<bool>().prop_map(Value::Bool),
        (-62_135_596_800i64..=253_402_300_799, 0..1_000_000_000)
            .prop_map(|(seconds, nanos)| Value::Timestamp(Timestamp::from_proto(seconds, nanos).unwrap())),
        any::<i64>().prop_map(|nanos| Value::Duration(Duration::from_nanos(nanos))),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())),
        btree_map(text().prop_map(bytes), text().prop_map(bytes), 0..5)
            .prop_map(|map| Value::StringMap(MapView::owned(map.into_iter().collect()))),
    ]
}

/// The attributes of one request, as a client has them.
pub(crate) fn attributes() -> impl Strategy<Value = Plain> {
    btree_map(name(), value(), 0..10)
}

fn index() -> impl Strategy<Value = i32> {
    prop_oneof![12 => -6..12i32, 1 => any::<i32>(), 1 => 218..226i32]
}

fn time() -> impl Strategy<Value = Option<Time>> {
    let seconds = prop_oneof![any::<i64>(), -10..10i64, Just(253_402_300_799), Just(9_223_372_036)];
    let nanos = prop_oneof![any::<i32>(), -2..2i32, Just(999_999_999), Just(854_775_807)];
    proptest::option::of((seconds, nanos).prop_map(|(seconds, nanos)| Time { seconds, nanos }))
}

/// Words among which some are names, some equal global words and some are not UTF-8.
pub(crate) fn words(most: usize) -> impl Strategy<Value = Vec<Bytes>> {
    let broken: &[&[u8]] = &[b"own.\xff", b"\xc3", b"a\xf0\x9f\x98b"];
    let word = prop_oneof![
        3 => name().prop_map(Bytes::from),
        2 => text().prop_map(Bytes::from),
        1 => proptest::sample::select(broken.to_vec()).prop_map(Bytes::from_static),
    ];
    vec(word, 0..most)
}

/// `CompressedAttributes` whose indices may be wrong and whose names may repeat.
pub(crate) fn raw_attributes() -> impl Strategy<Value = RawAttributes> {
    let pair = || (index(), index()).prop_map(|(key, value)| IndexEntry { key, value });
    let map = vec(pair(), 0..4).prop_map(|entries| Map { entries });
    let time_entry = || (index(), time()).prop_map(|(key, value)| TimeEntry { key, value });
    let bytes = vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    (
        words(6),
        vec(pair(), 0..3),
        vec((index(), any::<i64>()).prop_map(|(key, value)| Int64Entry { key, value }), 0..2),
        vec((index(), any::<f64>()).prop_map(|(key, value)| DoubleEntry { key, value }), 0..2),
        vec((index(), any::<bool>()).prop_map(|(key, value)| BoolEntry { key, value }), 0..2),
        vec(time_entry(), 0..2),
        vec(time_entry(), 0..2),
        vec((index(), bytes).prop_map(|(key, value)| BytesEntry { key, value }), 0..2),
        vec((index(), proptest::option::of(map)).prop_map(|(key, value)| MapEntry { key, value }), 0..2),
    )
        .prop_map(
            |(words, strings, int64s, doubles, bools, timestamps, durations, bytes, string_maps)| {
                RawAttributes {
                    words,
                    strings,
                    int64s,
                    doubles,
                    bools,
                    timestamps,
                    durations,
                    bytes,
                    string_maps,
                }
            },
        )
}

/// One change to an encoded message.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        at().prop_map(Damage::Cut),
        (at(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        at().prop_map(Damage::Remove),
        (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

pub(crate) fn damaged(mut message: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for change in damage.iter().cloned() {
        if message.is_empty() {
            break;
        }
        match change {
            Damage::Set(at, byte) => *at.get_mut(&mut message) = byte,
            Damage::Cut(at) => message.truncate(at.index(message.len())),
            Damage::Insert(at, bytes) => {
                let at = at.index(message.len());
                message.splice(at..at, bytes);
            }
            Damage::Remove(at) => drop(message.remove(at.index(message.len()))),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(message.len()), to.index(message.len()));
                let piece = message[from.min(to)..from.max(to)].to_vec();
                message.splice(from..from, piece);
            }
        }
    }
    message
}
