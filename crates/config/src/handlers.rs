//! Handlers: which adapter, its configuration as bytes, how it is reached. A handler with problems stays, as a
//! broken one, so that what it was to decide is not decided by its absence.

mod address;
mod locate;
mod read;

use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_api::{Adapter, HandlerSpec, InstanceInfo};
use mixer_template::{Node, ParamsProblem, Position, Template};

use crate::adapters::GrpcAdapter;
use crate::kinds;
use crate::report::{Problems, Report};
use crate::resource::RawResource;
use crate::snapshot::{FailurePolicy, HandlerConfig, HandlerKind};
use crate::taken::{Names, candidates};
use crate::templates;
pub(crate) use read::Sources;

/// A handler before it is known what rules send to it.
pub(crate) struct Draft<'r> {
    /// Display name.
    pub(crate) name: Arc<str>,
    adapter: Arc<str>,
    kind: HandlerKind,
    params: Bytes,
    failure_policy: FailurePolicy,
    takes: Takes,
    source: Option<Source<'r>>,
}

/// Which instances a handler takes.
enum Takes {
    /// Unknown, since nothing is known of the adapter.
    Anything,
    /// What the hosted adapter says.
    Hosted(Arc<dyn Adapter>),
    /// What the adapter's resource says.
    Grpc(Arc<GrpcAdapter>),
}

/// Where a handler was written.
#[derive(Clone, Copy)]
struct Source<'r> {
    resource: &'r RawResource,
    params: Option<&'r Node>,
    /// `spec.params`, or `spec` of a legacy kind.
    prefix: &'static str,
}

/// All handlers, and stand-ins for those that rules name but nobody wrote.
#[derive(Default)]
pub(crate) struct Handlers<'r> {
    drafts: Vec<Draft<'r>>,
    keys: Names<usize>,
    missing: Names<usize>,
    valid: usize,
}

impl<'r> Handlers<'r> {
    fn add(&mut self, key: String, draft: Draft<'r>) {
        self.valid += usize::from(!draft.is_broken());
        self.keys.insert(key, self.drafts.len());
        self.drafts.push(draft);
    }

    /// What a reference of a rule in a namespace means.
    pub(crate) fn find(&self, reference: &str, namespace: &str) -> Option<usize> {
        candidates(reference, kinds::HANDLER, namespace).find_map(|key| self.keys.get(&*key).copied())
    }

    /// A broken handler in the place of one that does not exist, under the name that it would have.
    pub(crate) fn stand_in(&mut self, reference: &str, namespace: &str) -> usize {
        let name = match reference.split('.').collect::<Vec<_>>()[..] {
            [name] | [name, kinds::HANDLER] => format!("{name}.{namespace}"),
            [name, kinds::HANDLER, namespace] => format!("{name}.{namespace}"),
            _ => reference.to_owned(),
        };
        if let Some(index) = self.missing.get(&name) {
            return *index;
        }
        let reason = format!("there is no handler '{name}'");
        self.missing.insert(name.clone(), self.drafts.len());
        self.drafts.push(Draft {
            name: name.into(),
            adapter: "unknown".into(),
            kind: HandlerKind::Broken { reason: reason.into() },
            params: Bytes::new(),
            failure_policy: FailurePolicy::default(),
            takes: Takes::Anything,
            source: None,
        });
        self.drafts.len() - 1
    }

    /// Keys of all handlers, for hints.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The handler of an index.
    pub(crate) fn get(&self, index: usize) -> Option<&Draft<'r>> {
        self.drafts.get(index)
    }

    /// How many resources have no problem.
    pub(crate) fn valid(&self) -> usize {
        self.valid
    }

    /// What hosted adapters think of handlers that no rule uses: worth knowing before a rule does. What they miss
    /// may be the instances, so these are warnings.
    pub(crate) fn validate_unused(&self, is_used: impl Fn(usize) -> bool, problems: &mut Problems) {
        for (_, draft) in self.drafts.iter().enumerate().filter(|(index, _)| !is_used(*index)) {
            let Some(source) = draft.source else { continue };
            let spec =
                HandlerSpec { name: draft.name.clone(), params: draft.params.clone(), instances: Vec::new() };
            let mut report = problems.of(source.resource, kinds::HANDLER);
            for (field, position, message) in draft.validate(&spec) {
                report.warning(&field, position, format!("{message} (no rule uses this handler)"));
            }
        }
    }

    /// The configuration of a handler, given what rules send to it: now a hosted adapter says what it thinks of
    /// it.
    pub(crate) fn configure(
        &mut self,
        index: usize,
        instances: Vec<InstanceInfo>,
        problems: &mut Problems,
    ) -> Option<HandlerConfig> {
        let draft = self.drafts.get_mut(index)?;
        let spec = HandlerSpec { name: draft.name.clone(), params: draft.params.clone(), instances };
        if let Some(source) = draft.source {
            let mut report = problems.of(source.resource, kinds::HANDLER);
            for (field, position, message) in draft.validate(&spec) {
                report.error(&field, position, message);
            }
            if let Some(reason) = report.first_error() {
                draft.kind = HandlerKind::Broken { reason: reason.into() };
                self.valid -= 1;
            }
        }
        Some(HandlerConfig {
            spec,
            adapter: draft.adapter.clone(),
            kind: draft.kind.clone(),
            failure_policy: draft.failure_policy,
        })
    }
}

impl Draft<'_> {
    /// What a hosted adapter says of the configuration: field, place and text. A broken handler is not asked.
    fn validate(&self, spec: &HandlerSpec) -> Vec<(String, Position, String)> {
        let (Takes::Hosted(adapter), Some(source), false) = (&self.takes, self.source, self.is_broken())
        else {
            return Vec::new();
        };
        let whole = source.params.map_or(source.resource.spec.position, |node| node.position);
        let problems = adapter.validate(spec).into_iter();
        problems
            .map(|problem| {
                let position = locate::position(source.params, &problem.field).unwrap_or(whole);
                (join(source.prefix, &problem.field), position, problem.message)
            })
            .collect()
    }

    /// Whether it cannot be built.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.kind, HandlerKind::Broken { .. })
    }

    /// Whether it takes instances of a template; the text says why not.
    pub(crate) fn takes(&self, template: &Template) -> Result<(), String> {
        let name = &**template.name();
        let (adapter, supported): (&str, Vec<&str>) = match &self.takes {
            Takes::Anything => return Ok(()),
            Takes::Hosted(adapter) => {
                let info = adapter.info();
                if info.templates.contains(&name) {
                    return match templates::is_readable(template) {
                        true => Ok(()),
                        false => Err(format!(
                            "template '{name}' has other fields than the one that adapter {} was built with",
                            info.name
                        )),
                    };
                }
                (info.name, info.templates.to_vec())
            }
            Takes::Grpc(adapter) => {
                if adapter.templates.iter().any(|other| other.grpc_path() == template.grpc_path()) {
                    return Ok(());
                }
                (&adapter.name, adapter.templates.iter().map(|template| &**template.name()).collect())
            }
        };
        let supported = if supported.is_empty() { "none".to_owned() } else { supported.join(", ") };
        Err(format!("adapter {adapter} does not support template '{name}'; it supports {supported}"))
    }
}

/// A path below a field.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    match path {
        "" => prefix.to_owned(),
        path if path.starts_with('[') => format!("{prefix}{path}"),
        path => format!("{prefix}.{path}"),
    }
}

/// Problems of `params`, under their field.
pub(crate) fn report_params(prefix: &str, problems: Vec<ParamsProblem>, report: &mut Report<'_>) {
    for problem in problems {
        let field = join(prefix, &problem.path);
        report.expression(&field, problem.position, problem.message, problem.expression_position);
    }
}
