//! A batch is framed as repeated field 1, whatever the sizes of its instances, and splits without losing any.

use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_api::{Batch, BatchBuilder};
use proptest::prelude::*;

fn names(count: usize) -> Vec<Arc<str>> {
    (0..count).map(|index| Arc::from(format!("i{index}.instance.ns"))).collect()
}

/// Reads the frame with an independent decoder: (tag, length, content) triples.
fn unframe(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        assert_eq!(bytes[0], 0x0a, "field 1, length-delimited");
        bytes = &bytes[1..];
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = bytes[0];
            bytes = &bytes[1..];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        found.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
    }
    found
}

fn check(sizes: &[usize], max_bytes: usize) {
    let names = names(3);
    let mut builder = BatchBuilder::new();
    let contents: Vec<Vec<u8>> =
        sizes.iter().enumerate().map(|(index, size)| vec![index as u8; *size]).collect();
    for (index, content) in contents.iter().enumerate() {
        assert!(builder.push(&names[index % names.len()], content));
    }
    assert_eq!(builder.len(), sizes.len());
    let batch = builder.finish();
    assert!(builder.is_empty());
    assert_eq!(unframe(batch.framed()), contents);
    let parts = batch.split(max_bytes);
    let mut seen = Vec::new();
    for part in &parts {
        assert!(part.framed().len() <= max_bytes || part.len() == 1, "one too large instance goes alone");
        assert_eq!(unframe(part.framed()).len(), part.len());
        seen.extend(part.iter().map(|instance| (instance.name.to_owned(), instance.bytes.to_vec())));
    }
    let expected: Vec<_> =
        contents.iter().enumerate().map(|(index, c)| (names[index % 3].to_string(), c.clone())).collect();
    assert_eq!(seen, expected);
}

#[test]
fn lengths_of_one_two_and_three_bytes() {
    check(&[0, 1, 127, 128, 16383, 16384, 5], 1 << 20);
}

#[test]
fn a_failed_instance_leaves_no_trace() {
    let names = names(1);
    let mut builder = BatchBuilder::new();
    assert!(builder.push(&names[0], b"first"));
    let result = builder.push_with(&names[0], |buffer| {
        buffer.extend_from_slice(b"half of it");
        Err("no")
    });
    assert_eq!(result, Err("no"));
    assert!(builder.push(&names[0], b"second"));
    assert_eq!(unframe(builder.finish().framed()), [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_returned_buffer_is_used_again() {
    let names = names(1);
    let mut builder = BatchBuilder::new();
    builder.push(&names[0], &[7; 4096]);
    let batch = builder.finish();
    let kept = batch.framed().clone();
    builder.reclaim(batch.clone(), 1 << 20);
    builder.push(&names[0], b"x");
    assert_eq!(unframe(&kept), [vec![7; 4096]], "a buffer that somebody reads is left alone");
    let place = kept.as_ptr();
    drop(kept);
    builder = BatchBuilder::new();
    builder.reclaim(batch, 1 << 20);
    builder.push(&names[0], b"y");
    let again = builder.finish();
    assert_eq!(again.framed().as_ptr(), place);
    assert_eq!(unframe(again.framed()), [b"y".to_vec()]);
}

#[test]
fn instances_received_one_by_one() {
    let names = names(2);
    let batch = Batch::from_instances([
        (names[0].clone(), Bytes::from_static(b"a")),
        (names[1].clone(), Bytes::from_static(b"b")),
    ]);
    let seen: Vec<_> = batch.iter().map(|instance| (instance.name, instance.bytes)).collect();
    assert_eq!(seen, [("i0.instance.ns", &b"a"[..]), ("i1.instance.ns", &b"b"[..])]);
}

#[test]
fn instances_received_in_one_message() {
    let names = names(2);
    // Another field stands before the instances, and one behind them.
    let message = Bytes::from_static(b"\x10\x07\x0a\x01a\x0a\x02bc\x10\x08");
    let instances = [(names[0].clone(), 4..5), (names[1].clone(), 7..9)];
    let batch = Batch::from_frame(&message, 2..9, &instances).unwrap();
    let seen: Vec<_> = batch.iter().map(|instance| (instance.name, instance.bytes)).collect();
    assert_eq!(seen, [("i0.instance.ns", &b"a"[..]), ("i1.instance.ns", &b"bc"[..])]);
    assert_eq!(batch.framed().as_ptr(), message[2..].as_ptr(), "nothing is copied");
    assert_eq!(unframe(batch.framed()), [b"a".to_vec(), b"bc".to_vec()]);
    let parts: Vec<_> = batch.split(3).iter().map(|part| part.framed().clone()).collect();
    assert_eq!(parts, [&b"\x0a\x01a"[..], b"\x0a\x02bc"]);
    let outside = [(names[0].clone(), 1..5)];
    assert!(Batch::from_frame(&message, 2..9, &outside).is_none(), "an instance begins before the frame");
    assert!(Batch::from_frame(&message, 2..90, &instances).is_none(), "the message is not so long");
}

proptest! {
    #[test]
    fn framing_and_splitting_keep_every_instance(
        sizes in prop::collection::vec(0usize..400, 0..40),
        max_bytes in 1usize..2000,
    ) {
        if !sizes.is_empty() {
            check(&sizes, max_bytes);
        }
    }
}
