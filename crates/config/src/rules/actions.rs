//! Actions: which handler gets which instances.

use std::collections::HashMap;

use mixer_template::{Position, Variety};

use super::{Compiler, DraftAction};
use crate::instances::Found;
use crate::kinds;
use crate::nearest::nearest;
use crate::outputs::{self, OutputNames};
use crate::problem::ResourceId;
use crate::report::Report;
use crate::snapshot::InstanceConfig;
use crate::spec::ActionSpec;

/// Names of all handlers and instances by their first part, made when the first hint is needed.
#[derive(Default)]
pub(super) struct References {
    handlers: Option<HashMap<String, Vec<String>>>,
    instances: Option<HashMap<String, Vec<String>>>,
}

/// More names than this are not searched for a similar one: every rule could ask.
const MAX_SEARCHED: usize = 500;

/// Compiles an action: one action for each template with output that is used, one for everything else. `names`
/// are the outputs that header operations of the rule may use; without them output is not kept.
pub(super) fn compile(
    (action, rule): (&ActionSpec<'_>, &ResourceId),
    compiler: &mut Compiler<'_, '_>,
    references: &mut References,
    names: Option<&mut OutputNames>,
    report: &mut Report<'_>,
) -> Vec<DraftAction> {
    let Some(reference) = action.handler else {
        report.error(&format!("{}.handler", action.path), action.position, "names no handler; add one");
        return Vec::new();
    };
    let handler = match compiler.handlers.find(reference.trimmed(), &rule.namespace) {
        Some(handler) => handler,
        None => {
            let index = references.handlers.get_or_insert_with(|| by_name(compiler.handlers.keys()));
            let hint = hint(reference.trimmed(), kinds::HANDLER, &rule.namespace, index);
            let message = format!("Handler not found: handler='{}'{hint}", reference.text);
            report.error(&format!("{}.handler", action.path), reference.position, message);
            compiler.handlers.stand_in(reference.trimmed(), &rule.namespace)
        }
    };
    let instances = instances((action, rule), handler, compiler, references, report);
    if instances.is_empty() {
        let message =
            "No valid instances found, so the action does nothing; add an instance that the handler takes";
        report.error(&format!("{}.instances", action.path), action.position, message);
        return Vec::new();
    }
    split(action, (handler, instances), compiler, names)
}

fn instances(
    (action, rule): (&ActionSpec<'_>, &ResourceId),
    handler: usize,
    compiler: &Compiler<'_, '_>,
    references: &mut References,
    report: &mut Report<'_>,
) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::with_capacity(action.instances.len());
    for (number, reference) in action.instances.iter().enumerate() {
        let mut error = |position: Position, message: String| {
            report.error(&format!("{}.instances[{number}]", action.path), position, message);
        };
        match compiler.instances.find(reference.trimmed(), &rule.namespace) {
            Found::Valid(index, instance) => match refused(index, instance, &taken, (handler, compiler)) {
                None => taken.push(index),
                Some(message) => error(reference.position, message),
            },
            Found::Broken => {
                let message = format!(
                    "instance '{}' has problems of its own, so it is left out; see there",
                    reference.text
                );
                error(reference.position, message);
            }
            Found::Missing => {
                let index = references.instances.get_or_insert_with(|| by_name(compiler.instances.keys()));
                let hint = hint(reference.trimmed(), kinds::INSTANCE, &rule.namespace, index);
                error(reference.position, format!("Instance not found: instance='{}'{hint}", reference.text));
            }
        }
    }
    taken
}

/// Why an instance cannot be sent to a handler by this action.
fn refused(
    index: usize,
    instance: &InstanceConfig,
    taken: &[usize],
    (handler, compiler): (usize, &Compiler<'_, '_>),
) -> Option<String> {
    if taken.contains(&index) {
        let name = &instance.name;
        return Some(format!(
            "action specified the same instance multiple times: instance='{name}'; name it once"
        ));
    }
    let handler = compiler.handlers.get(handler)?;
    let reason = handler.takes(&instance.template).err()?;
    Some(format!(
        "instance '{}' is of template '{}' which is not supported by handler '{}': {reason}",
        instance.name,
        instance.template.name(),
        handler.name
    ))
}

/// One action for each template whose output header operations can use, and one for the other instances.
fn split(
    action: &ActionSpec<'_>,
    (handler, instances): (usize, Vec<usize>),
    compiler: &mut Compiler<'_, '_>,
    names: Option<&mut OutputNames>,
) -> Vec<DraftAction> {
    let (Some(name), Some(names)) = (action.name, names) else {
        return vec![DraftAction { handler, instances, output: None }];
    };
    let mut actions: Vec<(Option<&str>, DraftAction)> = Vec::with_capacity(1);
    for index in instances {
        let Some(instance) = compiler.instances.get(index) else { continue };
        let template = &instance.template;
        let key = (template.variety() == Variety::CheckWithOutput).then(|| template.grpc_path());
        if let Some((_, action)) = actions.iter_mut().find(|(other, _)| *other == key) {
            action.instances.push(index);
            continue;
        }
        let output = key.map(|_| outputs::slots(template, name.trimmed(), compiler.vocabulary));
        if let Some(output) = &output {
            names.add(&format!("{}.output.", name.trimmed()), output);
        }
        actions.push((key, DraftAction { handler, instances: vec![index], output }));
    }
    actions.into_iter().map(|(_, action)| action).collect()
}

fn by_name<'k>(keys: impl Iterator<Item = &'k str>) -> HashMap<String, Vec<String>> {
    let mut index: HashMap<String, Vec<String>> = HashMap::new();
    for key in keys {
        let name = key.split('.').next().unwrap_or(key);
        index.entry(name.to_owned()).or_default().push(key.to_owned());
    }
    for keys in index.values_mut() {
        keys.sort();
    }
    index
}

/// What may have been meant: the same name elsewhere, else a similar name.
fn hint(reference: &str, kind: &str, namespace: &str, index: &HashMap<String, Vec<String>>) -> String {
    let name = reference.split('.').next().unwrap_or(reference);
    let near = || {
        let names = index.keys().map(String::as_str);
        nearest(name, names.filter(|_| index.len() <= MAX_SEARCHED)).and_then(|name| index.get(name))
    };
    let found = index.get(name).or_else(near).map(Vec::as_slice).unwrap_or_default();
    let is_here = |key: &&String| key.rsplit('.').next() == Some(namespace);
    let Some(key) = found.iter().find(is_here).or(found.first()) else {
        return match reference.contains('.') {
            false => format!("; a name without a dot is looked for in namespace {namespace}"),
            true => format!("; a reference is NAME, NAME.NAMESPACE or NAME.{kind}.NAMESPACE"),
        };
    };
    match key.split('.').collect::<Vec<_>>()[..] {
        [name, k, ns] if ns == namespace && k == kind => format!("; did you mean {name}?"),
        [name, k, ns] if ns == namespace => format!("; did you mean {name}.{k}?"),
        [name, k, ns] if k == kind => format!("; did you mean {name}.{ns}?"),
        _ => format!("; did you mean {key}?"),
    }
}
