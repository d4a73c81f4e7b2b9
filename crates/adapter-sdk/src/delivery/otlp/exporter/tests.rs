//! A payload is taken apart into the items that it was made of, as when it comes from the disk and is too large.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use super::super::item::MetricHead;
use super::super::wire::Writer;
use super::*;
use crate::delivery::http::HttpOptions;

fn items(signal: Signal) -> Vec<Item> {
    let text = |number: u32, text: &'static str| move |writer: &mut Writer| writer.text(number, text);
    let resource = |name: &'static str| move |writer: &mut Writer| writer.message(1, text(1, name));
    let head = |data: u32, tail: &[u8]| {
        let mut fields = Writer::default();
        fields.text(1, "m");
        Some(Arc::new(MetricHead { fields: fields.into_bytes(), data, tail: tail.to_vec() }))
    };
    let heads = match signal {
        Signal::Metrics => {
            vec![head(5, b""), head(7, b"\x10\x02\x18\x01"), head(9, b"\x10\x01"), head(10, b"\x10\x02")]
        }
        Signal::Logs | Signal::Traces => vec![None],
    };
    let number = if signal == Signal::Logs { 3 } else { 5 };
    let mut items = Vec::new();
    for name in ["a", "b"] {
        for head in &heads {
            for _ in 0..2 {
                items.push(Item::new(resource(name), head.clone(), |writer| match signal {
                    Signal::Metrics => writer.fixed64(3, 7),
                    Signal::Logs | Signal::Traces => writer.text(number, "x"),
                }));
            }
        }
    }
    items
}

#[tokio::test]
async fn payloads_are_taken_apart() {
    for signal in Signal::ALL {
        for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
            for gzip in [true, false] {
                let url = "http://localhost:1/".parse().unwrap();
                let http = HttpOptions::default();
                let options =
                    ExporterOptions { url, protocol, gzip, headers: Vec::new(), http, scope: "test" };
                let collector = Exporter::new(signal, options).unwrap();
                let items = items(signal);
                let body = collector.encode(&items).unwrap();
                assert_eq!(collector.decode(&body), Some(items), "{signal:?} {protocol:?} {gzip}");
                // Only what is compressed has a checksum.
                if gzip {
                    assert_eq!(collector.decode(&body.slice(..body.len() / 2)), None);
                }
            }
        }
    }
}
