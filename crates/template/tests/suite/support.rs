//! What the tests share: proto text to descriptor sets, YAML text to nodes, bytes to readable messages.

use std::path::{Path, PathBuf};

use mixer_template::{Key, Node, NodeValue, ParamsProblem, Position, Template};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Proto files that a test writes inline.
struct Inline(Vec<(String, String)>);

impl FileResolver for Inline {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|(file, _)| file == name) {
            Some((file, source)) => File::from_source(file, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// The descriptor set of inline proto files (the last one is compiled), with everything that they import.
pub(crate) fn descriptor_set(files: &[(&str, &str)]) -> Vec<u8> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Inline(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()));
    resolver.add(GoogleFileResolver::new());
    resolver.add(IncludeFileResolver::new(workspace().join("crates/proto/proto")));
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for (name, _) in files {
        compiler.open_file(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    compiler.encode_file_descriptor_set()
}

/// A handler service proto: the fixed head, then the messages of the test.
pub(crate) fn handler_proto(variety: &str, package: &str, messages: &str) -> String {
    let title = format!("{}{}", package[..1].to_uppercase(), &package[1..]);
    format!(
        "syntax = \"proto3\";
        package {package};
        import \"google/protobuf/any.proto\";
        import \"google/protobuf/duration.proto\";
        import \"google/protobuf/timestamp.proto\";
        import \"mixer/adapter/model/v1beta1/check.proto\";
        import \"mixer/adapter/model/v1beta1/extensions.proto\";
        import \"policy/v1beta1/type.proto\";
        import \"policy/v1beta1/value_type.proto\";
        option (istio.mixer.adapter.model.v1beta1.template_variety) = {variety};
        option (istio.mixer.adapter.model.v1beta1.template_name) = \"{package}\";
        service Handle{title}Service {{
          rpc Handle{title}(Handle{title}Request) returns (istio.mixer.adapter.model.v1beta1.CheckResult);
        }}
        message Handle{title}Request {{
          InstanceMsg instance = 1;
          google.protobuf.Any adapter_config = 2;
          string dedup_id = 3;
        }}
        {messages}"
    )
}

/// A template of the given messages.
pub(crate) fn template_of(variety: &str, package: &str, messages: &str) -> Template {
    let source = handler_proto(variety, package, messages);
    let set = descriptor_set(&[("handler.proto", &source)]);
    Template::from_descriptor_set(package, &set).unwrap_or_else(|error| panic!("{error}"))
}

/// One of the shipped templates.
pub(crate) fn shipped(name: &str) -> Template {
    let set = mixer_proto::template::descriptor_set(name).unwrap_or_else(|| panic!("no template {name}"));
    Template::from_descriptor_set(name, set).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// YAML as a node; every node and key gets a position of its own, counted in document order.
pub(crate) fn yaml(text: &str) -> Node {
    node_of(serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// The same for a document that was read already.
pub(crate) fn node_of(value: serde_json::Value) -> Node {
    node(value, &mut 0)
}

fn node(value: serde_json::Value, line: &mut u32) -> Node {
    *line += 1;
    let position = Position { line: *line, column: 1 };
    let value = match value {
        serde_json::Value::Null => NodeValue::Null,
        serde_json::Value::Bool(v) => NodeValue::Bool(v),
        serde_json::Value::Number(v) => match (v.as_i64(), v.as_u64(), v.as_f64()) {
            (Some(v), ..) => NodeValue::Int(v),
            (_, Some(v), _) => NodeValue::UInt(v),
            (.., v) => NodeValue::Float(v.unwrap_or_default()),
        },
        serde_json::Value::String(v) => NodeValue::String(v),
        serde_json::Value::Array(v) => NodeValue::List(v.into_iter().map(|v| node(v, line)).collect()),
        serde_json::Value::Object(v) => NodeValue::Map(
            v.into_iter()
                .map(|(text, v)| {
                    *line += 1;
                    (Key { text, position: Position { line: *line, column: 1 } }, node(v, line))
                })
                .collect(),
        ),
    };
    Node { value, position }
}

/// The JSON form of encoded bytes: an independent decoder's view of them.
pub(crate) fn json(message: &MessageDescriptor, bytes: &[u8]) -> serde_json::Value {
    let message = DynamicMessage::decode(message.clone(), bytes).unwrap_or_else(|error| panic!("{error}"));
    serde_json::to_value(&message).unwrap_or_else(|error| panic!("{error}"))
}

/// Problems as one line each.
pub(crate) fn lines(problems: &[ParamsProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
