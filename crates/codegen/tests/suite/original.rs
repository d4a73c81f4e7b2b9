//! What is made from the templates is what the original's operators applied: the same messages, services and options
//! in every `template` resource of the fixtures.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use mixer_codegen::{Protos, compile_template};
use mixer_template::Template;
use prost_reflect::DescriptorPool;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

use crate::support::{author, workspace, yaml};

/// The sample of the original that is no shipped template.
fn keyval() -> String {
    let messages = "message Template { string key = 1; } message OutputTemplate { string value = 2; }";
    author("keyval", "CHECK_WITH_OUTPUT", messages)
}

/// Our descriptor set for the template of a fixture.
fn made(name: &str) -> Vec<u8> {
    let shipped = workspace().join("templates").join(name).join("template.proto");
    if shipped.exists() {
        return compile_template(&Protos::default(), &shipped).unwrap().descriptor_set;
    }
    assert_eq!(name, "keyval", "a fixture without a template");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.proto");
    std::fs::write(&path, keyval()).unwrap();
    compile_template(&Protos::default(), &path).unwrap().descriptor_set
}

/// What a set says of messages, enums and services, by full name; without language options, comments and paths.
fn content(set: &[u8]) -> BTreeMap<String, String> {
    let pool = DescriptorPool::decode(set).unwrap();
    let own = |package: &str| !["google.protobuf", "gogoproto"].contains(&package);
    let mut content = BTreeMap::new();
    for message in pool.all_messages().filter(|message| own(message.package_name())) {
        content.insert(message.full_name().to_owned(), format!("{:#?}", plain(message.descriptor_proto())));
    }
    for found in pool.all_enums().filter(|found| own(found.package_name())) {
        content.insert(
            found.full_name().to_owned(),
            format!("{:#?}", plain_enum(found.enum_descriptor_proto())),
        );
    }
    for service in pool.services() {
        for method in service.methods() {
            let streams = (method.is_client_streaming(), method.is_server_streaming());
            let (input, output) =
                (method.input().full_name().to_owned(), method.output().full_name().to_owned());
            content.insert(method.full_name().to_owned(), format!("{input} {output} {streams:?}"));
        }
    }
    content
}

fn plain(message: &DescriptorProto) -> DescriptorProto {
    let field = |field: &FieldDescriptorProto| FieldDescriptorProto {
        options: None,
        json_name: None,
        ..field.clone()
    };
    let map_entry = message.options.as_ref().and_then(|options| options.map_entry);
    DescriptorProto {
        field: message.field.iter().map(field).collect(),
        nested_type: message.nested_type.iter().map(plain).collect(),
        enum_type: message.enum_type.iter().map(plain_enum).collect(),
        options: map_entry.map(|map_entry| prost_types::MessageOptions {
            map_entry: Some(map_entry),
            ..prost_types::MessageOptions::default()
        }),
        ..message.clone()
    }
}

fn plain_enum(found: &EnumDescriptorProto) -> EnumDescriptorProto {
    let mut found = EnumDescriptorProto { options: None, ..found.clone() };
    for value in &mut found.value {
        value.options = None;
    }
    found
}

/// Compares our set with the one of a fixture.
fn check(name: &str, ours: &[u8], theirs: &[u8]) {
    let of = |set| Template::from_descriptor_set(name, set).unwrap();
    let (our_template, their_template) = (of(ours), of(theirs));
    let head = |template: &Template| {
        let names = (template.package().to_owned(), template.template_name().to_owned());
        (names, template.variety(), template.grpc_path().to_owned())
    };
    assert_eq!(head(&our_template), head(&their_template), "{name}");
    let (ours, theirs) = (content(ours), content(theirs));
    for (element, text) in &ours {
        let other = theirs.get(element).unwrap_or_else(|| panic!("{name}: the original has no {element}"));
        assert_eq!(text, other, "{name}: {element}");
    }
    // Of the template itself nothing may be missing; what else their files define is their imports' business.
    let package = format!("{}.", our_template.package());
    let missing: Vec<&String> =
        theirs.keys().filter(|key| key.starts_with(&package) && !ours.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{name}: ours lacks {missing:?}");
}

#[test]
fn descriptors_are_those_of_the_original() {
    let fixtures = workspace().join("../shared/fixtures/istio-1.3.8/templates");
    if !fixtures.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return;
    }
    let mut checked = 0;
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---").filter(|document| !document.trim().is_empty()) {
            let resource = yaml(document);
            if resource["kind"] != "template" {
                continue;
            }
            let theirs = resource["spec"]["descriptor"].as_str().unwrap();
            let theirs = base64::engine::general_purpose::STANDARD.decode(theirs).unwrap();
            check(name, &made(name), &theirs);
            checked += 1;
        }
    }
    assert_eq!(checked, 11);
}

#[test]
fn a_descriptor_set_of_the_original_is_passed_on_byte_for_byte() {
    let fixtures = workspace().join("../shared/fixtures/istio-1.3.8/templates");
    if !fixtures.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return;
    }
    let resource = yaml(&std::fs::read_to_string(fixtures.join("metric.yaml")).unwrap().replace("\n---", ""));
    let set = resource["spec"]["descriptor"].as_str().unwrap();
    let set = base64::engine::general_purpose::STANDARD.decode(set).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metric.descriptor_set");
    std::fs::write(&path, &set).unwrap();
    assert_eq!(compile_template(&Protos::default(), Path::new(&path)).unwrap().descriptor_set, set);
}
