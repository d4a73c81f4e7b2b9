//! The templates that a new adapter takes: shipped ones, and those of its author.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use mixer_codegen::{Model, Protos, Variety};

use super::resource;

/// A template that the adapter takes.
#[derive(Clone, Debug)]
pub(super) struct Takes {
    pub(super) name: String,
    /// The Rust type, such as `template::Metric`.
    pub(super) type_path: String,
    pub(super) variety: Variety,
    /// Rust that shows one thing of an instance: statements, the last one a `let what`.
    pub(super) shows: &'static [&'static str],
    /// The `spec` of an instance, indented by two.
    spec: String,
    pub(super) own: Option<Own>,
}

/// What a template of the author's own has beside.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// Name in services and methods, such as `ListEntry`.
    pub(super) title: String,
    pub(super) package: String,
    pub(super) proto: String,
}

struct Shipped {
    name: &'static str,
    rust: &'static str,
    variety: Variety,
    shows: &'static [&'static str],
    readme: &'static str,
}

macro_rules! shipped {
    ($($name:literal $rust:ident $variety:ident: $shows:expr;)*) => {
        &[$(Shipped {
            name: $name,
            rust: stringify!($rust),
            variety: Variety::$variety,
            shows: &$shows,
            readme: include_str!(concat!("../../../../../templates/", $name, "/README.md")),
        }),*]
    };
}

const SHIPPED: &[Shipped] = shipped! {
    "apikey" ApiKey Check: ["let what = instance.api;"];
    "authorization" Authorization Check:
        ["let action = instance.action;", "let what = action.map(|action| action.path).unwrap_or_default();"];
    "checknothing" CheckNothing Check: [];
    "edge" Edge Report: ["let what = instance.destination_service_name;"];
    "kubernetes" Kubernetes AttributeGenerator: ["let what = instance.source_uid;"];
    "listentry" ListEntry Check:
        ["let value = instance.value();", "let what = value.map(|value| value.text()).unwrap_or_default();"];
    "logentry" LogEntry Report: ["let what = instance.severity();"];
    "metric" Metric Report:
        ["let value = instance.value()?;", "let what = value.map(|value| value.text()).unwrap_or_default();"];
    "quota" Quota Quota: ["let what = ask.amount;"];
    "reportnothing" ReportNothing Report: [];
    "tracespan" TraceSpan Report: ["let what = instance.span_name;"];
};

/// Names that modules of the package have already.
const TAKEN: &[&str] = &["config", "handler", "lib", "main", "build"];

/// Reads what the flag names.
pub(super) fn read(names: &[String]) -> anyhow::Result<Vec<Takes>> {
    let mut all: Vec<Takes> = Vec::new();
    for name in names {
        let takes = match name.ends_with(".proto") {
            true => read_own(Path::new(name))?,
            false => read_shipped(name)?,
        };
        if all.iter().any(|other| other.name == takes.name) {
            bail!("template {} is named twice", takes.name);
        }
        all.push(takes);
    }
    if all.len() > 12 {
        bail!("{} templates are more than the 12 that one adapter takes", all.len());
    }
    Ok(all)
}

fn read_shipped(name: &str) -> anyhow::Result<Takes> {
    let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) else {
        let names: Vec<&str> = SHIPPED.iter().map(|shipped| shipped.name).collect();
        bail!(
            "there is no template {name:?}; write one of {}, or the path of a template.proto",
            names.join(", ")
        );
    };
    Ok(Takes {
        name: name.to_owned(),
        type_path: format!("template::{}", shipped.rust),
        variety: shipped.variety,
        shows: shipped.shows,
        spec: example(shipped.readme),
        own: None,
    })
}

/// What follows `spec:` in the example of a template's README.
fn example(readme: &str) -> String {
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let spec = block.and_then(|block| block.split("spec:\n").nth(1));
    spec.unwrap_or_default().to_owned()
}

fn read_own(path: &Path) -> anyhow::Result<Takes> {
    let model = Model::read(&Protos::default().read(path)?)?;
    let name = model.name.clone();
    if SHIPPED.iter().any(|shipped| shipped.name == name) {
        bail!("{}: {name} is the name of a shipped template; choose another package", path.display());
    }
    if TAKEN.contains(&name.as_str()) || super::RESERVED.split(' ').any(|word| word == name) {
        bail!("{}: {name} cannot be a module in Rust; choose another package", path.display());
    }
    let proto = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Takes {
        type_path: format!("crate::{name}::{}", model.title),
        variety: model.variety,
        shows: &[],
        spec: format!("  template: {name}\n"),
        own: Some(Own { title: model.title, package: model.package, proto }),
        name,
    })
}

impl Takes {
    pub(super) fn is_check_with_output(&self) -> bool {
        self.variety == Variety::CheckWithOutput
    }

    /// An instance over attributes that every proxy sends.
    pub(super) fn instance_resource(&self, name: &str) -> String {
        resource("instance", name) + &self.spec
    }

    /// What a scenario does with the template, and what is wanted.
    pub(super) fn steps(&self, adapter: &str) -> String {
        let bag = "{destination.service.host: shop, request.path: /cart, request.size: 120,\n    \
                   request.time: \"2026-01-02T03:04:05Z\", response.time: \"2026-01-02T03:04:06Z\"}";
        let rule = format!("    rule {adapter}.rule.istio-system: {adapter}.istio-system allowed\n");
        match self.variety {
            Variety::Report => {
                format!("steps:\n- report:\n  - {bag}\nwant: |\n  1 report: 1 bag, 1 instance taken\n")
            }
            Variety::Check | Variety::CheckWithOutput => {
                format!("steps:\n- check: {bag}\nwant: |\n  1 check: OK, valid for 1m0s and 100 uses\n{rule}")
            }
            Variety::Quota => format!(
                "steps:\n- check: {bag}\n  quotas: {{example: 5}}\nwant: |\n  1 check: OK, valid for 1m0s and 10000 uses\n    quota example: 5 granted for 1s\n"
            ),
            Variety::AttributeGenerator => {
                let generated = if self.own.is_none() { GENERATED } else { "" };
                format!(
                    "steps:\n- check: {bag}\nwant: |\n  1 check: OK, valid for 1m0s and 10000 uses\n{generated}"
                )
            }
        }
    }
}

/// What the example of template `kubernetes` makes of an empty answer.
const GENERATED: &str = r#"    generated destination.labels = {}
    generated destination.namespace = "default"
    generated destination.workload.name = "unknown"
    generated source.ip = 0.0.0.0
    generated source.labels = {}
    generated source.namespace = "default"
    generated source.workload.name = "unknown"
"#;

/// `TallyCount` of `tally-count`.
pub(super) fn capitals(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(part).collect()
}
