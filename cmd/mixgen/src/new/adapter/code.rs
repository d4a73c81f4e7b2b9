//! The Rust of a new adapter that depends on its templates. It is written as rustfmt would.

use std::collections::BTreeSet;

use mixer_codegen::Variety;

use super::takes::{Own, Takes};

/// The longest line of rustfmt.
const WIDTH: usize = 100;

/// The modules of `src/lib.rs`.
pub(super) fn modules(takes: &[Takes]) -> String {
    let own = takes.iter().filter(|takes| takes.own.is_some()).map(|takes| takes.name.as_str());
    let names: BTreeSet<&str> = own.chain(["config", "handler"]).collect();
    names.iter().map(|name| format!("mod {name};\n")).collect()
}

/// The templates as a tuple type, where an associated type has it.
pub(super) fn tuple(takes: &[Takes]) -> String {
    let types: Vec<&str> = takes.iter().map(|takes| takes.type_path.as_str()).collect();
    if let [single] = types[..] {
        return format!("({single},)");
    }
    let line = format!("({})", types.join(", "));
    match "    type Templates = ;".len() + line.len() <= WIDTH {
        true => line,
        false => {
            format!("(\n{}    )", types.iter().map(|name| format!("        {name},\n")).collect::<String>())
        }
    }
}

/// `use PATH::{NAMES};`, as many names on a line as fit.
fn import(path: &str, names: BTreeSet<&str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if let [single] = names[..] {
        return format!("use {path}::{single};\n");
    }
    let line = format!("use {path}::{{{}}};\n", names.join(", "));
    if line.len() <= WIDTH {
        return line;
    }
    let mut lines = vec!["   ".to_owned()];
    for name in names {
        let fits = lines.last().is_some_and(|line| line.len() + name.len() + 2 <= WIDTH);
        if !fits {
            lines.push("   ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            *line += &format!(" {name},");
        }
    }
    format!("use {path}::{{\n{}\n}};\n", lines.join("\n"))
}

/// `src/handler.rs`.
pub(super) fn handler(type_name: &str, takes: &[Takes]) -> String {
    let (mut typed, mut sdk) = (BTreeSet::new(), BTreeSet::from(["HandlerError"]));
    let mut malformed = false;
    for takes in takes {
        let (names, answer): (&[&str], _) = match takes.variety {
            Variety::Check => (&["HandleCheck", "TypedCall"], Some("CheckResult")),
            Variety::Report => (&["HandleReport", "TypedReport"], Some("ReportOutcome")),
            Variety::Quota => (&["HandleQuota", "TypedQuota"], Some("QuotaResult")),
            Variety::AttributeGenerator => (&["HandleGenerate", "Template", "TypedCall"], None),
            Variety::CheckWithOutput => {
                (&["HandleCheckWithOutput", "Template", "TypedCall"], Some("CheckResult"))
            }
        };
        typed.extend(names);
        sdk.extend(answer);
        malformed |= takes.variety == Variety::Report;
        if takes.own.is_none() {
            typed.insert("template");
        }
    }
    let checks = sdk.contains("CheckResult");
    let mut text = "//! What is done with the instances that arrive.\n\n".to_owned();
    text += "use std::fmt::Display;\n";
    if checks || sdk.contains("QuotaResult") {
        text += "use std::time::Duration;\n";
    }
    text += "\n";
    let mut imports = vec![import("mixer_adapter_sdk::typed", typed)];
    if malformed {
        imports.push("use mixer_adapter_sdk::wire::Malformed;\n".to_owned());
    }
    // A single type stands before the modules, a list behind them.
    let place = if sdk.len() == 1 { 0 } else { imports.len() };
    imports.insert(place, import("mixer_adapter_sdk", sdk));
    text += &imports.concat();
    text += "\nuse crate::config::Config;\n";
    text += &HANDLER.replace("{{type}}", type_name);
    if checks {
        text += ALLOWED;
    }
    for takes in takes {
        text += &implementation(type_name, takes);
    }
    text
}

const HANDLER: &str = r#"
/// Handles the instances of one configuration.
pub struct {{type}}Handler {
    config: Config,
}

impl {{type}}Handler {
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    fn print(&self, instance: &str, what: impl Display) {
        println!("{}: {instance} {what}", self.config.prefix);
    }
}
"#;

const ALLOWED: &str = r#"
/// Passes, and the caller need not ask again for a minute.
fn allowed() -> CheckResult {
    CheckResult {
        valid_duration: Duration::from_secs(60),
        valid_use_count: 100,
        ..CheckResult::default()
    }
}
"#;

/// How the handler takes one template.
fn implementation(type_name: &str, takes: &Takes) -> String {
    let path = &takes.type_path;
    let indent = if takes.variety == Variety::Report { "            " } else { "        " };
    let shows: String = takes.shows.iter().map(|line| format!("{indent}{line}\n")).collect();
    let what = if takes.shows.is_empty() { "\"arrived\"" } else { "what" };
    let view = match takes.shows.is_empty() || takes.variety == Variety::Quota {
        true => "",
        false => "        let instance = call.view()?;\n",
    };
    let (head, body) = match takes.variety {
        Variety::Report => {
            let instance = if takes.shows.is_empty() { "_" } else { "instance" };
            return format!(
                "\nimpl HandleReport<{path}> for {type_name}Handler {{\n    \
                 async fn report(\n        &self,\n        report: TypedReport<'_, {path}>,\n    \
                 ) -> Result<ReportOutcome, HandlerError> {{\n        \
                 // Malformed instances are counted as dropped.\n        \
                 Ok(report.each(|name, {instance}| {{\n{shows}            \
                 self.print(name, {what});\n            Ok::<_, Malformed>(())\n        }}))\n    }}\n}}\n"
            );
        }
        Variety::Check => (
            format!(
                "HandleCheck<{path}> for {type_name}Handler {{\n    async fn check(\n        &self,\n        call: TypedCall<'_, {path}>,\n    ) -> Result<CheckResult, HandlerError> {{"
            ),
            format!("        self.print(call.name(), {what});\n        Ok(allowed())"),
        ),
        Variety::Quota => (
            format!(
                "HandleQuota<{path}> for {type_name}Handler {{\n    async fn quota(\n        &self,\n        ask: TypedQuota<'_, {path}>,\n    ) -> Result<QuotaResult, HandlerError> {{"
            ),
            format!(
                "        self.print(ask.instance.name(), {what});\n        // Everything is granted, for a second.\n        \
                 Ok(QuotaResult {{\n            amount: ask.amount,\n            \
                 valid_duration: Duration::from_secs(1),\n            ..QuotaResult::default()\n        }})"
            ),
        ),
        Variety::AttributeGenerator => (
            format!(
                "HandleGenerate<{path}> for {type_name}Handler {{\n    async fn generate(\n        &self,\n        call: TypedCall<'_, {path}>,\n    ) -> Result<<{path} as Template>::Output, HandlerError> {{"
            ),
            format!("        self.print(call.name(), {what});\n        Ok(Default::default())"),
        ),
        Variety::CheckWithOutput => (
            format!(
                "HandleCheckWithOutput<{path}> for {type_name}Handler {{\n    async fn check_with_output(\n        &self,\n        call: TypedCall<'_, {path}>,\n    ) -> Result<(CheckResult, <{path} as Template>::Output), HandlerError> {{"
            ),
            format!("        self.print(call.name(), {what});\n        Ok((allowed(), Default::default()))"),
        ),
    };
    format!("\nimpl {head}\n{view}{shows}{body}\n    }}\n}}\n")
}

/// What `build.rs` does for templates of the author's own.
pub(super) fn build(takes: &[Takes]) -> String {
    let names: Vec<String> =
        takes.iter().filter(|t| t.own.is_some()).map(|t| format!("{:?}", t.name)).collect();
    if names.is_empty() {
        return String::new();
    }
    BUILD.replace("{{names}}", &names.join(", "))
}

const BUILD: &str = r#"    for template in [{{names}}] {
        let file = format!("{template}.proto");
        println!("cargo::rerun-if-changed={file}");
        let compiled = mixer_codegen::compile_template(&Default::default(), file.as_ref())?;
        let set: &[u8] = &compiled.descriptor_set;
        fs::write(out.join(format!("{template}.desc")), set)?;
        let set = <prost_types::FileDescriptorSet as prost::Message>::decode(set)?;
        prost_build::Config::new()
            .extern_path(".istio.policy.v1beta1", "::mixer_proto::policy::v1beta1")
            .extern_path(
                ".istio.mixer.adapter.model.v1beta1",
                "::mixer_proto::adapter::v1beta1",
            )
            .compile_fds(set)?;
    }
"#;

/// The module of a template of the author's own.
pub(super) fn own(takes: &Takes, own: &Own) -> String {
    let Takes { name, variety, .. } = takes;
    let Own { title, package, .. } = own;
    let output = match variety {
        Variety::AttributeGenerator | Variety::CheckWithOutput => "message::OutputMsg",
        _ => "()",
    };
    let words = [("name", name.as_str()), ("title", title), ("package", package), ("output", output)];
    let text = words.iter().fold(OWN.to_owned(), |text, (k, v)| text.replace(&format!("{{{{{k}}}}}"), v));
    text.replace("{{variety}}", &format!("{variety:?}"))
}

const OWN: &str = r#"//! Template `{{name}}`, which `{{name}}.proto` describes.

use mixer_adapter_sdk::typed::Template;
use mixer_adapter_sdk::typed::template::variety;
use mixer_adapter_sdk::view::InstanceView;
use mixer_adapter_sdk::wire::Malformed;

/// The messages: `InstanceMsg` is what arrives.
#[allow(dead_code)]
pub mod message {
    include!(concat!(env!("OUT_DIR"), "/{{package}}.rs"));
}

/// The template.
pub enum {{title}} {}

impl Template for {{title}} {
    const NAME: &'static str = "{{name}}";
    const SERVICE: &'static str = "{{package}}.Handle{{title}}Service";
    const METHOD: &'static str = "Handle{{title}}";
    const DESCRIPTOR: &'static [u8] = include_bytes!(concat!(env!("OUT_DIR"), "/{{name}}.desc"));

    type Variety = variety::{{variety}};
    /// Fields by their numbers; `owned()` of a call gives an `InstanceMsg` instead.
    type View<'a> = InstanceView<'a>;
    type Owned = message::InstanceMsg;
    type Output = {{output}};

    fn view(bytes: &[u8]) -> Result<InstanceView<'_>, Malformed> {
        Ok(InstanceView::new(bytes))
    }
}
"#;
