//! What is made from the `.proto` files: messages and descriptor sets for `mixer-proto`, services for
//! `mixer-rpc`, one descriptor set for each template, and the configuration types of each adapter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prost_types::FileDescriptorSet;

use super::descriptors::Sources;
use super::rust::{self, Half, Unit};
use super::{Outputs, entries};

/// Directory of the API's files; a path below it is an import name.
const API: &str = "crates/proto/proto";
const PROTO_OUT: &str = "crates/proto/src/generated";
const RPC_OUT: &str = "crates/rpc/src/generated";
const TEMPLATES: &str = "templates";
const HANDLER_SERVICE: &str = "template_handler_service";
const ADAPTERS: &str = "adapters";

const INDEX_HEAD: &str =
    "//! Declares what `cargo xtask gen` makes; do not edit.\n#![allow(unreachable_pub)]\n\n";

/// Where the files of OTLP stand below it. They have a descriptor set of their own, as reflection does not serve them.
const OTLP: &str = "opentelemetry/";

/// The packages of the API and of OTLP with their modules in `mixer-proto`.
const API_PACKAGES: [(&str, &str); 12] = [
    ("google.rpc", "google::rpc"),
    ("istio.mixer.adapter.model.v1beta1", "adapter::v1beta1"),
    ("istio.mixer.v1", "mixer::v1"),
    ("istio.policy.v1beta1", "policy::v1beta1"),
    ("opentelemetry.proto.collector.logs.v1", "otlp::collector::logs"),
    ("opentelemetry.proto.collector.metrics.v1", "otlp::collector::metrics"),
    ("opentelemetry.proto.collector.trace.v1", "otlp::collector::trace"),
    ("opentelemetry.proto.common.v1", "otlp::common"),
    ("opentelemetry.proto.logs.v1", "otlp::logs"),
    ("opentelemetry.proto.metrics.v1", "otlp::metrics"),
    ("opentelemetry.proto.resource.v1", "otlp::resource"),
    ("opentelemetry.proto.trace.v1", "otlp::trace"),
];

/// A shipped template.
struct Template {
    /// Name of its folder and of its Rust module.
    name: String,
    /// Import name of its handler service.
    import: String,
    /// Package of its handler service.
    package: String,
}

/// Makes everything that comes from `.proto` files.
pub(super) fn generate(root: &Path, outputs: &mut Outputs) -> anyhow::Result<()> {
    let mut sources = Sources { include: root.join(API), elsewhere: BTreeMap::new() };
    let api = find_protos(root, Path::new(API))?;
    let (otlp, api): (Vec<&str>, Vec<&str>) =
        api.iter().map(String::as_str).partition(|name| name.starts_with(OTLP));
    let templates = templates(root, &mut sources)?;

    outputs.note_present_below(root, Path::new(PROTO_OUT))?;
    outputs.note_present_below(root, Path::new(RPC_OUT))?;
    outputs.put(format!("{PROTO_OUT}/api.desc"), sources.encode(&api)?);
    outputs.put(format!("{PROTO_OUT}/otlp.desc"), sources.encode(&otlp)?);
    for name in entries(&root.join(TEMPLATES))? {
        outputs.note_present(root, template_descriptor(&name));
    }
    for template in &templates {
        outputs.put(template_descriptor(&template.name), sources.encode(&[&template.import])?);
    }

    let mut names = api;
    names.extend(otlp);
    names.extend(templates.iter().map(|template| template.import.as_str()));
    let set = sources.describe(&names)?;
    messages(root, &set, &templates, outputs)?;
    services(root, &set, &templates, outputs)?;
    adapters(root, &mut sources, outputs)
}

fn template_descriptor(name: &str) -> PathBuf {
    Path::new(TEMPLATES).join(name).join(format!("{HANDLER_SERVICE}.desc"))
}

/// Import names of the files below a directory.
fn find_protos(root: &Path, directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in entries(&root.join(directory))? {
        let path = directory.join(&name);
        if root.join(&path).is_dir() {
            found.extend(find_protos(root, &path)?);
        } else if name.ends_with(".proto") {
            found.push(path.strip_prefix(API)?.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// Finds the template folders and compiles both of their files.
fn templates(root: &Path, sources: &mut Sources) -> anyhow::Result<Vec<Template>> {
    let mut found = Vec::new();
    for name in entries(&root.join(TEMPLATES))? {
        let folder = root.join(TEMPLATES).join(&name);
        if !folder.join(format!("{HANDLER_SERVICE}.proto")).is_file() {
            continue;
        }
        let (author, service) = template_imports(&name);
        sources.elsewhere.insert(author.clone(), folder.join("template.proto"));
        sources.elsewhere.insert(service.clone(), folder.join(format!("{HANDLER_SERVICE}.proto")));
        // Nothing is made from the author's form here, but it has to be sound.
        sources.encode(&[&author])?;
        let set = sources.describe(&[&service])?;
        let file = set.file.iter().find(|file| file.name() == service);
        let package = file.context("a compiled file is missing from its own set")?.package().to_owned();
        found.push(Template { name, import: service, package });
    }
    Ok(found)
}

/// Import names of a template's two files, as they are known in Istio.
fn template_imports(name: &str) -> (String, String) {
    let (folder, file) = match name {
        "kubernetes" => ("mixer/adapter/kubernetesenv/template".to_owned(), "template"),
        "tracespan" => (format!("mixer/template/{name}"), "tracespan"),
        _ => (format!("mixer/template/{name}"), "template"),
    };
    (format!("{folder}/{file}.proto"), format!("{folder}/{file}_handler_service.proto"))
}

/// Makes the modules of `mixer-proto`.
fn messages(
    root: &Path,
    set: &FileDescriptorSet,
    templates: &[Template],
    outputs: &mut Outputs,
) -> anyhow::Result<()> {
    let known = api_paths("crate");
    for (package, _) in API_PACKAGES {
        let title = format!("Messages of the protobuf package `{package}`.");
        let unit = Unit { package, half: Half::Messages, title: &title, known: &known };
        outputs.put(format!("{PROTO_OUT}/{}.rs", module(package)), rust::source(root, set, &unit)?);
    }
    for Template { name, package, .. } in templates {
        let title = format!("Messages of the template `{name}`.");
        let unit = Unit { package, half: Half::Messages, title: &title, known: &known };
        outputs.put(format!("{PROTO_OUT}/template/{name}.rs"), rust::source(root, set, &unit)?);
    }
    index(root, PROTO_OUT, templates, outputs, &API_PACKAGES.map(|(package, _)| package))
}

/// Makes the modules of `mixer-rpc`.
fn services(
    root: &Path,
    set: &FileDescriptorSet,
    templates: &[Template],
    outputs: &mut Outputs,
) -> anyhow::Result<()> {
    let mut known = api_paths("::mixer_proto");
    for Template { name, package, .. } in templates {
        known.push((package.clone(), format!("::mixer_proto::template::{name}")));
    }
    let mut packages: Vec<&str> = Vec::new();
    for (package, _) in API_PACKAGES {
        if !set.file.iter().any(|file| file.package() == package && !file.service.is_empty()) {
            continue;
        }
        packages.push(package);
        let title = format!("Services of the protobuf package `{package}`.");
        let unit = Unit { package, half: Half::Services, title: &title, known: &known };
        outputs.put(format!("{RPC_OUT}/{}.rs", module(package)), rust::source(root, set, &unit)?);
    }
    for Template { name, package, .. } in templates {
        let title = format!("Handler service of the template `{name}`.");
        let unit = Unit { package, half: Half::Services, title: &title, known: &known };
        outputs.put(format!("{RPC_OUT}/template/{name}.rs"), rust::source(root, set, &unit)?);
    }
    index(root, RPC_OUT, templates, outputs, &packages)
}

/// Writes the file that declares the generated modules of a package: `generated.rs` beside `generated/`.
fn index(
    root: &Path,
    directory: &str,
    templates: &[Template],
    outputs: &mut Outputs,
    packages: &[&str],
) -> anyhow::Result<()> {
    let mut code = INDEX_HEAD.to_owned();
    for package in packages {
        writeln!(code, "pub mod {};", module(package))?;
    }
    code.push_str("\n/// The shipped templates.\npub mod template {\n");
    for template in templates {
        writeln!(code, "pub mod {};", template.name)?;
    }
    code.push_str("}\n");
    outputs.put(format!("{directory}.rs"), rust::format(root, &code)?);
    Ok(())
}

/// Makes the configuration types of every adapter that has a `config.proto`.
fn adapters(root: &Path, sources: &mut Sources, outputs: &mut Outputs) -> anyhow::Result<()> {
    let known = api_paths("::mixer_proto");
    for name in entries(&root.join(ADAPTERS))? {
        let folder = Path::new(ADAPTERS).join(&name);
        let (code, descriptor) = (folder.join("src/generated.rs"), folder.join("src/config.desc"));
        outputs.note_present(root, code.clone());
        outputs.note_present(root, descriptor.clone());
        let source = root.join(&folder).join("config.proto");
        if !source.is_file() {
            continue;
        }
        let import = format!("mixer/adapter/{name}/config/config.proto");
        sources.elsewhere.insert(import.clone(), source);
        let set = sources.describe(&[&import])?;
        let file = set.file.iter().find(|file| file.name() == import);
        let package = file.context("a compiled file is missing from its own set")?.package();
        let title = format!("Configuration of the adapter, messages of the protobuf package `{package}`.");
        let unit = Unit { package, half: Half::Messages, title: &title, known: &known };
        outputs.put(code, rust::source(root, &set, &unit)?);
        outputs.put(descriptor, sources.encode(&[&import])?);
    }
    Ok(())
}

/// Where the Rust items of the API are, seen from a crate that reaches `mixer-proto` as `base`.
fn api_paths(base: &str) -> Vec<(String, String)> {
    API_PACKAGES.map(|(package, path)| (package.to_owned(), format!("{base}::{path}"))).to_vec()
}

/// Rust module of a protobuf package.
fn module(package: &str) -> String {
    package.replace('.', "_")
}
