//! What a client sends, byte for byte where it matters: which words are global, which are spelled out.

use mixer_attribute::{MapView, Value};
use mixer_proto::mixer::v1::{CompressedAttributes, StringMap};
use mixer_wire::compress;

fn attributes() -> Vec<(&'static str, Value<'static>)> {
    let map = MapView::owned(vec![("GET".into(), "own".into()), ("own".into(), "GET".into())]);
    vec![
        ("request.headers", Value::StringMap(map)),
        ("source.ip", Value::Bytes(vec![10, 0, 0, 1].into())),
        ("own", Value::text("GET")),
        ("response.code", Value::Int64(200)),
    ]
}

fn compressed(global_word_count: u32) -> CompressedAttributes {
    compress(attributes().iter().map(|(name, value)| (*name, value)), global_word_count)
}

/// Words in the order of first use; attributes go by name.
#[test]
fn without_global_words_everything_is_spelled_out() {
    let expected = CompressedAttributes {
        words: ["own", "GET", "request.headers", "response.code", "source.ip"].map(str::to_owned).to_vec(),
        strings: [(-1, -2)].into(),
        string_maps: [(-3, StringMap { entries: [(-2, -1), (-1, -2)].into() })].into(),
        int64s: [(-4, 200)].into(),
        bytes: [(-5, vec![10, 0, 0, 1].into())].into(),
        ..CompressedAttributes::default()
    };
    assert_eq!(compressed(0), expected);
}

#[test]
fn with_global_words_only_the_own_ones_are() {
    let global = |word| {
        let place = mixer_proto::GLOBAL_WORDS.iter().position(|global| *global == word);
        i32::try_from(place.unwrap()).unwrap()
    };
    let (get, headers, code) = (global("GET"), global("request.headers"), global("response.code"));
    let expected = CompressedAttributes {
        words: vec!["own".to_owned()],
        strings: [(-1, get)].into(),
        string_maps: [(headers, StringMap { entries: [(get, -1), (-1, get)].into() })].into(),
        int64s: [(code, 200)].into(),
        bytes: [(0, vec![10, 0, 0, 1].into())].into(),
        ..CompressedAttributes::default()
    };
    assert_eq!(compressed(222), expected);
}

#[test]
fn a_reader_of_an_older_list_gets_only_its_words() {
    let some = compressed(16);
    assert_eq!(some.words, ["own", "GET", "response.code"]);
    assert!(some.string_maps.contains_key(&15) && some.bytes.contains_key(&0));
}
