//! The last step: what rules use gets its number in the snapshot, everything else is left behind.

use std::collections::{BTreeMap, BTreeSet};

use mixer_adapter_api::InstanceInfo;

use crate::handlers::Handlers;
use crate::instances::Instances;
use crate::report::Problems;
use crate::rules::{Draft, Rules};
use crate::snapshot::{
    Action, Condition, ConditionId, HandlerConfig, HandlerId, HandlerKind, InstanceConfig, InstanceId, Rule,
};

/// The parts of a snapshot that refer to each other.
pub(crate) struct Linked {
    pub(crate) handlers: Vec<HandlerConfig>,
    pub(crate) instances: Vec<InstanceConfig>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) rules: Vec<Rule>,
}

/// Numbers handlers, instances and conditions. In compatibility mode actions of broken handlers are dropped.
pub(crate) fn link(
    mut rules: Rules,
    (handlers, instances): (&mut Handlers<'_>, Instances),
    compat: bool,
    problems: &mut Problems,
) -> Linked {
    let (handlers, handler_ids) = configure(&rules.all, handlers, &instances, (compat, problems));
    for rule in &mut rules.all {
        rule.actions.retain(|action| handler_ids.contains_key(&action.handler));
    }
    let does_something = |rule: &Draft| {
        !rule.actions.is_empty() || !rule.request_headers.is_empty() || !rule.response_headers.is_empty()
    };
    rules.all.retain(does_something);

    let actions = || rules.all.iter().flat_map(|rule| &rule.actions);
    let used: BTreeSet<usize> = actions().flat_map(|action| action.instances.iter().copied()).collect();
    let (instances, instance_ids) = numbered(instances.into_all(), &used, |a, b| a.name.cmp(&b.name));
    let used: BTreeSet<usize> = rules.all.iter().filter_map(|rule| Some(rule.condition?.0)).collect();
    let (conditions, condition_ids) =
        numbered(rules.conditions.into_all(), &used, |_, _| std::cmp::Ordering::Equal);
    let number = |draft: Draft| Rule {
        name: draft.name,
        namespace: draft.namespace,
        condition: draft.condition.and_then(|id| condition_ids.get(&id.0)).copied().map(ConditionId),
        actions: draft
            .actions
            .into_iter()
            .filter_map(|action| {
                let ids = action.instances.iter().filter_map(|index| instance_ids.get(index));
                Some(Action {
                    handler: *handler_ids.get(&action.handler)?,
                    instances: ids.copied().map(InstanceId).collect(),
                    output: action.output,
                })
            })
            .collect(),
        request_headers: draft.request_headers,
        response_headers: draft.response_headers,
    };
    let rules = rules.all.into_iter().map(number).collect();
    Linked { handlers, instances, conditions, rules }
}

/// The handlers that actions use, by name, and the ids of those that stay.
fn configure(
    rules: &[Draft],
    handlers: &mut Handlers<'_>,
    instances: &Instances,
    (compat, problems): (bool, &mut Problems),
) -> (Vec<HandlerConfig>, BTreeMap<usize, HandlerId>) {
    let mut sent: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for action in rules.iter().flat_map(|rule| &rule.actions) {
        sent.entry(action.handler).or_default().extend(&action.instances);
    }
    handlers.validate_unused(|handler| sent.contains_key(&handler), problems);
    let mut configured: Vec<(usize, HandlerConfig)> = Vec::with_capacity(sent.len());
    for (handler, used) in sent {
        let mut infos: Vec<InstanceInfo> =
            used.into_iter().filter_map(|index| instances.info(index)).collect();
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        configured.extend(handlers.configure(handler, infos, problems).map(|config| (handler, config)));
    }
    configured.retain(|(_, config)| !compat || !matches!(config.kind, HandlerKind::Broken { .. }));
    configured.sort_by(|(_, a), (_, b)| a.spec.name.cmp(&b.spec.name));
    let ids = configured.iter().enumerate().map(|(id, (index, _))| (*index, HandlerId(id))).collect();
    (configured.into_iter().map(|(_, config)| config).collect(), ids)
}

/// The used ones of a list in an order, and the new number of each.
fn numbered<T>(
    all: Vec<T>,
    used: &BTreeSet<usize>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> (Vec<T>, BTreeMap<usize, usize>) {
    let mut kept: Vec<(usize, T)> =
        all.into_iter().enumerate().filter(|(index, _)| used.contains(index)).collect();
    kept.sort_by(|(_, a), (_, b)| order(a, b));
    let numbers = kept.iter().enumerate().map(|(number, (index, _))| (*index, number)).collect();
    (kept.into_iter().map(|(_, one)| one).collect(), numbers)
}
