//! Rules: references resolved, conditions and header operations compiled.

mod actions;
mod headers;

use std::cmp::Ordering;
use std::sync::Arc;

use mixer_attribute::VocabularyBuilder;

use crate::expressions::{Conditions, report_compile_error};
use crate::handlers::Handlers;
use crate::instances::Instances;
use crate::kinds;
use crate::outputs::OutputNames;
use crate::report::{Problems, Report};
use crate::resource::RawResource;
use crate::snapshot::{ConditionId, HeaderTemplate, OutputSlots};
use crate::spec::{self, RuleSpec};
use crate::taken::{Taken, check_dialect};
use actions::References;

/// What rules are compiled with.
pub(crate) struct Compiler<'a, 'r> {
    pub(crate) vocabulary: &'a mut VocabularyBuilder,
    pub(crate) options: &'a mixer_expr::Options,
    pub(crate) handlers: &'a mut Handlers<'r>,
    pub(crate) instances: &'a Instances,
    pub(crate) default_namespace: &'a str,
}

/// A rule whose handlers and instances still have the numbers of all resources.
pub(crate) struct Draft {
    pub(crate) name: Arc<str>,
    pub(crate) namespace: Arc<str>,
    pub(crate) condition: Option<ConditionId>,
    pub(crate) actions: Vec<DraftAction>,
    pub(crate) request_headers: Vec<HeaderTemplate>,
    pub(crate) response_headers: Vec<HeaderTemplate>,
}

/// An action of such a rule.
pub(crate) struct DraftAction {
    pub(crate) handler: usize,
    pub(crate) instances: Vec<usize>,
    pub(crate) output: Option<OutputSlots>,
}

/// All rules that do something.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) all: Vec<Draft>,
    pub(crate) conditions: Conditions,
    pub(crate) valid: usize,
    pub(crate) match_errors: usize,
}

impl Rules {
    /// Compiles every rule, those of the default namespace first, then by namespace and name.
    pub(crate) fn compile(
        taken: &Taken<'_>,
        mut compiler: Compiler<'_, '_>,
        problems: &mut Problems,
    ) -> Self {
        let mut resources: Vec<&RawResource> = taken.of(kinds::RULE).to_vec();
        resources.sort_by(|a, b| order(a, b, compiler.default_namespace));
        let mut rules = Self::default();
        let mut references = References::default();
        for resource in resources {
            let mut report = problems.of(resource, kinds::RULE);
            check_dialect(resource, &mut report);
            let spec = spec::rule(&resource.spec, &mut report);
            let readable = report.errors() == 0;
            let draft = rules.rule(resource, &spec, (&mut compiler, &mut references), &mut report);
            rules.valid += usize::from(report.errors() == 0);
            rules.all.extend(draft.filter(|_| readable));
        }
        rules
    }

    fn rule(
        &mut self,
        resource: &RawResource,
        spec: &RuleSpec<'_>,
        (compiler, references): (&mut Compiler<'_, '_>, &mut References),
        report: &mut Report<'_>,
    ) -> Option<Draft> {
        if let Some(position) = spec.sampling {
            let message = "sampling is not available: the rule acts on every request that it matches";
            report.warning("spec.sampling", position, message);
        }
        let condition = self.condition(spec, compiler, report);
        let has_headers = !spec.request_headers.is_empty() || !spec.response_headers.is_empty();
        let mut names = OutputNames::default();
        let mut actions = Vec::with_capacity(spec.actions.len());
        for action in &spec.actions {
            let compiled = actions::compile(
                (action, &resource.id),
                compiler,
                references,
                has_headers.then_some(&mut names),
                report,
            );
            actions.extend(compiled);
        }
        let (request_headers, response_headers) = headers::compile(spec, compiler, &names, report);
        if actions.is_empty() && !has_headers {
            let message = "No valid actions found in rule, so it does nothing; see the problems of its actions, \
                           or add an action or a header operation";
            report.error("spec.actions", resource.spec.position, message);
        }
        if actions.is_empty() && request_headers.is_empty() && response_headers.is_empty() {
            return None;
        }
        Some(Draft {
            name: resource.id.key().into(),
            namespace: resource.id.namespace.clone(),
            condition: condition.ok()?,
            actions,
            request_headers,
            response_headers,
        })
    }

    fn condition(
        &mut self,
        spec: &RuleSpec<'_>,
        compiler: &mut Compiler<'_, '_>,
        report: &mut Report<'_>,
    ) -> Result<Option<ConditionId>, ()> {
        let Some(text) = spec.condition else { return Ok(None) };
        self.conditions.of(text.text, compiler.vocabulary, compiler.options).map_err(|error| {
            self.match_errors += 1;
            report_compile_error(report, "spec.match", text.position, &error);
        })
    }
}

fn order(a: &RawResource, b: &RawResource, default_namespace: &str) -> Ordering {
    let key = |resource: &RawResource| *resource.id.namespace != *default_namespace;
    key(a).cmp(&key(b)).then_with(|| (&a.id.namespace, &a.id.name).cmp(&(&b.id.namespace, &b.id.name)))
}
