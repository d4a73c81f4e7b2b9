//! What is sent, read back with the server's own decoder, and answers of both sorts.

use std::sync::Arc;

use mixer_attribute::{Bag, Value, Vocabulary, VocabularyBuilder};
use mixer_proto::google::rpc::Status;
use mixer_proto::mixer::v1::CheckResponse;
use mixer_proto::mixer::v1::check_response::{PreconditionResult, QuotaResult};
use mixer_wire::{Codec, Compat, Semantics, parse_check, parse_report};

use super::*;
use crate::attributes::MANIFEST;

fn vocabulary() -> Arc<Vocabulary> {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in MANIFEST {
        builder.attribute(name, value_type).unwrap();
    }
    builder.finish()
}

fn assert_same(bag: &Bag, expected: &Attributes) {
    let vocabulary = bag.vocabulary();
    let expected_slots = expected.iter().map(|(name, _)| vocabulary.slot(name).unwrap());
    for (slot, (name, value)) in expected_slots.zip(expected) {
        assert_eq!(bag.get(slot).as_ref(), Some(value), "{name}");
    }
    let present = vocabulary.attributes().values().filter(|(slot, _)| bag.get(*slot).is_some()).count();
    assert_eq!(present, expected.len());
}

#[test]
fn a_report_of_one_bag_has_its_24_attributes() {
    let traffic = Traffic::report(1).unwrap();
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    assert_eq!(traffic.messages.len() as u64, VARIANTS);
    for (number, message) in (0..).zip(&traffic.messages) {
        let expected = RequestNumber(number).report(SOURCES);
        assert_eq!(expected.len(), 24);
        let request = parse_report(message).unwrap();
        let mut bags = codec.report_bags(&request);
        assert_same(bags.next_bag().unwrap().unwrap(), &expected);
        assert!(bags.next_bag().is_none());
    }
}

#[test]
fn a_batch_is_delta_encoded_and_says_the_same_as_single_reports() {
    let traffic = Traffic::report(100).unwrap();
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    let single: usize = Traffic::report(1).unwrap().messages[0].len();
    for (batch, message) in (0..).zip(&traffic.messages) {
        assert!(message.len() < 40 * single, "{} bytes are no delta encoding", message.len());
        let request = parse_report(message).unwrap();
        assert_eq!(request.semantics, Semantics::Delta);
        let mut bags = codec.report_bags(&request);
        for bag in 0..100 {
            let expected = RequestNumber(batch * 100 + bag).report(SOURCES);
            assert_same(bags.next_bag().unwrap().unwrap(), &expected);
        }
        assert!(bags.next_bag().is_none());
    }
}

#[test]
fn every_source_of_the_memory_workload_comes_once() {
    let traffic = Traffic::report_of_sources(100, 2_500).unwrap();
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    let name = codec.vocabulary().slot("source.workload.name").unwrap();
    let mut sources = std::collections::BTreeSet::new();
    for message in &traffic.messages {
        let request = parse_report(message).unwrap();
        let mut bags = codec.report_bags(&request);
        while let Some(bag) = bags.next_bag() {
            assert!(sources.insert(bag.unwrap().text(name).unwrap().to_vec()));
        }
    }
    assert_eq!((traffic.messages.len(), sources.len()), (25, 2_500));
}

#[test]
fn checks_carry_attributes_quota_and_an_id_of_their_own() {
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    for (traffic, quota) in [(Traffic::check(), false), (Traffic::check_with_quota(), true)] {
        let mut ids = std::collections::BTreeSet::new();
        for number in 0..2 * VARIANTS {
            let message = traffic.message(number);
            let request = parse_check(&message).unwrap();
            assert_same(&codec.check_bag(&request).unwrap(), &RequestNumber(number % VARIANTS).check());
            let plain = CheckRequest::decode(message).unwrap();
            assert_eq!(plain.quotas.len(), usize::from(quota));
            ids.insert(plain.deduplication_id);
        }
        assert_eq!(ids.len() as u64, if quota { 2 * VARIANTS } else { 1 });
    }
}

#[test]
fn checks_of_hosts_name_them() {
    let hosts = ["a.example".to_owned(), "b.example".to_owned()];
    let traffic = Traffic::check_of_hosts(&hosts);
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    let slot = codec.vocabulary().slot("destination.service.host").unwrap();
    for (host, message) in hosts.iter().zip(&traffic.messages) {
        let request = parse_check(message).unwrap();
        assert_eq!(codec.check_bag(&request).unwrap().get(slot), Some(Value::text(host)));
    }
}

fn answer(code: i32, uses: i32, granted: Option<i64>) -> Bytes {
    let precondition = PreconditionResult {
        status: (code != 0).then(|| Status { code, ..Status::default() }),
        valid_use_count: uses,
        ..PreconditionResult::default()
    };
    let quota = |granted_amount| QuotaResult { granted_amount, ..QuotaResult::default() };
    let quotas = granted.map(|granted| (QUOTA.to_owned(), quota(granted))).into_iter().collect();
    CheckResponse { precondition: Some(precondition), quotas }.encode_to_vec().into()
}

#[test]
fn wrong_answers_are_seen() {
    let check = |traffic: &Traffic, answer: Bytes, wrong: Option<&str>| {
        let found = traffic.judge(3, &answer).err().map(|error| error.to_string());
        match wrong {
            None => assert_eq!(found, None),
            Some(text) => assert!(found.as_ref().is_some_and(|found| found.contains(text)), "{found:?}"),
        }
    };
    let (plain, quota) = (Traffic::check(), Traffic::check_with_quota());
    check(&plain, answer(0, LIST_USE_COUNT, None), None);
    check(&plain, answer(7, LIST_USE_COUNT, None), Some("refused with code 7"));
    check(&plain, answer(0, 10_000, None), Some("the list did not decide"));
    check(&plain, Bytes::new(), Some("no precondition"));
    check(&plain, Bytes::from_static(b"\x07"), Some("no CheckResponse"));
    check(&quota, answer(0, LIST_USE_COUNT, Some(1)), None);
    check(&quota, answer(0, LIST_USE_COUNT, Some(0)), Some("Some(0)"));
    check(&quota, answer(0, LIST_USE_COUNT, None), Some("None"));
    check(&plain.echo(), Bytes::from_static(b"abc"), None);
    check(&plain.echo(), Bytes::from_static(b"ab"), Some("2 of 3 bytes"));
    check(&Traffic::one_way(Bytes::new(), 1), Bytes::new(), None);
    check(&Traffic::one_way(Bytes::new(), 1), Bytes::from_static(b"a"), Some("has 1 bytes"));
}
