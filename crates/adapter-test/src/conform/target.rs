//! The adapter that is examined: where it is, and what is known about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use mixer_adapter_sdk::AdapterInfo;
use mixer_config::{RawResource, ReadOptions, Severity, parse_documents};
use mixer_template::{Node, NodeValue, ParamsMessage, Template};

use super::client::Place;
use super::security::{self, Tls, TlsFiles, TokenHeader};

/// An adapter at an address.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) address: String,
    pub(crate) templates: Vec<Arc<Template>>,
    pub(crate) params_message: Option<ParamsMessage>,
    pub(crate) params: Option<Node>,
    pub(crate) session_based: bool,
    pub(crate) tls: Option<Tls>,
    pub(crate) headers: HeaderMap,
}

/// What is known about an adapter cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl TargetError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Target {
    /// An adapter at `host:port` or `unix:///path` of which nothing is known: its services are found by reflection, or
    /// by trying the shipped templates.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            templates: Vec::new(),
            params_message: None,
            params: None,
            session_based: false,
            tls: None,
            headers: HeaderMap::new(),
        }
    }

    /// What the adapter says about itself.
    ///
    /// # Errors
    /// It names a template that is not shipped, or its configuration has no descriptor.
    pub fn info(mut self, info: &AdapterInfo) -> Result<Self, TargetError> {
        for name in info.templates {
            self.templates.push(shipped(name)?);
        }
        if !info.config_descriptor.is_empty() {
            let message = ParamsMessage::named(info.config_descriptor, info.config_message);
            self.params_message = Some(message.map_err(|error| TargetError(error.to_string()))?);
        }
        Ok(self)
    }

    /// What an operator applies, as YAML: the `adapter` resource, `template` resources of templates that are not
    /// shipped, and a `handler` whose `params` the calls carry. Other kinds are passed over.
    ///
    /// # Errors
    /// The documents cannot be read, or their descriptors cannot be used.
    pub fn resources(self, file: &str, yaml: &str) -> Result<Self, TargetError> {
        self.files([(file, yaml)])
    }

    /// The same in several files, each with its name: an adapter may name a template of another file.
    ///
    /// # Errors
    /// As [`Target::resources`].
    pub fn files<'a>(
        mut self,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TargetError> {
        let options = ReadOptions { default_namespace: Some("istio-system".into()) };
        let mut resources = Vec::new();
        for (file, yaml) in files {
            let (found, problems) = parse_documents(file, yaml, &options);
            if let Some(problem) = problems.iter().find(|problem| problem.severity == Severity::Error) {
                return Err(TargetError(problem.to_string()));
            }
            resources.extend(found);
        }
        self.take(&resources)?;
        Ok(self)
    }

    fn take(&mut self, resources: &[RawResource]) -> Result<(), TargetError> {
        let of = |kind: &'static str| resources.iter().filter(move |resource| &*resource.id.kind == kind);
        let mut own = BTreeMap::new();
        for resource in of("template") {
            let wrong =
                |error: String| TargetError(format!("{}: {}: {error}", resource.location, resource.id));
            let set = descriptor(&resource.spec, "descriptor").map_err(wrong)?;
            let template =
                Template::from_descriptor_set("", &set).map_err(|error| wrong(error.to_string()))?;
            let name = template.template_name().to_owned();
            own.insert(resource.id.name.to_string(), Arc::new(template.with_name(&name)));
        }
        if let (Some(first), Some(second)) = (of("adapter").next(), of("adapter").nth(1)) {
            let (first, second) = (&first.id.name, &second.id.name);
            return Err(TargetError(format!(
                "{first} and {second} are two adapters; give the resources of one"
            )));
        }
        for resource in of("adapter") {
            let wrong =
                |error: String| TargetError(format!("{}: {}: {error}", resource.location, resource.id));
            let Node { value: NodeValue::List(templates), .. } =
                resource.spec.get("templates").cloned().unwrap_or_default()
            else {
                return Err(wrong("spec.templates is missing".to_owned()));
            };
            for reference in templates.iter().filter_map(Node::as_str) {
                let name = reference.split('.').next().unwrap_or_default();
                self.templates.push(match own.get(name) {
                    Some(template) => template.clone(),
                    None => shipped(name)?,
                });
            }
            let set = descriptor(&resource.spec, "config").map_err(wrong)?;
            if !set.is_empty() {
                self.params_message =
                    Some(ParamsMessage::find(&set).map_err(|error| wrong(error.to_string()))?);
            }
            let session = resource.spec.get("session_based").or_else(|| resource.spec.get("sessionBased"));
            self.session_based = matches!(session.map(|node| &node.value), Some(NodeValue::Bool(true)));
        }
        if let Some(params) = of("handler").find_map(|handler| handler.spec.get("params")) {
            self.params = Some(params.clone());
        }
        Ok(())
    }

    /// Speaks TLS, mutual TLS when the files have an identity.
    ///
    /// # Errors
    /// A file cannot be used; the text names it.
    pub fn tls(mut self, files: &TlsFiles) -> Result<Self, TargetError> {
        let place = Place::parse(&self.address);
        self.tls = Some(Tls::read(files, place.host())?);
        Ok(self)
    }

    /// Brings a token with every call, without the blanks around it.
    ///
    /// # Errors
    /// It is empty, or no header can hold it.
    pub fn token(mut self, token: &str, header: &TokenHeader) -> Result<Self, TargetError> {
        self.headers = security::token_header(token, header)?;
        Ok(self)
    }

    /// The configuration that calls carry, as a YAML or JSON document; without one it is empty.
    ///
    /// # Errors
    /// It is no YAML.
    pub fn params(mut self, yaml: &str) -> Result<Self, TargetError> {
        let indented: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
        let document = format!(
            "apiVersion: {}\nkind: handler\nmetadata: {{name: params}}\nspec:\n  params:\n{indented}",
            mixer_config::API_VERSION
        );
        self = self.resources("params", &document)?;
        Ok(self)
    }

    /// The encoded configuration; none when the adapter takes none, or its message is not known.
    pub(crate) fn config(&self) -> Result<Option<prost_types::Any>, String> {
        let Some(message) = &self.params_message else {
            return match &self.params {
                Some(Node { value: NodeValue::Map(entries), .. }) if !entries.is_empty() => {
                    Err("there are params, but no adapter resource with the descriptor of its config"
                        .to_owned())
                }
                _ => Ok(None),
            };
        };
        let params = self.params.clone().unwrap_or_default();
        let encoded = message.encode(&params).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("params: {}", problems.join("; "))
        })?;
        Ok(Some(prost_types::Any { type_url: message.type_url(), value: encoded }))
    }
}

pub(crate) fn shipped(name: &str) -> Result<Arc<Template>, TargetError> {
    let set = mixer_proto::template::descriptor_set(name).ok_or_else(|| {
        TargetError(format!("template {name} is not one of the shipped ones; give its template resource too"))
    })?;
    let template =
        Template::from_descriptor_set(name, set).map_err(|error| TargetError(format!("{name}: {error}")))?;
    Ok(Arc::new(template))
}

fn descriptor(spec: &Node, field: &str) -> Result<Vec<u8>, String> {
    let text: String =
        spec.get(field).and_then(Node::as_str).unwrap_or_default().split_whitespace().collect();
    STANDARD.decode(text).map_err(|error| format!("spec.{field} is no base64 text: {error}"))
}
