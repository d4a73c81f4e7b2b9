//! Reading descriptor sets: what is found in good ones, what is said about bad ones.

use base64::Engine as _;
use mixer_template::{ParamsMessage, Template, Variety};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::instance::{Setting, vocabulary};
use crate::support::{descriptor_set, handler_proto, shipped, workspace, yaml};

#[test]
fn shipped_templates_are_read() {
    let check = |name: &str, variety: Variety, path: &str| {
        let template = shipped(name);
        assert_eq!(template.name().as_ref(), name);
        assert_eq!(template.variety(), variety, "{name}");
        assert_eq!(template.grpc_path(), path, "{name}");
        assert_eq!(template.instance_message().full_name(), format!("{}.InstanceMsg", template.package()));
        assert_eq!(template.output_message().is_some(), variety.has_output(), "{name}");
        assert!(template.type_message().is_some(), "{name}");
    };
    check("apikey", Variety::Check, "/apikey.HandleApiKeyService/HandleApiKey");
    check("authorization", Variety::Check, "/authorization.HandleAuthorizationService/HandleAuthorization");
    check("checknothing", Variety::Check, "/checknothing.HandleCheckNothingService/HandleCheckNothing");
    check("edge", Variety::Report, "/edge.HandleEdgeService/HandleEdge");
    check(
        "kubernetes",
        Variety::AttributeGenerator,
        "/adapter.template.kubernetes.HandleKubernetesService/HandleKubernetes",
    );
    check("listentry", Variety::Check, "/listentry.HandleListEntryService/HandleListEntry");
    check("logentry", Variety::Report, "/logentry.HandleLogEntryService/HandleLogEntry");
    check("metric", Variety::Report, "/metric.HandleMetricService/HandleMetric");
    check("quota", Variety::Quota, "/quota.HandleQuotaService/HandleQuota");
    check("reportnothing", Variety::Report, "/reportnothing.HandleReportNothingService/HandleReportNothing");
    check("tracespan", Variety::Report, "/tracespan.HandleTraceSpanService/HandleTraceSpan");
    assert_eq!(mixer_proto::template::NAMES.len(), 11);
}

const INSTANCE: &str = "message InstanceMsg { string name = 72295727; string key = 1; }";

#[test]
fn check_with_output_is_read() {
    let source = handler_proto(
        "TEMPLATE_VARIETY_CHECK_WITH_OUTPUT",
        "keyval",
        &format!("{INSTANCE} message OutputMsg {{ string value = 2; }}"),
    );
    let template = Template::from_descriptor_set("kv", &descriptor_set(&[("t.proto", &source)])).unwrap();
    assert_eq!(template.template_name(), "keyval");
    assert_eq!(template.variety().to_string(), "TEMPLATE_VARIETY_CHECK_WITH_OUTPUT");
    assert_eq!(template.output_message().unwrap().full_name(), "keyval.OutputMsg");
    assert!(template.type_message().is_none());
}

/// A set keeps what the options say even when the files that nothing but options need are not in it.
#[test]
fn a_set_without_the_files_of_its_options_is_read() {
    let source = handler_proto("TEMPLATE_VARIETY_CHECK", "keyval", INSTANCE);
    let full = descriptor_set(&[("t.proto", &source)]);
    let unneeded = ["mixer/adapter/model/v1beta1/extensions.proto", "google/protobuf/descriptor.proto"];
    // prost drops options that it does not know, so the files are cut from the bytes.
    let pruned = cut_files(&full, |name| !unneeded.contains(&name));
    assert!(pruned.len() < full.len());
    let template = Template::from_descriptor_set("kv", &pruned).unwrap();
    assert_eq!(template.grpc_path(), "/keyval.HandleKeyvalService/HandleKeyval");
    // Google's own types may be missing too.
    let pruned = cut_files(&full, |name| !name.starts_with("google/protobuf/"));
    assert!(Template::from_descriptor_set("kv", &pruned).is_ok());
}

fn cut_files(set: &[u8], keep: impl Fn(&str) -> bool) -> Vec<u8> {
    let names: Vec<String> =
        FileDescriptorSet::decode(set).unwrap().file.iter().map(|file| file.name().to_owned()).collect();
    let mut out = Vec::new();
    let mut rest = set;
    for name in names {
        assert_eq!(rest[0], 0x0a);
        let mut tail = &rest[1..];
        let len = prost::encoding::decode_varint(&mut tail).unwrap() as usize;
        let whole = rest.len() - tail.len() + len;
        if keep(&name) {
            out.extend_from_slice(&rest[..whole]);
        }
        rest = &rest[whole..];
    }
    assert!(rest.is_empty());
    out
}

#[test]
fn bad_descriptors_are_refused_with_a_reason() {
    let check = |set: &[u8], want: &str| match Template::from_descriptor_set("t", set) {
        Ok(template) => panic!("{template:?} was taken, expected {want}"),
        Err(error) => assert!(error.to_string().contains(want), "{error}, expected {want}"),
    };
    let one = |source: &str| descriptor_set(&[("t.proto", source)]);
    let good = handler_proto("TEMPLATE_VARIETY_CHECK", "keyval", INSTANCE);
    check(b"", "has no file");
    check(b"\xff\xff", "not a descriptor set");
    check(b"plain text", "not a descriptor set");
    check(
        &one("syntax = \"proto3\"; message InstanceMsg {}"),
        "no proto file has the option template_variety",
    );
    let second = good.replace("package keyval", "package other");
    check(
        &descriptor_set(&[("t.proto", &good), ("u.proto", &second)]),
        "proto files t.proto and u.proto both have the option template_variety",
    );
    let name = "option (istio.mixer.adapter.model.v1beta1.template_name) = \"keyval\";";
    check(&one(&good.replace(name, "")), "t.proto is missing the option template_name");
    check(
        &one(&good.replace("= \"keyval\"", "= \"key-val\"")),
        "template_name \"key-val\" must be letters only",
    );
    check(&one(&good.replace("= \"keyval\"", "= \"\"")), "template_name \"\" must be letters only");
    check(
        &one(&good.replace("service Handle", "service Serve")),
        "no service whose name starts with \"Handle\"",
    );
    let rpc = good.lines().find(|line| line.trim_start().starts_with("rpc ")).unwrap();
    check(&one(&good.replace(rpc, "")), "service keyval.HandleKeyvalService has no method");
    check(&one(&good.replace("InstanceMsg", "Instance")), "message keyval.InstanceMsg is missing");
    check(
        &one(&good.replace("VARIETY_CHECK", "VARIETY_ATTRIBUTE_GENERATOR")),
        "message keyval.OutputMsg is missing",
    );
    let text = |set: &[u8], from: &str, to: &str| {
        let place = set.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
        let mut set = set.to_vec();
        set[place..place + from.len()].copy_from_slice(to.as_bytes());
        set
    };
    check(
        &text(&one(&good), "proto3", "protoX"),
        "proto file t.proto is written in \"protoX\"; write it in proto3",
    );
    check(&text(&one(&good), "dedup_id", "instance"), "the descriptor set is not valid: ");
    check(
        &cut_files(&one(&good), |name| name != "mixer/adapter/model/v1beta1/check.proto"),
        "type istio.mixer.adapter.model.v1beta1.CheckResult is used by t.proto but is not in the descriptor set",
    );
}

#[test]
fn params_messages_are_found() {
    let source = "syntax = \"proto3\"; package my.adapter; message Params { string a = 1; } message Other {}";
    let set = descriptor_set(&[("config.proto", source)]);
    let params = ParamsMessage::find(&set).unwrap();
    assert_eq!(params.full_name(), "my.adapter.Params");
    assert_eq!(params.type_url(), "type.googleapis.com/my.adapter.Params");
    assert_eq!(ParamsMessage::named(&set, "my.adapter.Other").unwrap().full_name(), "my.adapter.Other");
    let error = ParamsMessage::named(&set, "my.adapter.Nothing").unwrap_err().to_string();
    assert!(error.contains("no message named my.adapter.Nothing"), "{error}");
    let none = descriptor_set(&[("config.proto", "syntax = \"proto3\"; message A { message Params {} }")]);
    let error = ParamsMessage::find(&none).unwrap_err().to_string();
    assert!(error.contains("no message named Params"), "{error}");
}

/// The descriptors that the original's operators applied.
#[test]
fn original_template_and_adapter_resources_are_read() {
    let fixtures = workspace().join("../shared/fixtures/istio-1.3.8");
    if !fixtures.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return;
    }
    let mut templates = 0;
    for (folder, key) in [("templates", "descriptor: "), ("adapters", "config: ")] {
        for entry in std::fs::read_dir(fixtures.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| line.trim_start().starts_with(key)) {
                let encoded = line.trim_start()[key.len()..].trim().trim_matches('"');
                if encoded.is_empty() {
                    continue;
                }
                let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
                if key == "config: " {
                    ParamsMessage::find(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    continue;
                }
                let name = path.file_stem().unwrap().to_str().unwrap();
                let template = Template::from_descriptor_set(name, &bytes)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                if mixer_proto::template::NAMES.contains(&name) {
                    assert_eq!(template.grpc_path(), shipped(name).grpc_path());
                    assert_eq!(template.variety(), shipped(name).variety());
                }
                templates += 1;
            }
        }
    }
    assert_eq!(templates, 11);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A damaged descriptor set is refused or read, and what is read can be used.
    #[test]
    fn damaged_descriptor_sets_do_not_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut set = mixer_proto::template::descriptor_set("metric").unwrap().to_vec();
        for (place, byte) in changes {
            let place = place.index(set.len());
            set[place] = byte;
        }
        if let Some(cut) = cut {
            set.truncate(cut.index(set.len()));
        }
        if let Ok(template) = Template::from_descriptor_set("metric", &set) {
            mixer_template::OutputDecoder::new(&template);
            let params = yaml("{value: '1', dimensions: {a: '\"b\"'}, monitored_resource_type: '\"c\"'}");
            let _ = Setting::expressions(&template).compile(&params, &mut vocabulary());
        }
        drop(ParamsMessage::find(&set));
    }
}
