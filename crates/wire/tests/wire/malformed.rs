//! Each way in which a bag can be malformed, with the words that name it; and odd encodings that are fine.

use bytes::Bytes;
use mixer_attribute::Value;
use mixer_wire::{CheckRequest, Compat};
use prost::Message as _;

use crate::plain::{
    BytesEntry, DoubleEntry, IndexEntry, Int64Entry, Map, MapEntry, Plain, RawAttributes, Time, TimeEntry,
    codec, plain,
};

fn read(attributes: impl AsRef<[u8]>) -> Result<Plain, String> {
    let request =
        CheckRequest { attributes: Bytes::copy_from_slice(attributes.as_ref()), ..CheckRequest::default() };
    codec(Compat::Fixed).check_bag(&request).map(|bag| plain(&bag)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(attributes: impl AsRef<[u8]>, message: &str) {
    assert_eq!(read(attributes).unwrap_err(), message);
}

#[track_caller]
fn refused_raw(attributes: &RawAttributes, message: &str) {
    refused(attributes.encode_to_vec(), message);
}

#[track_caller]
fn fine(attributes: impl AsRef<[u8]>, expected: &[(&str, Value<'static>)]) {
    let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    assert_eq!(read(attributes), Ok(expected));
}

fn raw(words: &[&'static str]) -> RawAttributes {
    let words = words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect();
    RawAttributes { words, ..RawAttributes::default() }
}

fn pair(key: i32, value: i32) -> IndexEntry {
    IndexEntry { key, value }
}

#[test]
fn undefined_indices() {
    refused_raw(
        &RawAttributes { int64s: vec![Int64Entry { key: -2, value: 1 }], ..raw(&["own.text"]) },
        "attribute index -2 is not defined in the available dictionaries (222 global words, 1 words of the message)",
    );
    refused_raw(
        &RawAttributes { doubles: vec![DoubleEntry { key: 222, value: 1.0 }], ..raw(&[]) },
        "attribute index 222 is not defined in the available dictionaries (222 global words, 0 words of the message)",
    );
    refused_raw(
        &RawAttributes { strings: vec![pair(-1, i32::MIN)], ..raw(&["own.text"]) },
        "attribute own.text: string index -2147483648 is not defined in the available dictionaries (222 global words, 1 words of the message)",
    );
    refused_raw(
        &RawAttributes { strings: vec![pair(-1, i32::MAX)], ..raw(&["not.wanted"]) },
        "attribute not.wanted: string index 2147483647 is not defined in the available dictionaries (222 global words, 1 words of the message)",
    );
    for map in ["own.map", "not.wanted"] {
        let with = |entry| RawAttributes {
            string_maps: vec![MapEntry { key: -1, value: Some(entry) }],
            ..raw(&[map])
        };
        refused_raw(
            &with(Map { entries: vec![pair(-1, -1), pair(-9, -1)] }),
            &format!(
                "attribute {map}: map key index -9 is not defined in the available dictionaries (222 global words, 1 words of the message)"
            ),
        );
        refused_raw(
            &with(Map { entries: vec![pair(-1, 999)] }),
            &format!(
                "attribute {map}: map value index 999 is not defined in the available dictionaries (222 global words, 1 words of the message)"
            ),
        );
    }
}

#[test]
fn duplicate_names() {
    let int = |key| Int64Entry { key, value: 1 };
    // Two typed maps.
    refused_raw(
        &RawAttributes {
            strings: vec![pair(-1, -1)],
            bytes: vec![BytesEntry { key: -1, value: Bytes::new() }],
            ..raw(&["own.text"])
        },
        "duplicate attribute own.text (again in CompressedAttributes.bytes)",
    );
    // A global word and the same word of the message; two equal words of the message; one index twice.
    for (words, keys) in [(&["source.ip"][..], [0, -1]), (&["x", "x"][..], [-1, -2]), (&["x"][..], [-1, -1])]
    {
        refused_raw(
            &RawAttributes { int64s: keys.map(int).to_vec(), ..raw(words) },
            &format!("duplicate attribute {} (again in CompressedAttributes.int64s)", words[0]),
        );
    }
}

#[test]
fn times_out_of_range() {
    let at = |seconds, nanos| vec![TimeEntry { key: -1, value: Some(Time { seconds, nanos }) }];
    for (seconds, nanos) in
        [(253_402_300_800, 0), (-62_135_596_801, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, i32::MIN)]
    {
        refused_raw(
            &RawAttributes { timestamps: at(seconds, nanos), ..raw(&["own.text"]) },
            &format!("attribute own.text: the timestamp of {seconds} s and {nanos} ns is out of range"),
        );
    }
    for (seconds, nanos) in
        [(9_223_372_036, 854_775_808), (1, -1), (-1, 1), (0, 1_000_000_000), (i64::MAX, i32::MAX)]
    {
        refused_raw(
            &RawAttributes { durations: at(seconds, nanos), ..raw(&["own.text"]) },
            &format!("attribute own.text: the duration of {seconds} s and {nanos} ns is out of range"),
        );
    }
}

#[test]
fn bytes_that_are_no_message() {
    let cases: [(&[u8], &str); 14] = [
        (&[0x0a], "CompressedAttributes is malformed at byte 1: the message ends within a value"),
        (&[0x0a, 5, 1], "CompressedAttributes is malformed at byte 2: a length of 5 with 1 bytes left"),
        (
            &[0x08, 1],
            "CompressedAttributes is malformed at byte 1: field 1 should be length-delimited and is a varint",
        ),
        (
            &[0x11, 0, 0, 0, 0, 0, 0, 0, 0],
            "CompressedAttributes is malformed at byte 1: field 2 should be length-delimited and is 8 bytes",
        ),
        (&[0x00], "CompressedAttributes is malformed at byte 0: 0 is not a field number"),
        (&[0x0e], "CompressedAttributes is malformed at byte 0: 6 is not a wire type"),
        (
            &[0xfb, 1, 0xfc, 1, 0xf4, 1],
            "CompressedAttributes is malformed at byte 6: groups do not match or nest too deep",
        ),
        (
            &[0xfb, 1, 0xf4, 1],
            "CompressedAttributes is malformed at byte 4: groups do not match or nest too deep",
        ),
        (&[0xf5, 1, 0, 0, 0], "CompressedAttributes is malformed at byte 2: the message ends within a value"),
        (
            &[0x12, 2, 0x0d, 1],
            "CompressedAttributes.strings is malformed at byte 3: field 1 should be a varint and is 4 bytes",
        ),
        (
            &[0x1a, 2, 0x10, 0x80],
            "CompressedAttributes.int64s is malformed at byte 3: the message ends within a value",
        ),
        (
            &[0x22, 2, 0x11, 0],
            "CompressedAttributes.doubles is malformed at byte 3: the message ends within a value",
        ),
        (
            &[0x32, 4, 0x12, 2, 0x08, 0xff],
            "CompressedAttributes.timestamps is malformed at byte 5: the message ends within a value",
        ),
        (
            &[0x4a, 4, 0x12, 2, 0x0a, 1],
            "CompressedAttributes.string_maps is malformed at byte 6: a length of 1 with 0 bytes left",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(read(bytes).as_ref().map_err(String::as_str), Err(message), "{bytes:x?}");
    }
    let long = [&[0x1a, 13, 0x08, 0, 0x10][..], &[0xff; 9], &[2]].concat();
    refused(long, "CompressedAttributes.int64s is malformed at byte 5: a varint has more than 64 bits");
    let deep: Vec<u8> = [0xfb, 1].repeat(200);
    refused(deep, "CompressedAttributes is malformed at byte 202: groups do not match or nest too deep");
}

#[test]
fn odd_encodings_are_fine() {
    let one = || Value::Int64(1);
    fine(Bytes::new(), &[]);
    // Words behind what uses them.
    fine([&[0x1a, 4, 0x08, 1, 0x10, 1][..], b"\x0a\x08own.text"].concat(), &[("own.text", one())]);
    // The value first, an unknown field between, the key twice: the last one counts.
    fine(
        [&[0x1a, 8, 0x10, 1, 0x18, 9, 0x08, 7, 0x08, 1][..], b"\x0a\x08own.text"].concat(),
        &[("own.text", one())],
    );
    // No key is key 0, no value is 0.
    fine([0x1a, 0], &[("source.ip", Value::Int64(0))]);
    fine([0x32, 0], &[("source.ip", Value::Timestamp(mixer_attribute::Timestamp::default()))]);
    // Numbers of more bytes than needed.
    fine([&[0x9a, 0x00, 5, 0x08, 0x80, 0, 0x10, 1][..]].concat(), &[("source.ip", one())]);
    // Unknown fields of every wire type, a nested group among them.
    let unknown = [
        &[0xf8, 1, 1, 0xf9, 1][..],
        &[0; 8],
        &[0xfa, 1, 1, 9, 0xfd, 1, 0, 0, 0, 0, 0xfb, 1, 0xfb, 1, 0xfc, 1],
    ]
    .concat();
    fine([&unknown[..], &[0xfc, 1, 0x1a, 2, 0x10, 1]].concat(), &[("source.ip", one())]);
    // A message value in two parts counts as one.
    let two_parts = [0x3a, 10, 0x08, 0, 0x12, 2, 0x08, 1, 0x12, 2, 0x10, 1];
    fine(two_parts, &[("source.ip", Value::Duration("1.000000001s".parse().unwrap()))]);
}

#[test]
fn broken_text_is_repaired() {
    let broken = Bytes::from_static(b"a\xffb");
    let attributes = RawAttributes {
        words: vec![Bytes::from_static(b"own.\xff"), broken],
        strings: vec![pair(-1, -2), pair(0, -2)],
        string_maps: vec![MapEntry { key: 15, value: Some(Map { entries: vec![pair(-2, -2)] }) }],
        ..RawAttributes::default()
    };
    let text = || Value::Text("a\u{fffd}b".as_bytes().into());
    let map = mixer_attribute::MapView::owned(vec![("a\u{fffd}b".into(), "a\u{fffd}b".into())]);
    fine(
        attributes.encode_to_vec(),
        &[("own.\u{fffd}", text()), ("source.ip", text()), ("request.headers", Value::StringMap(map))],
    );
}

/// Errors are for logs: a long name is cut.
#[test]
fn a_long_name_is_cut_in_the_error() {
    let name = Bytes::from("n".repeat(1000));
    let twice = vec![Int64Entry { key: -1, value: 1 }; 2];
    refused_raw(
        &RawAttributes { words: vec![name], int64s: twice, ..RawAttributes::default() },
        &format!("duplicate attribute {}… (again in CompressedAttributes.int64s)", "n".repeat(128)),
    );
}

/// A broken word used often must not be copied often.
#[test]
fn repaired_text_is_held_once() {
    let word = Bytes::from(vec![0xff; 1 << 16]);
    let entries = vec![pair(-1, -1); 1 << 12];
    let attributes = RawAttributes {
        words: vec![word],
        string_maps: vec![MapEntry { key: 15, value: Some(Map { entries }) }],
        ..RawAttributes::default()
    };
    let request = CheckRequest { attributes: attributes.encode_to_vec().into(), ..CheckRequest::default() };
    let bag = codec(Compat::Fixed).check_bag(&request).unwrap();
    let slot = bag.vocabulary().slot("request.headers").unwrap();
    let Some(Value::StringMap(map)) = bag.get(slot) else { panic!("no map") };
    let (first_key, first_value) = map.entry(0);
    assert_eq!(first_key.len(), 3 << 16);
    assert!(
        map.iter()
            .all(|(key, value)| key.as_ptr() == first_key.as_ptr() && value.as_ptr() == first_value.as_ptr())
    );
}

/// Two bytes on the wire can name a long global word: it must not be copied for each of them.
#[test]
fn global_text_is_held_once() {
    let map = Map { entries: vec![pair(0, 0); 1 << 12] };
    let attributes = RawAttributes {
        string_maps: vec![MapEntry { key: 15, value: Some(map) }],
        ..RawAttributes::default()
    };
    let request = CheckRequest { attributes: attributes.encode_to_vec().into(), ..CheckRequest::default() };
    let bag = codec(Compat::Fixed).check_bag(&request).unwrap();
    let Some(Value::StringMap(map)) = bag.get(bag.vocabulary().slot("request.headers").unwrap()) else {
        panic!("no map")
    };
    let first = map.entry(0).0;
    assert_eq!(first, b"source.ip");
    assert!(
        map.iter().all(|(key, value)| key.as_ptr() == first.as_ptr() && value.as_ptr() == first.as_ptr())
    );
}

/// Text that is fine is not copied at all.
#[test]
fn text_lies_in_the_message() {
    let attributes = RawAttributes { strings: vec![pair(0, -1)], ..raw(&["10.0.0.1"]) };
    let message = Bytes::from(attributes.encode_to_vec());
    let request = CheckRequest { attributes: message.clone(), ..CheckRequest::default() };
    let bag = codec(Compat::Fixed).check_bag(&request).unwrap();
    let text = bag.text(bag.vocabulary().slot("source.ip").unwrap()).unwrap();
    assert_eq!(text, b"10.0.0.1");
    assert!(message.as_ptr_range().contains(&text.as_ptr()));
}
