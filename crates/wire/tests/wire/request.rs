//! The two requests around the bags.

use bytes::Bytes;
use mixer_proto::mixer::v1;
use mixer_wire::{CheckRequest, Compat, QuotaParams, Semantics, WireError, parse_check, parse_report};

use crate::plain::{codec, plain};

fn encoded(message: &impl prost::Message) -> Bytes {
    message.encode_to_vec().into()
}

#[test]
fn a_check_request() {
    let params = |amount, best_effort| v1::check_request::QuotaParams { amount, best_effort };
    let attributes = v1::CompressedAttributes { int64s: [(0, 1)].into(), ..Default::default() };
    let request = v1::CheckRequest {
        attributes: Some(attributes.clone()),
        global_word_count: 222,
        deduplication_id: "id".to_owned(),
        quotas: [("b".to_owned(), params(-2, false)), ("a".to_owned(), params(1, true))].into(),
    };
    let expected = CheckRequest {
        attributes: encoded(&attributes),
        global_word_count: 222,
        deduplication_id: "id".to_owned(),
        quotas: vec![
            ("a".to_owned(), QuotaParams { amount: 1, best_effort: true }),
            ("b".to_owned(), QuotaParams { amount: -2, best_effort: false }),
        ],
    };
    assert_eq!(parse_check(&encoded(&request)), Ok(expected));
    assert_eq!(parse_check(&Bytes::new()), Ok(CheckRequest::default()));
}

/// What protobuf allows and nobody sends: a message in parts, a map key twice, unknown fields, broken text.
#[test]
fn an_odd_check_request() {
    let parts = [
        &[0x0a, 4, 0x1a, 2, 0x10, 1][..],
        &[0x22, 7, 0x0a, 1, b'q', 0x12, 2, 0x08, 1],
        &[0xf8, 1, 1],
        &[0x22, 7, 0x0a, 1, b'q', 0x12, 2, 0x08, 2],
        &[0x22, 0],
        &[0x1a, 1, 0xff],
        &[0x0a, 6, 0x1a, 4, 0x08, 2, 0x10, 3],
    ];
    let request = parse_check(&parts.concat().into()).unwrap();
    assert_eq!(request.deduplication_id, "\u{fffd}");
    let params = |amount| QuotaParams { amount, best_effort: false };
    assert_eq!(request.quotas, [(String::new(), params(0)), ("q".to_owned(), params(2))]);
    let codec = codec(Compat::Fixed);
    let error = codec.check_bag(&request).map(|bag| plain(&bag).into_keys().collect::<Vec<_>>());
    assert_eq!(error, Ok(vec!["source.ip".to_owned()]), "index 1 is source.port, which is not wanted");
}

#[test]
fn a_report_request() {
    let element = |index| v1::CompressedAttributes { int64s: [(index, 1)].into(), ..Default::default() };
    let request = v1::ReportRequest {
        attributes: vec![element(0), element(-1)],
        default_words: vec!["own".to_owned()],
        global_word_count: 202,
        repeated_attributes_semantics: 1,
    };
    let message = encoded(&request);
    let read = parse_report(&message).unwrap();
    let part = |range: &std::ops::Range<u32>| message.slice(range.start as usize..range.end as usize);
    assert_eq!(read.bags.iter().map(part).collect::<Vec<_>>(), [encoded(&element(0)), encoded(&element(-1))]);
    assert_eq!(read.default_words.iter().map(part).collect::<Vec<_>>(), ["own"]);
    assert_eq!((read.global_word_count, read.semantics), (202, Semantics::Independent));
    assert_eq!(parse_report(&[0x20, 9][..].to_vec().into()).unwrap().semantics, Semantics::Unknown(9));
    assert_eq!(parse_report(&Bytes::new()).unwrap().bags, []);
}

#[test]
fn a_newer_dictionary_is_refused() {
    let error = WireError::InconsistentDictionary { known: 222, caller: 223 };
    assert_eq!(
        error.to_string(),
        "inconsistent global dictionary versions used: mixer knows 222 words, caller knows 223"
    );
    let check = v1::CheckRequest { global_word_count: 223, ..Default::default() };
    assert_eq!(parse_check(&encoded(&check)), Err(error.clone()));
    let report = v1::ReportRequest { global_word_count: 223, ..Default::default() };
    assert_eq!(parse_report(&encoded(&report)), Err(error));
}

#[test]
fn bytes_that_are_no_request() {
    let cases: [(&[u8], &str); 5] = [
        (&[0x0a, 9], "CheckRequest is malformed at byte 2: a length of 9 with 0 bytes left"),
        (
            &[0x12, 0],
            "CheckRequest is malformed at byte 1: field 2 should be a varint and is length-delimited",
        ),
        (
            &[0x1c],
            "CheckRequest is malformed at byte 1: field 3 should be length-delimited and is the end of a group",
        ),
        (&[0x22, 2, 0x12, 7], "CheckRequest.quotas is malformed at byte 4: a length of 7 with 0 bytes left"),
        (
            &[0x22, 4, 0x12, 2, 0x0b, 1],
            "CheckRequest.quotas is malformed at byte 5: field 1 should be a varint and is a group",
        ),
    ];
    for (bytes, message) in cases {
        let error = parse_check(&bytes.to_vec().into()).unwrap_err();
        assert_eq!(error.to_string(), message, "{bytes:x?}");
    }
    let error = parse_report(&vec![0x10, 1].into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ReportRequest is malformed at byte 1: field 2 should be length-delimited and is a varint"
    );
}
