//! Requests of the Mixer API: any bytes are read without panic, in both compatibility settings, and every value
//! that comes out can be looked at.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mixer_attribute::{Bag, Referenced, ValueType, Vocabulary, VocabularyBuilder};
use mixer_wire::{Codec, Compat, parse_check, parse_report};

static CODECS: LazyLock<[Codec; 2]> = LazyLock::new(|| {
    let vocabulary = vocabulary();
    [Codec::new(vocabulary.clone(), Compat::Fixed), Codec::new(vocabulary, Compat::Istio13)]
});

fn vocabulary() -> Arc<Vocabulary> {
    let mut builder = VocabularyBuilder::new();
    for name in ["source.ip", "request.headers", "request.size", "a", ""] {
        if let Ok(slot) = builder.attribute(name, ValueType::String) {
            builder.map_key(slot, "a");
            builder.map_key(slot, ":path");
        }
    }
    builder.finish()
}

fn look_at(codec: &Codec, bag: &Bag) {
    let mut referenced = Referenced::new();
    for (slot, _) in codec.vocabulary().attributes().into_values() {
        let _ = bag.get(slot).map(|value| format!("{value:?}"));
        referenced.read(slot);
        referenced.read_whole_map(slot);
        referenced.read_key(slot, b"a");
        for (_, key) in codec.vocabulary().key_slots(slot) {
            referenced.read(key);
        }
    }
    let _ = codec.referenced(&referenced, bag, 222);
}

fuzz_target!(|data: &[u8]| {
    let message = Bytes::copy_from_slice(data);
    for codec in &*CODECS {
        if let Ok(request) = parse_check(&message)
            && let Ok(bag) = codec.check_bag(&request)
        {
            look_at(codec, &bag);
        }
        if let Ok(request) = parse_report(&message) {
            let mut bags = codec.report_bags(&request);
            while let Some(bag) = bags.next_bag() {
                if let Ok(bag) = bag {
                    look_at(codec, bag);
                }
            }
        }
    }
});
