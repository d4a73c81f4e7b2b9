//! Our descriptors against those that Istio 1.3.8 ships in its `template` resources: same messages, same
//! numbers, same types. The other tests prove the same numbers from bytes of their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says when it is skipped"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_proto::template;
use prost_reflect::{DescriptorPool, EnumDescriptor, FileDescriptor, Kind, MessageDescriptor};

/// Where the recorded resources are, or none when they are not there.
fn fixtures() -> Option<PathBuf> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/istio-1.3.8/templates");
    let path = PathBuf::from(path);
    if !path.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return None;
    }
    Some(path)
}

/// The descriptor set in a `template` resource.
fn recorded(resource: &str) -> DescriptorPool {
    let line = resource.lines().find_map(|line| line.trim().strip_prefix("descriptor: ")).expect("a line");
    let bytes = STANDARD.decode(line.trim_matches('"')).expect("base64");
    DescriptorPool::decode(bytes.as_slice()).expect("a descriptor set")
}

/// Everything of a message that decides what its bytes and its JSON look like.
fn shape(message: &MessageDescriptor) -> BTreeMap<u32, String> {
    let describe = |field: prost_reflect::FieldDescriptor| {
        let kind = match field.kind() {
            Kind::Message(message) => message.full_name().to_owned(),
            Kind::Enum(value) => value.full_name().to_owned(),
            other => format!("{other:?}"),
        };
        let oneof = field.containing_oneof().map(|oneof| oneof.name().to_owned());
        let (name, json) = (field.name(), field.json_name());
        let description = format!(
            "{name} {json} {:?} {kind} {oneof:?} {} {}",
            field.cardinality(),
            field.is_packed(),
            field.is_map()
        );
        (field.number(), description)
    };
    message.fields().map(describe).collect()
}

fn values(of: &EnumDescriptor) -> BTreeMap<i32, String> {
    of.values().map(|value| (value.number(), value.name().to_owned())).collect()
}

/// Messages of a file with the messages in them.
fn all_messages(file: &FileDescriptor) -> Vec<MessageDescriptor> {
    let mut found: Vec<MessageDescriptor> = file.messages().collect();
    let mut next = 0;
    while let Some(message) = found.get(next).cloned() {
        found.extend(message.child_messages());
        next += 1;
    }
    found
}

/// Compares every file of Istio's own with ours; answers how many messages were compared.
fn compare(name: &str, theirs: &DescriptorPool, ours: &DescriptorPool) -> usize {
    let mut compared = 0;
    for file in theirs.files() {
        if file.name().starts_with("google/protobuf/") || file.name().starts_with("gogoproto/") {
            continue;
        }
        let our_file = ours.get_file_by_name(file.name());
        let our_file = our_file.unwrap_or_else(|| panic!("{name}: we lack {}", file.name()));
        assert_eq!(our_file.package_name(), file.package_name(), "{name}");
        let (their_messages, our_messages) = (all_messages(&file), all_messages(&our_file));
        assert_eq!(our_messages.len(), their_messages.len(), "{name}: {}", file.name());
        for message in their_messages {
            let same = ours.get_message_by_name(message.full_name());
            let same = same.unwrap_or_else(|| panic!("{name}: we lack {}", message.full_name()));
            assert_eq!(shape(&same), shape(&message), "{name}: {}", message.full_name());
            compared += 1;
        }
        for theirs in file.enums() {
            let same = ours.get_enum_by_name(theirs.full_name()).expect("an enum");
            assert_eq!(values(&same), values(&theirs), "{name}: {}", theirs.full_name());
        }
        for theirs in file.extensions() {
            let same = ours.get_extension_by_name(theirs.full_name()).expect("an extension");
            assert_eq!((same.number(), same.json_name()), (theirs.number(), theirs.json_name()), "{name}");
            assert_eq!(same.containing_message().full_name(), theirs.containing_message().full_name());
        }
        compare_services(name, &file, &our_file);
    }
    compared
}

fn compare_services(name: &str, theirs: &FileDescriptor, ours: &FileDescriptor) {
    let describe = |file: &FileDescriptor| -> Vec<(String, String, String, bool)> {
        let methods = file.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let describe = |method: prost_reflect::MethodDescriptor| {
            let (input, output) = (method.input(), method.output());
            let streams = method.is_client_streaming() || method.is_server_streaming();
            let name = method.full_name().to_owned();
            (name, input.full_name().to_owned(), output.full_name().to_owned(), streams)
        };
        methods.map(describe).collect()
    };
    assert_eq!(describe(ours), describe(theirs), "{name}");
}

#[test]
fn templates_are_those_of_istio() {
    let Some(folder) = fixtures() else { return };
    let mut compared = BTreeMap::new();
    for name in template::NAMES {
        let Ok(resource) = std::fs::read_to_string(folder.join(format!("{name}.yaml"))) else { continue };
        let ours = DescriptorPool::decode(template::descriptor_set(name).unwrap()).expect("a set");
        compared.insert(*name, compare(name, &recorded(&resource), &ours));
    }
    // Of the shipped templates only `tracespan` is not among the recorded ones.
    assert_eq!(compared.len(), template::NAMES.len() - 1);
    assert!(compared.values().all(|messages| *messages >= 4), "{compared:?}");
}
