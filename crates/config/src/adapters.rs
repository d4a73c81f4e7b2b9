//! `adapter` resources: what gRPC adapters take, and the message of their configuration.

use std::sync::Arc;

use mixer_template::{ParamsMessage, Template};

use crate::kinds;
use crate::report::{Problems, Report};
use crate::spec::{self, AdapterSpec};
use crate::taken::{Names, Taken, candidates};
use crate::templates::{self, Templates};

/// A gRPC adapter.
pub(crate) struct GrpcAdapter {
    /// Name of the resource.
    pub(crate) name: Arc<str>,
    /// What it takes.
    pub(crate) templates: Vec<Arc<Template>>,
    /// Its configuration; `None` when it has none.
    pub(crate) params: Option<ParamsMessage>,
    /// Whether it asks for sessions.
    pub(crate) session_based: bool,
}

/// The adapters that `adapter:` of a handler can refer to.
#[derive(Default)]
pub(crate) struct GrpcAdapters {
    valid: Names<Arc<GrpcAdapter>>,
    /// Adapters with problems: a handler that refers to one is told so.
    broken: Names<()>,
}

/// What a reference to an adapter means.
pub(crate) enum Found<'a> {
    /// A valid adapter.
    Valid(&'a Arc<GrpcAdapter>),
    /// A resource with problems of its own.
    Broken,
    /// Nothing.
    Missing,
}

impl GrpcAdapters {
    /// Reads every `adapter` resource.
    pub(crate) fn read(taken: &Taken<'_>, templates: &Templates, problems: &mut Problems) -> Self {
        let mut adapters = Self::default();
        for resource in taken.of(kinds::ADAPTER) {
            let mut report = problems.of(resource, kinds::ADAPTER);
            let spec = spec::adapter(&resource.spec, &mut report);
            let adapter = GrpcAdapter {
                name: resource.id.name.clone(),
                templates: supported(&spec, templates, &resource.id.namespace, &mut report),
                params: params(&spec, &mut report),
                session_based: spec.session_based,
            };
            if report.errors() == 0 {
                adapters.valid.insert(resource.id.key(), Arc::new(adapter));
            } else {
                adapters.broken.insert(resource.id.key(), ());
            }
        }
        adapters
    }

    /// What a reference of a handler in a namespace means.
    pub(crate) fn find(&self, reference: &str, namespace: &str) -> Found<'_> {
        for key in candidates(reference, kinds::ADAPTER, namespace) {
            if let Some(adapter) = self.valid.get(&*key) {
                return Found::Valid(adapter);
            }
            if self.broken.contains_key(&*key) {
                return Found::Broken;
            }
        }
        Found::Missing
    }

    /// How many resources are valid.
    pub(crate) fn len(&self) -> usize {
        self.valid.len()
    }
}

fn supported(
    spec: &AdapterSpec<'_>,
    templates: &Templates,
    namespace: &str,
    report: &mut Report<'_>,
) -> Vec<Arc<Template>> {
    let mut supported = Vec::with_capacity(spec.templates.len());
    for (index, name) in spec.templates.iter().enumerate() {
        match templates.find(name.text, namespace) {
            Some(template) => supported.push(template.clone()),
            None => {
                let message = format!(
                    "unable to find template '{}'; apply its template resource in namespace {namespace}, \
                     or write NAME.NAMESPACE",
                    name.text
                );
                report.error(&format!("spec.templates[{index}]"), name.position, message);
            }
        }
    }
    supported
}

fn params(spec: &AdapterSpec<'_>, report: &mut Report<'_>) -> Option<ParamsMessage> {
    let config = spec.config?;
    let bytes = templates::decode(config, "spec.config", report)?;
    match ParamsMessage::find(&bytes) {
        Ok(message) => Some(message),
        Err(error) => {
            let message = format!("unable to parse adapter configuration: {error}");
            report.error("spec.config", config.position, message);
            None
        }
    }
}
