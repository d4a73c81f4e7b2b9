//! The two files of each template agree: the handler service is what the author's form stands for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mixer_proto::template;
use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, Value};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

const POLICY: &str = "istio.policy.v1beta1.";
const NAME: u32 = 72295727;
const BINDINGS: u32 = 72295728;

/// Finds the author's form under the name of its template.
struct Author(PathBuf);

impl FileResolver for Author {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        File::open(name, &self.0.join(name))
    }
}

/// The message of a template file, whatever its package.
fn message(pool: &DescriptorPool, package: &str, name: &str) -> Option<MessageDescriptor> {
    pool.get_message_by_name(&format!("{package}.{name}"))
}

fn author_form(name: &str) -> DescriptorPool {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(project.join("proto")));
    resolver.add(Author(project.join("../../templates").join(name)));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.open_file("template.proto").unwrap_or_else(|error| panic!("{name}: {error}"));
    compiler.descriptor_pool()
}

/// What a field carries, with the messages of the template itself by their plain names.
fn carries(field: &FieldDescriptor, package: &str) -> String {
    let plain = |kind: Kind| match kind {
        Kind::Message(message) => {
            let name = message.full_name();
            name.strip_prefix(&format!("{package}.")).unwrap_or(name).to_owned()
        }
        Kind::Enum(value) => value.full_name().to_owned(),
        other => format!("{other:?}"),
    };
    match (field.is_map(), field.kind(), field.cardinality()) {
        (true, Kind::Message(entry), _) => {
            let value = entry.map_entry_value_field().kind();
            format!("map<{:?}, {}>", entry.map_entry_key_field().kind(), plain(value))
        }
        (_, kind, Cardinality::Repeated) => format!("repeated {}", plain(kind)),
        (_, kind, _) => plain(kind),
    }
}

/// Number to name and content of every field.
fn fields(message: &MessageDescriptor, package: &str) -> BTreeMap<u32, (String, String)> {
    let describe =
        |field: FieldDescriptor| (field.number(), (field.name().to_owned(), carries(&field, package)));
    message.fields().map(describe).collect()
}

/// The forms that a field takes in `InstanceMsg`, `Type` and `InstanceParam`.
fn derived(content: &str, own: &[String]) -> (String, Option<String>, String) {
    let value = format!("{POLICY}Value");
    if own.iter().any(|name| name == content) {
        let named = |suffix: &str| format!("{content}{suffix}");
        return (named("Msg"), Some(named("Type")), named("InstanceParam"));
    }
    if content.starts_with("map<") {
        let dynamic = content.replace(&value, &format!("{POLICY}ValueType"));
        let types = (dynamic != content).then_some(dynamic);
        return (content.to_owned(), types, "map<string, string>".to_owned());
    }
    let types = (content == value).then(|| format!("{POLICY}ValueType"));
    (content.to_owned(), types, "string".to_owned())
}

/// Compares a message of the author's form with the three messages made from it.
fn check_message(author: &MessageDescriptor, service: &DescriptorPool, package: &str, own: &[String]) {
    let top = author.name() == "Template";
    let made = |suffix: &str| {
        let name = match (top, suffix) {
            (true, "Msg") => "InstanceMsg".to_owned(),
            (true, suffix) => suffix.to_owned(),
            (false, suffix) => format!("{}{suffix}", author.name()),
        };
        let message = message(service, package, &name).unwrap_or_else(|| panic!("{package} has no {name}"));
        fields(&message, package)
    };
    let (mut instance, mut types, mut params) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (number, (name, content)) in fields(author, author.package_name()) {
        let (instance_form, type_form, param_form) = derived(&content, own);
        instance.insert(number, (name.clone(), instance_form));
        types.extend(type_form.map(|form| (number, (name.clone(), form))));
        params.insert(number, (name, param_form));
    }
    if top {
        instance.insert(NAME, ("name".to_owned(), "string".to_owned()));
    }
    if top && author.parent_file().messages().any(|other| other.name() == "OutputTemplate") {
        params.insert(BINDINGS, ("attribute_bindings".to_owned(), "map<string, string>".to_owned()));
    }
    assert_eq!(made("Msg"), instance, "{package}");
    assert_eq!(made("Type"), types, "{package}");
    assert_eq!(made("InstanceParam"), params, "{package}");
}

#[test]
fn handler_service_is_made_from_the_author_form() {
    for name in template::NAMES {
        let author = author_form(name);
        let file = author.get_file_by_name("template.proto").expect("compiled");
        let service = DescriptorPool::decode(template::descriptor_set(name).unwrap()).expect("a set");
        let package = file.package_name().to_lowercase();
        let variety = |pool: &DescriptorPool, file: &str| -> Value {
            let option = "istio.mixer.adapter.model.v1beta1.template_variety";
            let extension = pool.get_extension_by_name(option).expect("declared");
            pool.get_file_by_name(file).expect("compiled").options().get_extension(&extension).into_owned()
        };
        let service_file = service.services().next().expect("a service").parent_file();
        assert_eq!(service_file.package_name(), package);
        assert_eq!(variety(&author, "template.proto"), variety(&service, service_file.name()), "{name}");

        let messages: Vec<MessageDescriptor> = file.messages().collect();
        let own: Vec<String> = messages.iter().map(|message| message.name().to_owned()).collect();
        for message in &messages {
            if message.name() != "OutputTemplate" {
                check_message(message, &service, &package, &own);
            }
        }
        let output = message(&service, &package, "OutputMsg").map(|output| fields(&output, &package));
        let author_output = messages.iter().find(|message| message.name() == "OutputTemplate");
        assert_eq!(output, author_output.map(|output| fields(output, file.package_name())), "{name}");
    }
}
