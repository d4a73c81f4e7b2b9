//! `manifest`: the resources with which an operator switches an adapter on, ready to apply and to edit.

mod examples;

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::error::ServeError;
use super::process::Process;
use crate::templates::{TemplateService, Variety};

/// Flags of `manifest`.
#[derive(Clone, Debug, clap::Args)]
#[command(rename_all = "camelCase")]
pub struct ManifestArgs {
    /// Where Mixer reaches the adapter: `host:port`, or `dns:///host:port` to spread over all replicas. By default
    /// `dns:///mixer-NAME-adapter.NAMESPACE.svc.cluster.local:PORT`, the Service that `mixgen deploy` makes.
    #[arg(long, visible_alias = "address", value_name = "TARGET")]
    pub target: Option<String>,

    /// Namespace of the resources.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub namespace: String,

    /// Namespace in which the adapter runs, for the address; by default that of the resources.
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "target")]
    pub service_namespace: Option<String>,

    /// The handler's configuration in place of the example: a file with its `params`, YAML.
    #[arg(long, value_name = "FILE", conflicts_with = "no_examples")]
    pub params: Option<PathBuf>,

    /// Prints the `adapter` and the adapter's own `template` resources only, which no operator edits.
    #[arg(long)]
    pub no_examples: bool,
}

impl Default for ManifestArgs {
    /// What no flags at all mean.
    fn default() -> Self {
        Self {
            target: None,
            namespace: "istio-system".to_owned(),
            service_namespace: None,
            params: None,
            no_examples: false,
        }
    }
}

/// What the author gives for the examples.
#[derive(Clone, Debug, Default)]
pub(super) struct Example {
    pub(super) params: &'static str,
    pub(super) instances: Vec<(&'static str, &'static str)>,
}

/// The resources as YAML documents.
pub(super) fn print(process: &Process, args: &ManifestArgs) -> Result<String, ServeError> {
    let services = process.services()?;
    let info = process.adapter.info();
    let mut yaml = Yaml { text: String::new(), namespace: &args.namespace };
    yaml.adapter(info);
    for service in services.iter().filter(|service| !service.descriptor.is_empty()) {
        yaml.template(service);
    }
    if !args.no_examples {
        let target = args.target.clone().unwrap_or_else(|| {
            let port = process.port.unwrap_or(9080);
            let namespace = args.service_namespace.as_ref().unwrap_or(&args.namespace);
            format!("dns:///mixer-{}-adapter.{namespace}.svc.cluster.local:{port}", info.name)
        });
        let mut params = match &args.params {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| ServeError::Params { file: file.clone(), message: error.to_string() })?,
            None => process.example.params.to_owned(),
        };
        for template in info.templates {
            let instance = format!("{}-{template}.instance.{}", info.name, args.namespace);
            params = params.replace(&format!("{{{{{template}}}}}"), &instance);
        }
        yaml.handler(info.name, &target, &params);
        for service in &services {
            let own = process.example.instances.iter().find(|(name, _)| *name == service.template);
            let params = own.map_or_else(|| examples::params(service.template), |(_, params)| params);
            yaml.instance(info.name, service.template, params);
        }
        yaml.rule(info.name, &services);
    }
    Ok(yaml.text)
}

struct Yaml<'a> {
    text: String,
    namespace: &'a str,
}

impl Yaml<'_> {
    fn begin(&mut self, comment: &str, kind: &str, name: &str) {
        let namespace = self.namespace;
        let _ = write!(
            self.text,
            "---\n# {comment}\napiVersion: config.istio.io/v1alpha2\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n"
        );
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// A block of YAML under a key; an empty one is an empty map.
    fn block(&mut self, key: &str, yaml: &str) {
        if yaml.trim().is_empty() {
            return;
        }
        self.line(format_args!("  {key}:"));
        for line in yaml.trim_end().lines() {
            match line.trim().is_empty() {
                true => self.text.push('\n'),
                false => self.line(format_args!("    {line}")),
            }
        }
    }

    fn adapter(&mut self, info: &mixer_adapter_api::AdapterInfo) {
        self.begin("What the adapter takes and how it is configured.", "adapter", info.name);
        self.line(format_args!("  description: {:?}", info.description));
        self.line(format_args!("  # Every call brings the params of its handler."));
        self.line(format_args!("  session_based: false"));
        self.line(format_args!("  templates:"));
        for template in info.templates {
            self.line(format_args!("  - {template}"));
        }
        if !info.config_descriptor.is_empty() {
            self.line(format_args!("  config: {}", BASE64_STANDARD.encode(info.config_descriptor)));
        }
    }

    fn template(&mut self, service: &TemplateService) {
        self.begin("A template of the adapter's own.", "template", service.template);
        self.line(format_args!("  descriptor: {}", BASE64_STANDARD.encode(service.descriptor)));
    }

    fn handler(&mut self, adapter: &str, target: &str, params: &str) {
        self.begin("Example: where the adapter runs, and its configuration.", "handler", adapter);
        self.line(format_args!("  adapter: {adapter}"));
        self.line(format_args!("  connection:"));
        self.line(format_args!("    address: {target:?}"));
        self.block("params", params);
    }

    fn instance(&mut self, adapter: &str, template: &str, params: &str) {
        self.begin("Example: what of a request is sent.", "instance", &format!("{adapter}-{template}"));
        self.line(format_args!("  template: {template}"));
        self.block("params", params);
    }

    fn rule(&mut self, adapter: &str, services: &[TemplateService]) {
        self.begin(
            "Example: which requests. Without `match` every one; for example\n# match: destination.service.host == \"reviews.default.svc.cluster.local\"",
            "rule",
            adapter,
        );
        self.line(format_args!("  actions:"));
        self.line(format_args!("  - handler: {adapter}"));
        if services.iter().all(|service| service.variety == Variety::CheckWithOutput) {
            self.line(format_args!("    name: answer"));
        }
        self.line(format_args!("    instances:"));
        for service in services {
            self.line(format_args!("    - {adapter}-{}", service.template));
        }
    }
}
