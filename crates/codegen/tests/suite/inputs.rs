//! What can be read: `.proto` files and descriptor sets of either form, with or without their imports.

use std::fs;
use std::path::{Path, PathBuf};

use mixer_codegen::{Protos, Rule, compile_template, config_descriptor, handler_service};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tempfile::TempDir;

use crate::support::{author, model, source};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

fn sample() -> String {
    author("sample", "CHECK", "message Template { string text = 1; }")
}

fn compile(path: &Path) -> Result<Vec<u8>, String> {
    let compiled = compile_template(&Protos::default(), path).map_err(|error| error.to_string())?;
    assert_eq!(
        (&**compiled.template.name(), compiled.template.grpc_path()),
        ("sample", "/sample.HandleSampleService/HandleSample")
    );
    Ok(compiled.descriptor_set)
}

#[test]
fn either_form_in_either_shape_gives_the_same_template() {
    let folder = Folder::new();
    let author_form = folder.write("template.proto", sample());
    let made = handler_service(&model(&sample()).unwrap());
    let generated = folder.write("template_handler_service.proto", made);
    let expected = compile(&author_form).unwrap();
    assert_eq!(compile(&generated).unwrap(), expected);
    let author_set = folder.write("template.descriptor_set", source(&sample()).unwrap().descriptor_set());
    assert_eq!(compile(&author_set).unwrap(), expected);
    let set = folder.write("service.descriptor_set", &expected);
    assert_eq!(compile(&set).unwrap(), expected);
}

#[test]
fn a_set_without_imports_is_completed_from_what_is_built_in() {
    let config = "syntax = \"proto3\"; package x; import \"policy/v1beta1/type.proto\";
        message Params { istio.policy.v1beta1.Value value = 1; }";
    let mut set = FileDescriptorSet::decode(source(config).unwrap().descriptor_set()).unwrap();
    set.file.retain(|file| file.name() == "template.proto");
    let completed = Protos::descriptor_set(&set.encode_to_vec(), "some.set").unwrap();
    let completed = FileDescriptorSet::decode(completed.descriptor_set()).unwrap();
    assert!(completed.file.iter().any(|file| file.name() == "policy/v1beta1/type.proto"));

    set.file[0].dependency.push("no/such.proto".to_owned());
    let error = Protos::descriptor_set(&set.encode_to_vec(), "some.set").unwrap_err();
    assert_eq!(error.diagnostics()[0].rule, Rule::Compile);
    let text = error.to_string();
    assert!(text.contains("no/such.proto") && text.contains("--include_imports"), "{text}");
}

#[test]
fn what_is_no_set() {
    for bytes in [&b""[..], b"syntax = \"proto3\";", b"\x0a\x05\x0a\xff"] {
        let error = Protos::descriptor_set(bytes, "some.set").unwrap_err().to_string();
        assert!(error.starts_with("some.set: not a descriptor set"), "{error}");
    }
    let error = Protos::default().read(Path::new("no/such.proto")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read no/such.proto: "), "{error}");
}

#[test]
fn damaged_sets_are_refused_not_fatal() {
    let whole = source(&sample()).unwrap().descriptor_set().to_vec();
    for index in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[index] = bytes[index].wrapping_add(1);
        // Either is fine; a panic is not.
        let _ = Protos::descriptor_set(&bytes, "some.set").map(|source| mixer_codegen::Model::read(&source));
        let _ = Protos::descriptor_set(&whole[..index], "some.set");
    }
}

#[test]
fn imports_are_found() {
    let folder = Folder::new();
    let text = sample().replace(
        "message Template {",
        "import \"gogoproto/gogo.proto\"; import \"shared/common.proto\"; import \"near.proto\";\n\
         option (gogoproto.goproto_getters_all) = false;\nmessage Template { Common common = 2; Near near = 3;",
    );
    let common = "syntax = \"proto3\"; package sample; message Common { string a = 1; }";
    folder.write("protos/shared/common.proto", common);
    folder.write("mine/near.proto", common.replace("Common", "Near"));
    let path = folder.write("mine/template.proto", &text);
    let missing = compile(&path).unwrap_err();
    assert!(
        missing.contains("mine/template.proto:6:") && missing.contains("shared/common.proto"),
        "{missing}"
    );
    let protos = Protos::new(vec![folder.0.path().join("protos")]);
    let compiled = compile_template(&protos, &path).unwrap();
    let names: Vec<String> =
        compiled.template.instance_message().fields().map(|f| f.name().to_owned()).collect();
    assert_eq!(names, ["text", "common", "near", "name"]);
}

#[test]
fn a_handler_service_has_to_be_one_that_can_be_called() {
    let made = handler_service(&model(&sample()).unwrap());
    for (from, to, rule, part) in [
        (
            "rpc HandleSample(",
            "rpc HandleSample(stream ",
            Rule::Unary,
            "method HandleSample of HandleSampleService streams",
        ),
        ("returns (", "returns (stream ", Rule::Unary, "streams"),
        (
            "  rpc HandleSample(HandleSampleRequest) returns (istio.mixer.adapter.model.v1beta1.CheckResult);",
            "",
            Rule::HandlerService,
            "no method",
        ),
    ] {
        let folder = Folder::new();
        let path = folder.write("service.proto", made.replace(from, to));
        let error = compile_template(&Protos::default(), &path).unwrap_err();
        let found = &error.diagnostics()[0];
        assert_eq!(found.rule, rule, "{error}");
        assert!(found.message.contains(part), "{error}");
        assert_eq!(found.line.is_some(), rule == Rule::Unary);
    }
}

#[test]
fn a_configuration_has_params() {
    let folder = Folder::new();
    let config = "syntax = \"proto3\"; package adapter.x.config; message Params { string a = 1; }";
    let path = folder.write("config.proto", config);
    let set = config_descriptor(&Protos::default(), &path).unwrap();
    let again = folder.write("config.descriptor", &set);
    assert_eq!(config_descriptor(&Protos::default(), &again).unwrap(), set);
    let path = folder.write("other.proto", config.replace("Params", "Other"));
    let error = config_descriptor(&Protos::default(), &path).unwrap_err();
    assert_eq!(error.diagnostics()[0].rule, Rule::Params, "{error}");
}
