//! Round trips, agreement with the plain decoder, and no panic whatever the bytes.

use bytes::Bytes;
use mixer_proto::mixer::v1;
use mixer_proto::mixer::v1::report_request::RepeatedAttributesSemantics;
use mixer_wire::{Codec, Compat, ReportBuilder, WireError, compress, parse_check, parse_report};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use crate::generate::{attributes, damage, damaged, raw_attributes, words};
use crate::plain::{KNOWN, Plain, RawAttributes, RawCheck, RawReport, codec, decode, plain};

fn known(bag: &Plain) -> Plain {
    let known = bag.iter().filter(|(name, _)| KNOWN.contains(&name.as_str()));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn check(codec: &Codec, message: &Bytes) -> Option<Plain> {
    let request = parse_check(message).ok()?;
    codec.check_bag(&request).ok().map(|bag| plain(&bag))
}

/// Every bag of a report, `None` for a malformed one.
fn report(codec: &Codec, message: &Bytes) -> Result<Vec<Option<Plain>>, WireError> {
    let request = parse_report(message)?;
    let mut bags = codec.report_bags(&request);
    let mut found = Vec::new();
    while let Some(bag) = bags.next_bag() {
        found.push(bag.ok().map(|bag| plain(bag)));
    }
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_compressed_bag_reads_back(bag in attributes(), global_word_count in 0..=222u32) {
        let attributes = compress(bag.iter().map(|(name, value)| (name.as_str(), value)), global_word_count);
        let request = v1::CheckRequest { attributes: Some(attributes), global_word_count, ..Default::default() };
        let read = check(&codec(Compat::Fixed), &request.encode_to_vec().into());
        prop_assert_eq!(read, Some(known(&bag)));
    }

    #[test]
    fn a_report_reads_back(
        bags in vec(attributes(), 0..6),
        independent in any::<bool>(),
        global_word_count in 0..=222u32,
    ) {
        let semantics = match independent {
            true => RepeatedAttributesSemantics::IndependentEncoding,
            false => RepeatedAttributesSemantics::DeltaEncoding,
        };
        let mut builder = ReportBuilder::new(semantics, global_word_count);
        let mut sent = Vec::new();
        let mut last = Plain::new();
        for bag in bags {
            // A delta cannot take anything away, so each bag also has what the one before had.
            let whole: Plain = if independent { bag } else { last.into_iter().chain(bag).collect() };
            builder.add(whole.iter().map(|(name, value)| (name.as_str(), value))).unwrap();
            sent.push(Some(known(&whole)));
            last = whole;
        }
        let read = report(&codec(Compat::Fixed), &builder.finish().encode_to_vec().into());
        prop_assert_eq!(read, Ok(sent));
    }

    #[test]
    fn a_check_agrees_with_the_plain_decoder(
        attributes in raw_attributes(),
        global_word_count in prop_oneof![0..=222u32, 0..=300u32],
        damage in vec(damage(), 0..3),
    ) {
        let request = RawCheck { attributes: Some(attributes), global_word_count, ..RawCheck::default() };
        let message: Bytes = damaged(request.encode_to_vec(), &damage).into();
        let expected = RawCheck::decode(message.clone())
            .ok()
            .filter(|request| request.global_word_count <= 222)
            .and_then(|request| decode(&request.attributes.unwrap_or_default(), &[]));
        prop_assert_eq!(check(&codec(Compat::Fixed), &message), expected);
    }

    #[test]
    fn independent_bags_agree_with_the_plain_decoder(
        elements in vec((raw_attributes(), any::<bool>(), vec(damage(), 0..2)), 0..5),
        default_words in words(6),
    ) {
        let attributes: Vec<Bytes> = elements
            .into_iter()
            .map(|(mut element, own_words, damage)| {
                if !own_words {
                    element.words.clear();
                }
                damaged(element.encode_to_vec(), &damage).into()
            })
            .collect();
        let expected: Vec<_> = attributes
            .iter()
            .map(|element| decode(&RawAttributes::decode(element.clone()).ok()?, &default_words))
            .collect();
        let request = RawReport { attributes, default_words, global_word_count: 222, semantics: 1 };
        let message: Bytes = request.encode_to_vec().into();
        prop_assert_eq!(report(&codec(Compat::Fixed), &message), Ok(expected));
    }

    #[test]
    fn delta_bags_agree_with_the_plain_decoder(
        elements in vec((raw_attributes(), any::<bool>()), 0..5),
        default_words in words(6),
    ) {
        let elements: Vec<_> = elements
            .into_iter()
            .map(|(mut element, own_words)| {
                if !own_words {
                    element.words.clear();
                }
                element
            })
            // What stays of a malformed element is told elsewhere.
            .filter(|element| decode(element, &default_words).is_some())
            .collect();
        let mut last = Plain::new();
        let expected: Vec<_> = elements
            .iter()
            .map(|element| {
                last.extend(decode(element, &default_words)?);
                Some(last.clone())
            })
            .collect();
        let attributes = elements.iter().map(|element| element.encode_to_vec().into()).collect();
        let request = RawReport { attributes, default_words, global_word_count: 0, semantics: 0 };
        let message: Bytes = request.encode_to_vec().into();
        prop_assert_eq!(report(&codec(Compat::Fixed), &message), Ok(expected));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        let message = Bytes::from(bytes);
        for compat in [Compat::Fixed, Compat::Istio13] {
            let _ = check(&codec(compat), &message);
            let _ = report(&codec(compat), &message);
        }
    }

    #[test]
    fn damaged_reports_are_read_without_panic(
        elements in vec(raw_attributes(), 0..4),
        default_words in words(6),
        semantics in 0..3i32,
        damage in vec(damage(), 1..6),
    ) {
        let attributes = elements.iter().map(|element| element.encode_to_vec().into()).collect();
        let request = RawReport { attributes, default_words, global_word_count: 0, semantics };
        let message: Bytes = damaged(request.encode_to_vec(), &damage).into();
        for compat in [Compat::Fixed, Compat::Istio13] {
            let _ = report(&codec(compat), &message);
        }
    }
}
