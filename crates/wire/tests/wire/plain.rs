//! A plain decoder, made with prost and owned values, that the fast one must agree with; and bags as plain
//! maps, to compare them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mixer_attribute::{Bag, MapView, Value, ValueType, Vocabulary, VocabularyBuilder};
use mixer_proto::GLOBAL_WORDS;
use mixer_wire::{Codec, Compat};

/// The attributes of a bag by name.
pub(crate) type Plain = BTreeMap<String, Value<'static>>;

/// Attributes that the vocabulary of these tests has; some are global words.
pub(crate) const KNOWN: [&str; 12] = [
    "source.ip",
    "source.labels",
    "request.headers",
    "request.path",
    "request.size",
    "response.code",
    "destination.service",
    "own.text",
    "own.number",
    "own.map",
    "own.\u{fffd}",
    "",
];

/// Map keys with slots of their own.
pub(crate) const KEYS: [(&str, &str); 3] =
    [("request.headers", ":path"), ("request.headers", "x-own"), ("own.map", "")];

pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    let mut builder = VocabularyBuilder::new();
    for name in KNOWN {
        builder.attribute(name, ValueType::String).unwrap();
    }
    for (map, key) in KEYS {
        let slot = builder.vocabulary().slot(map).unwrap();
        builder.map_key(slot, key);
    }
    builder.finish()
}

pub(crate) fn codec(compat: Compat) -> Codec {
    Codec::new(vocabulary(), compat)
}

/// What a bag holds, after a look at whether the slots of map keys agree with their maps.
pub(crate) fn plain(bag: &Bag) -> Plain {
    let vocabulary = bag.vocabulary();
    for (map, key) in KEYS {
        let map = vocabulary.slot(map).unwrap();
        let of_map = match bag.get(map) {
            Some(Value::StringMap(view)) => view.get_cow(key.as_bytes()).map(|text| text.to_vec()),
            _ => None,
        };
        let of_slot = bag.text(vocabulary.key_slot(map, key).unwrap()).map(<[u8]>::to_vec);
        assert_eq!(of_slot, of_map, "slot of {key:?}");
    }
    let values = vocabulary.attributes().into_iter();
    let values = values.filter_map(|(name, (slot, _))| Some((name.to_owned(), bag.get(slot)?.into_owned())));
    values.map(|(name, value)| (name, normal(value))).collect()
}

/// Of a map key given twice the last value counts; equality of maps looks at every entry.
pub(crate) fn normal(value: Value<'static>) -> Value<'static> {
    match value {
        Value::StringMap(map) => {
            let entries: BTreeMap<_, _> = map.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            Value::StringMap(MapView::owned(entries.into_iter().collect()))
        }
        other => other,
    }
}

/// `CompressedAttributes` as written: words as bytes, maps as the lists of entries that they are on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RawAttributes {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(crate) words: Vec<Bytes>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) strings: Vec<IndexEntry>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) int64s: Vec<Int64Entry>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) doubles: Vec<DoubleEntry>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) bools: Vec<BoolEntry>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) timestamps: Vec<TimeEntry>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) durations: Vec<TimeEntry>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) bytes: Vec<BytesEntry>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) string_maps: Vec<MapEntry>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct IndexEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(sint32, tag = "2")]
    pub(crate) value: i32,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Int64Entry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(int64, tag = "2")]
    pub(crate) value: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct DoubleEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct BoolEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(bool, tag = "2")]
    pub(crate) value: bool,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct TimeEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Time {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BytesEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MapEntry {
    #[prost(sint32, tag = "1")]
    pub(crate) key: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<Map>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Map {
    #[prost(message, repeated, tag = "1")]
    pub(crate) entries: Vec<IndexEntry>,
}

/// `CheckRequest`, the part that this looks at.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RawCheck {
    #[prost(message, optional, tag = "1")]
    pub(crate) attributes: Option<RawAttributes>,
    #[prost(uint32, tag = "2")]
    pub(crate) global_word_count: u32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) deduplication_id: Bytes,
    #[prost(message, repeated, tag = "4")]
    pub(crate) quotas: Vec<QuotaEntry>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct QuotaEntry {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: Bytes,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<mixer_proto::mixer::v1::check_request::QuotaParams>,
}

/// `ReportRequest` with its elements still encoded, so that one bad element spoils no other.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RawReport {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(crate) attributes: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(crate) default_words: Vec<Bytes>,
    #[prost(uint32, tag = "3")]
    pub(crate) global_word_count: u32,
    #[prost(int32, tag = "4")]
    pub(crate) semantics: i32,
}

/// The plain decoder: everything owned, every name a string. `None` is a malformed bag.
pub(crate) fn decode(from: &RawAttributes, default_words: &[Bytes]) -> Option<Plain> {
    let words = if from.words.is_empty() { default_words } else { &from.words };
    let word = |index: i32| match usize::try_from(index) {
        Ok(global) => GLOBAL_WORDS.get(global).map(|word| (*word).to_owned()),
        Err(_) => {
            let word = words.get(usize::try_from(!index).unwrap())?;
            Some(String::from_utf8_lossy(word).into_owned())
        }
    };
    let text = |index| Some(Value::Text(word(index)?.into_bytes().into()));
    let mut all: Vec<(i32, Option<Value<'static>>)> = Vec::new();
    all.extend(from.strings.iter().map(|e| (e.key, text(e.value))));
    all.extend(from.int64s.iter().map(|e| (e.key, Some(Value::Int64(e.value)))));
    all.extend(from.doubles.iter().map(|e| (e.key, Some(Value::Double(e.value)))));
    all.extend(from.bools.iter().map(|e| (e.key, Some(Value::Bool(e.value)))));
    all.extend(from.timestamps.iter().map(|e| (e.key, timestamp(e.value.unwrap_or_default()))));
    all.extend(from.durations.iter().map(|e| (e.key, duration(e.value.unwrap_or_default()))));
    all.extend(from.bytes.iter().map(|e| (e.key, Some(Value::Bytes(e.value.to_vec().into())))));
    for entry in &from.string_maps {
        let map: Option<BTreeMap<_, _>> = entry
            .value
            .iter()
            .flat_map(|map| &map.entries)
            .map(|e| Some((word(e.key)?.into_bytes(), word(e.value)?.into_bytes())))
            .collect();
        all.push((entry.key, map.map(|map| Value::StringMap(MapView::owned(map.into_iter().collect())))));
    }
    let mut found = Plain::new();
    for (name, value) in all {
        if found.insert(word(name)?, value?).is_some() {
            return None;
        }
    }
    found.retain(|name, _| KNOWN.contains(&name.as_str()));
    Some(found)
}

fn timestamp(time: Time) -> Option<Value<'static>> {
    let year_1_to_9999 = -62_135_596_800..253_402_300_800;
    if !year_1_to_9999.contains(&time.seconds) || !(0..=999_999_999).contains(&time.nanos) {
        return None;
    }
    mixer_attribute::Timestamp::from_proto(time.seconds, time.nanos).map(Value::Timestamp)
}

fn duration(time: Time) -> Option<Value<'static>> {
    let opposite = i128::from(time.seconds) * i128::from(time.nanos) < 0;
    if opposite || !(-999_999_999..=999_999_999).contains(&time.nanos) {
        return None;
    }
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    Some(Value::Duration(mixer_attribute::Duration::from_nanos(i64::try_from(nanos).ok()?)))
}
