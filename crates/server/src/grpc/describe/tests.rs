//! Only what the served services need is kept.

use prost_types::{FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};

use super::*;

fn file(name: &str, imports: &[&str], service: Option<(&str, &[&str])>) -> FileDescriptorProto {
    let service = service.map(|(name, methods)| ServiceDescriptorProto {
        name: Some(name.to_owned()),
        method: methods
            .iter()
            .map(|method| MethodDescriptorProto { name: Some((*method).to_owned()), ..Default::default() })
            .collect(),
        ..Default::default()
    });
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some("test".to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        service: service.into_iter().collect(),
        ..Default::default()
    }
}

fn check(services: &[&str], files: &[&str], methods: &[&str], undescribed: &[&str]) {
    let first = FileDescriptorSet {
        file: vec![
            file("a.proto", &["common.proto"], Some(("A", &["Get", "Put"]))),
            file("common.proto", &["deep.proto", "missing.proto"], None),
            file("deep.proto", &["common.proto"], None),
        ],
    };
    let second = FileDescriptorSet { file: vec![file("b.proto", &[], Some(("B", &["Run"])))] };
    let sets = [first.encode_to_vec().into(), second.encode_to_vec().into()];
    let services: Vec<_> = services.iter().map(|name| (*name).to_owned()).collect();
    let description = Description::of(&services, &sets).unwrap();
    let kept = FileDescriptorSet::decode(&*description.descriptor_set).unwrap();
    assert_eq!(kept.file.iter().map(FileDescriptorProto::name).collect::<Vec<_>>(), files);
    assert_eq!(description.methods, methods);
    assert_eq!(description.undescribed, undescribed);
}

#[test]
fn only_what_the_services_need_is_kept() {
    check(&["test.A"], &["a.proto", "common.proto", "deep.proto"], &["test.A/Get", "test.A/Put"], &[]);
    check(&["test.B"], &["b.proto"], &["test.B/Run"], &[]);
    check(&["test.C", "test.B"], &["b.proto"], &["test.B/Run"], &["test.C"]);
    check(&[], &[], &[], &[]);
}

#[test]
fn a_broken_set_is_an_error() {
    assert!(Description::of(&[], &[Bytes::from_static(&[0x0a, 0x05, 1])]).is_err());
}
