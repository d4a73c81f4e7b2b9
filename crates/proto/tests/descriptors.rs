//! The checked-in descriptor sets are whole, lean, and keep the options that make a file a template.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use mixer_proto::{DESCRIPTOR_SET, template};
use prost::Message as _;
use prost_reflect::{DescriptorPool, FileDescriptor, Value};
use prost_types::FileDescriptorSet;

const OPTIONS: &str = "istio.mixer.adapter.model.v1beta1";

fn sets() -> Vec<(&'static str, &'static [u8])> {
    let mut sets = vec![("api", DESCRIPTOR_SET)];
    sets.extend(template::NAMES.iter().map(|name| (*name, template::descriptor_set(name).unwrap())));
    sets
}

/// The value of a template option of a file.
fn option(file: &FileDescriptor, name: &str) -> Value {
    let pool = file.parent_pool();
    let extension = pool.get_extension_by_name(&format!("{OPTIONS}.{name}")).expect("declared");
    let options = file.options();
    assert!(options.has_extension(&extension), "{} has no {name}", file.name());
    options.get_extension(&extension).into_owned()
}

/// The file of a template's set that has the handler service.
fn handler_service(name: &str) -> FileDescriptor {
    let pool = DescriptorPool::decode(template::descriptor_set(name).unwrap()).expect("a descriptor set");
    let services: Vec<_> = pool.services().collect();
    assert_eq!(services.len(), 1, "{name}");
    services[0].parent_file()
}

#[test]
fn every_folder_is_a_template_of_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let folders: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("templates")
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, template::NAMES.iter().map(|name| (*name).to_owned()).collect());
    assert!(template::NAMES.is_sorted());
    assert!(template::descriptor_set("nosuch").is_none());
}

#[test]
fn imports_are_in_and_comments_are_not() {
    for (name, bytes) in sets() {
        let set = FileDescriptorSet::decode(bytes).expect("a descriptor set");
        let mut seen = BTreeSet::new();
        for file in &set.file {
            assert!(file.source_code_info.is_none(), "{name}: {}", file.name());
            for import in &file.dependency {
                assert!(seen.contains(import.as_str()), "{name}: {} lacks {import}", file.name());
            }
            seen.insert(file.name());
        }
        DescriptorPool::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn template_options() {
    let cases = [
        ("apikey", 0),
        ("authorization", 0),
        ("checknothing", 0),
        ("edge", 1),
        ("kubernetes", 3),
        ("listentry", 0),
        ("logentry", 1),
        ("metric", 1),
        ("quota", 2),
        ("reportnothing", 1),
        ("tracespan", 1),
    ];
    assert_eq!(cases.map(|(name, _)| name), template::NAMES);
    for (name, variety) in cases {
        let file = handler_service(name);
        assert_eq!(option(&file, "template_variety"), Value::EnumNumber(variety), "{name}");
        assert_eq!(option(&file, "template_name"), Value::String(name.to_owned()), "{name}");
    }
}

/// The options as bytes, so that a reader without our extension file finds them too.
#[test]
fn template_options_are_in_the_bytes() {
    let options = b"\xf8\xd2\xe4\x93\x02\x01\x82\xdd\xe4\x93\x02\x06metric";
    let bytes = template::descriptor_set("metric").unwrap();
    assert!(bytes.windows(options.len()).any(|window| window == options));
}

#[test]
fn method_paths() {
    let cases = [
        ("apikey", "/apikey.HandleApiKeyService/HandleApiKey"),
        ("authorization", "/authorization.HandleAuthorizationService/HandleAuthorization"),
        ("checknothing", "/checknothing.HandleCheckNothingService/HandleCheckNothing"),
        ("edge", "/edge.HandleEdgeService/HandleEdge"),
        ("kubernetes", "/adapter.template.kubernetes.HandleKubernetesService/HandleKubernetes"),
        ("listentry", "/listentry.HandleListEntryService/HandleListEntry"),
        ("logentry", "/logentry.HandleLogEntryService/HandleLogEntry"),
        ("metric", "/metric.HandleMetricService/HandleMetric"),
        ("quota", "/quota.HandleQuotaService/HandleQuota"),
        ("reportnothing", "/reportnothing.HandleReportNothingService/HandleReportNothing"),
        ("tracespan", "/tracespan.HandleTraceSpanService/HandleTraceSpan"),
    ];
    assert_eq!(cases.map(|(name, _)| name), template::NAMES);
    for (name, path) in cases {
        let service = handler_service(name).services().next().unwrap();
        let method = service.methods().next().unwrap();
        assert_eq!(format!("/{}/{}", service.full_name(), method.name()), path);
        assert_eq!(service.methods().count(), 1);
    }
}

#[test]
fn services_of_the_api() {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).expect("a descriptor set");
    let services: BTreeSet<_> = pool.services().map(|service| service.full_name().to_owned()).collect();
    let expected = ["istio.mixer.v1.Mixer", "istio.mixer.adapter.model.v1beta1.InfrastructureBackend"];
    assert_eq!(services, expected.map(str::to_owned).into());
}
