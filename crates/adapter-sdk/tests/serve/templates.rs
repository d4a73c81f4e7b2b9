//! The table of shipped templates says the same as their descriptors.

use mixer_adapter_sdk::templates::{SHIPPED, Variety, shipped};
use mixer_adapter_sdk::wire::{Fields, Payload};
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The extension `template_variety` of `google.protobuf.FileOptions`.
const VARIETY: u32 = 72_295_727;

#[test]
fn every_shipped_template_is_in_the_table() {
    let names: Vec<_> = SHIPPED.iter().map(|service| service.template).collect();
    assert_eq!(names, mixer_proto::template::NAMES);
    assert_eq!(shipped("metric").unwrap().path(), "/metric.HandleMetricService/HandleMetric");
    assert_eq!(shipped("nothing"), None);
}

#[test]
fn services_methods_and_varieties_are_those_of_the_descriptors() {
    for service in SHIPPED {
        let bytes = mixer_proto::template::descriptor_set(service.template).unwrap();
        let set = FileDescriptorSet::decode(bytes).unwrap();
        let file = set.file.last().unwrap();
        let declared = &file.service[0];
        assert_eq!(service.service, format!("{}.{}", file.package(), declared.name()));
        assert_eq!(service.package(), file.package());
        assert_eq!(service.method, declared.method[0].name());
        assert_eq!(service.variety, variety(bytes), "{}", service.template);
    }
}

/// The variety that the last file of an encoded set declares. It is an extension, which decoding would drop.
fn variety(set: &[u8]) -> Variety {
    let last = |bytes, number| {
        let fields = Fields::new(bytes).map(|field| field.unwrap());
        fields.filter(|field| field.number == number).last()
    };
    let file = last(set, 1).unwrap().bytes().unwrap();
    let options = last(file, 8).unwrap().bytes().unwrap();
    match last(options, VARIETY).map(|field| field.payload) {
        None | Some(Payload::Varint(0)) => Variety::Check,
        Some(Payload::Varint(1)) => Variety::Report,
        Some(Payload::Varint(2)) => Variety::Quota,
        Some(Payload::Varint(3)) => Variety::AttributeGenerator,
        Some(Payload::Varint(4)) => Variety::CheckWithOutput,
        other => panic!("{other:?} is no variety"),
    }
}
