//! How long it takes to read bags: one of a check, and the many of a report.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use mixer_attribute::{MapView, Referenced, Value, ValueType, Vocabulary, VocabularyBuilder};
use mixer_proto::mixer::v1;
use mixer_proto::mixer::v1::report_request::RepeatedAttributesSemantics::{
    DeltaEncoding, IndependentEncoding,
};
use mixer_wire::{Codec, Compat, ReportBuilder, compress, parse_check, parse_report};
use prost::Message as _;

fn main() {
    divan::main();
}

/// What a sidecar says about one request: 24 attributes, two of them maps.
fn attributes() -> Vec<(&'static str, Value<'static>)> {
    let map = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec()));
        Value::StringMap(MapView::owned(entries.collect()))
    };
    let time = Value::Timestamp("2020-02-05T05:09:36.123456Z".parse().unwrap());
    vec![
        ("connection.mtls", Value::Bool(true)),
        ("context.protocol", Value::text("http")),
        ("context.proxy_version", Value::text("1.3.8")),
        ("context.reporter.kind", Value::text("inbound")),
        ("context.reporter.uid", Value::text("kubernetes://httpbin-768b999cb5-j8nzt.default")),
        ("destination.ip", Value::Bytes(vec![10, 44, 1, 17].into())),
        ("destination.namespace", Value::text("default")),
        ("destination.port", Value::Int64(80)),
        ("destination.service.host", Value::text("httpbin.default.svc.cluster.local")),
        ("destination.service.name", Value::text("httpbin")),
        ("destination.uid", Value::text("kubernetes://httpbin-768b999cb5-j8nzt.default")),
        (
            "destination.labels",
            map(&[("app", "httpbin"), ("version", "v1"), ("pod-template-hash", "768b999cb5")]),
        ),
        ("request.host", Value::text("httpbin:8000")),
        ("request.id", Value::text("4946da6d-bd4d-9ea0-8f48-1b8d6e6a9d3c")),
        ("request.method", Value::text("GET")),
        ("request.path", Value::text("/status/200")),
        ("request.scheme", Value::text("http")),
        ("request.size", Value::Int64(0)),
        ("request.time", time.clone()),
        (
            "request.headers",
            map(&[
                (":path", "/status/200"),
                (":method", "GET"),
                ("user-agent", "curl/7.58.0"),
                ("x-own", "1"),
            ]),
        ),
        ("response.code", Value::Int64(200)),
        ("response.duration", Value::Duration("12ms".parse().unwrap())),
        ("response.time", time),
        ("source.uid", Value::text("kubernetes://sleep-5b597748b4-4w6nr.default")),
    ]
}

/// The attributes above and as many as a usual configuration has besides.
fn vocabulary() -> Arc<Vocabulary> {
    let mut builder = VocabularyBuilder::new();
    for (name, _) in attributes() {
        builder.attribute(name, ValueType::String).unwrap();
    }
    for more in 0..100 {
        builder.attribute(&format!("other.attribute{more}"), ValueType::String).unwrap();
    }
    let headers = builder.vocabulary().slot("request.headers").unwrap();
    for key in ["x-own", ":authority", "user-agent"] {
        builder.map_key(headers, key);
    }
    builder.finish()
}

fn check_message(global_word_count: u32) -> Bytes {
    let attributes = attributes();
    let attributes = compress(attributes.iter().map(|(name, value)| (*name, value)), global_word_count);
    let request = v1::CheckRequest { attributes: Some(attributes), global_word_count, ..Default::default() };
    request.encode_to_vec().into()
}

#[divan::bench(args = [0, 222])]
fn check(bencher: Bencher<'_, '_>, global_word_count: u32) {
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    let message = check_message(global_word_count);
    bencher.bench(|| drop(codec.check_bag(&parse_check(&message).unwrap()).unwrap()));
}

/// The same with the generated messages, for comparison: it stops where the lookup of names would begin.
#[divan::bench(args = [0, 222])]
fn check_prost(bencher: Bencher<'_, '_>, global_word_count: u32) {
    let message = check_message(global_word_count);
    bencher.bench(|| drop(v1::CheckRequest::decode(message.clone()).unwrap()));
}

#[divan::bench(args = [(false, 0), (false, 222), (true, 0), (true, 222)])]
fn report_of_100(bencher: Bencher<'_, '_>, (delta, global_word_count): (bool, u32)) {
    let semantics = if delta { DeltaEncoding } else { IndependentEncoding };
    let mut builder = ReportBuilder::new(semantics, global_word_count);
    let mut attributes = attributes();
    for index in 0..100 {
        for (name, value) in &mut attributes {
            match *name {
                "request.size" => *value = Value::Int64(index),
                "request.id" => {
                    *value = Value::Text(format!("4946da6d-bd4d-9ea0-8f48-{index}").into_bytes().into())
                }
                _ => {}
            }
        }
        builder.add(attributes.iter().map(|(name, value)| (*name, value))).unwrap();
    }
    let message: Bytes = builder.finish().encode_to_vec().into();
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    bencher.counter(ItemsCount::new(100usize)).bench(|| {
        let request = parse_report(&message).unwrap();
        let mut bags = codec.report_bags(&request);
        while let Some(bag) = bags.next_bag() {
            divan::black_box(bag.unwrap());
        }
    });
}

/// What a decision that read ten attributes and a key answers with.
#[divan::bench(args = [0, 222])]
fn referenced(bencher: Bencher<'_, '_>, global_word_count: u32) {
    let codec = Codec::new(vocabulary(), Compat::Fixed);
    let bag = codec.check_bag(&parse_check(&check_message(222)).unwrap()).unwrap();
    let slot = |name| codec.vocabulary().slot(name).unwrap();
    let mut referenced = Referenced::new();
    for (name, _) in attributes().iter().take(10) {
        referenced.read(slot(name));
    }
    referenced.read(codec.vocabulary().key_slot(slot("request.headers"), "x-own").unwrap());
    bencher.bench(|| drop(codec.referenced(&referenced, &bag, global_word_count).encode_to_vec()));
}
