//! From what is in force and what is wrong to what each object is told. Pure, so that a webhook can ask it as well.

use std::collections::{BTreeMap, HashMap, HashSet};

use mixer_config::snapshot::{HandlerConfig, HandlerKind, Snapshot};
use mixer_config::{Problem, RawResource, ResourceId, Severity};
use mixer_template::Node;

use super::{ACCEPTED, HandlerFailure, InForce, PROGRAMMED, RESOLVED};
use crate::store::Content;

/// Characters of a message; an API server takes 32768, a terminal less.
const MAX_MESSAGE: usize = 1024;

/// What an object is told: accepted, resolved, programmed.
pub(crate) type Verdict = [Answer; 3];

/// One condition without times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: &'static str,
    pub(crate) holds: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The problems of one resource, by whose fault they are.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Errors of the resource itself.
    pub(crate) own: Vec<&'a Problem>,
    /// Errors of references: what they name is missing or has problems.
    pub(crate) references: Vec<&'a Problem>,
    /// Everything that is no error.
    pub(crate) warnings: Vec<&'a Problem>,
}

/// Sorts the problems of a resource.
pub(crate) fn parts<'a>(
    resource: Option<&RawResource>,
    problems: impl Iterator<Item = &'a Problem>,
) -> Parts<'a> {
    let mut parts = Parts::default();
    let mut consequences = Vec::new();
    for problem in problems {
        match problem.severity {
            Severity::Warning | Severity::Info => parts.warnings.push(problem),
            Severity::Error => match resource.map_or(Part::Own, |resource| part(resource, &problem.field)) {
                Part::Own => parts.own.push(problem),
                Part::Reference => parts.references.push(problem),
                Part::Consequence => consequences.push(problem),
            },
        }
    }
    // "No valid instances" is the fault of a reference when there is one, else of the rule.
    for problem in consequences {
        let below =
            |other: &&&Problem| other.field.starts_with(&problem.field) && other.field != problem.field;
        if !parts.own.iter().any(|other| below(&other)) {
            match parts.references.iter().any(|other| below(&other)) {
                true => parts.references.push(problem),
                false => parts.own.push(problem),
            }
        }
    }
    parts
}

enum Part {
    Own,
    Reference,
    /// Follows from another problem, if there is one below the same field.
    Consequence,
}

/// Whether a field refers to another resource, and does so in this one: a reference that was not written is the
/// resource's own fault.
fn part(resource: &RawResource, field: &str) -> Part {
    let written = |path: &[&str]| text_at(&resource.spec, path).is_some_and(|text| !text.trim().is_empty());
    match (&*resource.id.kind, field) {
        ("handler", "spec.adapter") if written(&["adapter"]) => Part::Reference,
        ("handler", "spec.compiledAdapter") => Part::Reference,
        ("instance", "spec.template") if written(&["template"]) => Part::Reference,
        ("instance", "spec.compiledTemplate") => Part::Reference,
        ("adapter", field) if field.starts_with("spec.templates[") => Part::Reference,
        ("rule", "spec.actions") => Part::Consequence,
        ("rule", field) => action_field(resource, field),
        _ => Part::Own,
    }
}

/// `spec.actions[N].handler`, `.instances` and `.instances[M]`.
fn action_field(resource: &RawResource, field: &str) -> Part {
    let Some((number, rest)) = field.strip_prefix("spec.actions[").and_then(|rest| rest.split_once(']'))
    else {
        return Part::Own;
    };
    let written = |rest: &[&str]| {
        let path: Vec<&str> = ["actions", number].into_iter().chain(rest.iter().copied()).collect();
        text_at(&resource.spec, &path).is_some_and(|text| !text.trim().is_empty())
    };
    match rest {
        ".handler" if written(&["handler"]) => Part::Reference,
        ".instances" => Part::Consequence,
        _ => match rest.strip_prefix(".instances[").and_then(|rest| rest.strip_suffix(']')) {
            Some(index) if written(&["instances", index]) => Part::Reference,
            _ => Part::Own,
        },
    }
}

fn text_at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    let Some((first, rest)) = path.split_first() else { return node.as_str() };
    let inner = match &node.value {
        mixer_template::NodeValue::List(items) => items.get(first.parse::<usize>().ok()?)?,
        _ => node.get(first)?,
    };
    text_at(inner, rest)
}

/// What every object is told.
pub(crate) fn assess(content: &Content, in_force: &InForce) -> BTreeMap<ResourceId, Verdict> {
    let mut by_resource: HashMap<&ResourceId, Vec<&Problem>> = HashMap::new();
    for problem in &in_force.problems {
        if let Some(id) = &problem.resource {
            by_resource.entry(id).or_default().push(problem);
        }
    }
    let resources: HashMap<&ResourceId, &RawResource> =
        content.resources.iter().map(|resource| (&resource.id, resource)).collect();
    let view = View::new(in_force);
    let verdict = |id: &ResourceId| {
        let resource = resources.get(id).copied();
        let problems = by_resource.get(id).map(Vec::as_slice).unwrap_or_default();
        let parts = parts(resource, problems.iter().copied());
        [accepted(&parts), view.resolved(id, &parts), view.programmed(id, &parts)]
    };
    content.versions.keys().map(|id| (id.clone(), verdict(id))).collect()
}

fn accepted(parts: &Parts<'_>) -> Answer {
    match (parts.own.is_empty(), parts.warnings.is_empty()) {
        (false, _) => answer(ACCEPTED, false, "Invalid", told(&parts.own)),
        (true, false) => answer(ACCEPTED, true, "ValidWithWarnings", told(&parts.warnings)),
        (true, true) => answer(ACCEPTED, true, "Valid", String::new()),
    }
}

/// What is in force, by name.
struct View<'a> {
    snapshot: &'a Snapshot,
    handlers: HashMap<&'a str, &'a HandlerConfig>,
    instances: HashSet<&'a str>,
    rules: HashMap<&'a str, usize>,
    failures: HashMap<&'a str, &'a HandlerFailure>,
}

impl<'a> View<'a> {
    fn new(in_force: &'a InForce) -> Self {
        let snapshot = &*in_force.snapshot;
        Self {
            snapshot,
            handlers: snapshot.handlers.iter().map(|handler| (&*handler.spec.name, handler)).collect(),
            instances: snapshot.instances.iter().map(|instance| &*instance.name).collect(),
            rules: snapshot.rules.iter().enumerate().map(|(index, rule)| (&*rule.name, index)).collect(),
            failures: in_force.failures.iter().map(|failure| (&*failure.handler, failure)).collect(),
        }
    }

    /// Handlers of the kind `handler` have a display name that depends on how they are reached.
    fn handler(&self, id: &ResourceId) -> Option<&'a HandlerConfig> {
        let short = format!("{}.{}", id.name, id.namespace);
        let key = id.key();
        let short = (&*id.kind == "handler").then_some(short);
        short.and_then(|short| self.handlers.get(&*short)).or_else(|| self.handlers.get(&*key)).copied()
    }

    /// Why a handler does not serve as it is written.
    fn trouble(&self, handler: &HandlerConfig) -> Option<(&'static str, String)> {
        let name = &handler.spec.name;
        let earlier = |earlier: bool| if earlier { "; an earlier version of it serves on" } else { "" };
        let failure = self.failures.get(&**name);
        if let HandlerKind::Broken { reason } = &handler.kind {
            let tail = earlier(failure.is_some_and(|failure| failure.earlier_serves));
            return Some(("HandlerInvalid", format!("handler {name}: {reason}{tail}")));
        }
        let failure = failure?;
        Some((
            "HandlerNotBuilt",
            format!("handler {name}: {}{}", failure.reason, earlier(failure.earlier_serves)),
        ))
    }

    /// The handlers of a rule that do not serve as they are written.
    fn troubles(&self, rule: usize) -> Vec<(&'static str, String)> {
        let actions = self.snapshot.rules.get(rule).map(|rule| rule.actions.as_slice()).unwrap_or_default();
        let handlers = actions.iter().filter_map(|action| self.snapshot.handlers.get(action.handler.0));
        let mut troubles: Vec<_> = handlers.filter_map(|handler| self.trouble(handler)).collect();
        troubles.dedup();
        troubles
    }

    fn resolved(&self, id: &ResourceId, parts: &Parts<'_>) -> Answer {
        if !parts.references.is_empty() {
            return answer(RESOLVED, false, "ReferenceNotResolved", told(&parts.references));
        }
        let invalid = |troubles: Vec<(&'static str, String)>| {
            troubles.into_iter().find(|(reason, _)| *reason == "HandlerInvalid")
        };
        let rule = (&*id.kind == "rule").then(|| self.rules.get(&*id.key())).flatten();
        match rule.and_then(|rule| invalid(self.troubles(*rule))) {
            Some((reason, message)) => answer(RESOLVED, false, reason, message),
            None => answer(RESOLVED, true, "ReferencesResolved", String::new()),
        }
    }

    fn programmed(&self, id: &ResourceId, parts: &Parts<'_>) -> Answer {
        let key = id.key();
        let (here, unused) = match &*id.kind {
            "rule" => (self.rules.contains_key(&*key), "no action of it does anything"),
            "attributemanifest" | "template" | "adapter" => {
                (parts.own.is_empty() && parts.references.is_empty(), "")
            }
            _ if self.instances.contains(&*key) => (true, ""),
            _ => (self.handler(id).is_some(), "no rule in force uses it"),
        };
        let all: Vec<&Problem> = parts.own.iter().chain(&parts.references).copied().collect();
        if !here {
            return match (parts.own.is_empty(), parts.references.is_empty()) {
                (false, _) => answer(PROGRAMMED, false, "Invalid", told(&all)),
                (true, false) => answer(PROGRAMMED, false, "ReferenceNotResolved", told(&all)),
                (true, true) => answer(PROGRAMMED, false, "NotUsed", unused.to_owned()),
            };
        }
        let troubles = match self.rules.get(&*key) {
            Some(rule) if &*id.kind == "rule" => self.troubles(*rule),
            _ => self.handler(id).and_then(|handler| self.trouble(handler)).into_iter().collect(),
        };
        if let Some((reason, _)) = troubles.first() {
            let messages: Vec<&str> = troubles.iter().map(|(_, message)| message.as_str()).collect();
            return answer(PROGRAMMED, false, reason, cut(messages.join("; ")));
        }
        match all.is_empty() {
            true => answer(PROGRAMMED, true, "InForce", String::new()),
            false => answer(PROGRAMMED, true, "PartlyInForce", told(&all)),
        }
    }
}

fn answer(kind: &'static str, holds: bool, reason: &'static str, message: String) -> Answer {
    Answer { kind, holds, reason, message }
}

/// Field and text of each problem. A `;` separates them, since a condition is one line in most views.
fn told(problems: &[&Problem]) -> String {
    let one = |problem: &&Problem| match problem.field.as_str() {
        "" => problem.message.clone(),
        field => format!("{field}: {}", problem.message),
    };
    cut(problems.iter().map(one).collect::<Vec<_>>().join("; "))
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests;
