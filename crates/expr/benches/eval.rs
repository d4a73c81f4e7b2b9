//! How long expressions take: the shapes that stock configuration is made of.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use divan::Bencher;
use mixer_attribute::{Bag, Referenced, ValueType, VocabularyBuilder};
use mixer_expr::{Options, Program, compile};

fn main() {
    divan::main();
}

/// A bag in which `absent.*` has no values.
fn prepare(text: &str) -> (Program, Bag, Referenced) {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in [
        ("source.workload.name", ValueType::String),
        ("context.reporter.kind", ValueType::String),
        ("context.protocol", ValueType::String),
        ("request.useragent", ValueType::String),
        ("absent.text", ValueType::String),
        ("destination.labels", ValueType::StringMap),
        ("connection.mtls", ValueType::Bool),
        ("response.code", ValueType::Int64),
    ] {
        builder.attribute(name, value_type).unwrap();
    }
    let program = compile(text, &mut builder, &Options::default()).unwrap();
    let vocabulary = builder.finish();
    let mut bag = Bag::new(vocabulary.clone());
    let slot = |name: &str| vocabulary.slot(name).unwrap();
    bag.set_text(slot("source.workload.name"), "reviews-v1");
    bag.set_text(slot("context.reporter.kind"), "inbound");
    bag.set_text(slot("context.protocol"), "http");
    bag.set_text(slot("request.useragent"), "curl/7.64.0");
    bag.set_text_map(slot("destination.labels"), [("app", "ratings"), ("version", "v1")]);
    bag.set(slot("connection.mtls"), mixer_attribute::Cell::Bool(true));
    bag.set(slot("response.code"), mixer_attribute::Cell::Int64(200));
    (program, bag, Referenced::with_capacity(vocabulary.len()))
}

const VALUES: &[&str] = &[
    r#"source.workload.name | "unknown""#,
    r#"absent.text | "unknown""#,
    r#"destination.labels["app"] | "unknown""#,
    r#"destination.labels["none"] | absent.text | "unknown""#,
    r#"conditional((context.reporter.kind | "inbound") == "outbound", "source", "destination")"#,
    r#"conditional(connection.mtls | false, "mutual_tls", "none")"#,
    r#"response.code | 200"#,
    r#"destination.labels[context.protocol] | "unknown""#,
    r#""kubernetes://" + source.workload.name"#,
];

const CONDITIONS: &[&str] = &[
    r#"context.protocol == "http""#,
    r#"context.protocol == "http" && response.code == 200"#,
    r#"(context.protocol == "http" || context.protocol == "grpc") && (match((request.useragent | "-"), "kube-probe*") == false)"#,
    r#"absent.text == "x""#,
    r#"destination.labels["app"] == "ratings""#,
    r#""^curl/".matches(request.useragent)"#,
];

#[divan::bench(args = VALUES)]
fn value(bencher: Bencher<'_, '_>, text: &str) {
    let (program, bag, mut refs) = prepare(text);
    bencher.bench_local(|| {
        let _ = black_box(black_box(&program).eval(&bag, &mut refs));
    });
}

#[divan::bench(args = CONDITIONS)]
fn condition(bencher: Bencher<'_, '_>, text: &str) {
    let (program, bag, mut refs) = prepare(text);
    bencher.bench_local(|| {
        let _ = black_box(black_box(&program).eval_bool(&bag, &mut refs));
    });
}

#[divan::bench(args = CONDITIONS)]
fn compilation(text: &str) {
    black_box(prepare(text).0);
}
