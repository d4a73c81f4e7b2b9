//! Prepares the routes of a snapshot.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use mixer_config::snapshot::{Action, Rule, Snapshot};
use mixer_template::Variety;

use super::namespace::NamespaceSlots;
use super::{Destination, Entry, Routes, Scoped, Table, Target};
use crate::handler::HandlerSlot;
use crate::metrics::{DispatchMetrics, Metrics};

type Entries = HashMap<Arc<str>, Vec<Entry>, RandomState>;

struct Builder<'a> {
    snapshot: &'a Snapshot,
    handlers: &'a [HandlerSlot],
    metrics: &'a Arc<Metrics>,
    skip_not_built: bool,
    destinations: Vec<Destination>,
    known: HashMap<(usize, Arc<str>), u32, RandomState>,
    unsatisfied_actions: usize,
}

/// Prepares the routes. `skip_not_built`: an action whose handler does not serve counts as not there, as in the
/// original.
pub(crate) fn build(
    snapshot: &Snapshot,
    handlers: &[HandlerSlot],
    metrics: &Arc<Metrics>,
    skip_not_built: bool,
) -> Routes {
    let mut builder = Builder {
        snapshot,
        handlers,
        metrics,
        skip_not_built,
        destinations: Vec::new(),
        known: HashMap::default(),
        unsatisfied_actions: 0,
    };
    let mut parts: [Entries; 4] = Default::default();
    let mut quotas: HashMap<Box<str>, Entries, RandomState> = HashMap::default();
    for (position, rule) in (0..).zip(&snapshot.rules) {
        builder.add(position, rule, &mut parts, &mut quotas);
    }
    let [generators, checks, reports, directives] = parts.map(|entries| builder.scoped(entries));
    let quotas = quotas.into_iter().map(|(name, entries)| (name, builder.scoped(entries))).collect();
    let routes = Routes {
        generators,
        checks,
        directives,
        reports,
        quotas,
        unsatisfied_actions: builder.unsatisfied_actions,
        namespaces: NamespaceSlots::new(&snapshot.vocabulary),
        destinations: builder.destinations,
    };
    count_varieties(&routes, metrics);
    routes
}

const GENERATE: usize = 0;
const CHECK: usize = 1;
const REPORT: usize = 2;
const DIRECT: usize = 3;

impl Builder<'_> {
    fn add(
        &mut self,
        position: u32,
        rule: &Rule,
        parts: &mut [Entries; 4],
        quotas: &mut HashMap<Box<str>, Entries, RandomState>,
    ) {
        let entry = |targets| Entry { rule: position, condition: rule.condition, targets };
        let mut targets: [Vec<Target>; 3] = Default::default();
        let mut allocations: Vec<(Box<str>, Target)> = Vec::new();
        for (index, action) in (0..).zip(&rule.actions) {
            for (variety, short_name, target) in self.targets(index, action) {
                match variety {
                    Variety::AttributeGenerator => targets[GENERATE].push(target),
                    Variety::Check | Variety::CheckWithOutput => targets[CHECK].push(target),
                    Variety::Report => targets[REPORT].push(target),
                    Variety::Quota => allocations.push((short_name.to_lowercase().into(), target)),
                }
            }
        }
        for (part, targets) in parts.iter_mut().zip(targets) {
            if !targets.is_empty() {
                part.entry(rule.namespace.clone()).or_default().push(entry(targets));
            }
        }
        if !rule.request_headers.is_empty() || !rule.response_headers.is_empty() {
            parts[DIRECT].entry(rule.namespace.clone()).or_default().push(entry(Vec::new()));
        }
        for (name, target) in allocations {
            let entries = quotas.entry(name).or_default().entry(rule.namespace.clone()).or_default();
            match entries.last_mut() {
                Some(last) if last.rule == position => last.targets.push(target),
                _ => entries.push(entry(vec![target])),
            }
        }
    }

    fn targets(&mut self, index: u32, action: &Action) -> Vec<(Variety, Arc<str>, Target)> {
        let Some(handler) = self.handlers.get(action.handler.0) else { return Vec::new() };
        if handler.serving.is_err() {
            self.unsatisfied_actions += 1;
            if self.skip_not_built {
                return Vec::new();
            }
        }
        let snapshot = self.snapshot;
        let instances = action.instances.iter();
        let known = instances.filter_map(|id| Some((*id, snapshot.instances.get(id.0)?)));
        known
            .map(|(id, instance)| {
                let destination = self.destination(action.handler.0, &instance.template);
                let target = Target { destination, instance: id, action: index };
                (instance.template.variety(), instance.short_name.clone(), target)
            })
            .collect()
    }

    fn destination(&mut self, handler: usize, template: &Arc<mixer_template::Template>) -> u32 {
        let next = self.destinations.len() as u32;
        let found = *self.known.entry((handler, template.name().clone())).or_insert(next);
        if let (true, Some(slot)) = (found == next, self.handlers.get(handler)) {
            let metrics = DispatchMetrics::new(self.metrics, template.name(), &slot.name, &slot.adapter);
            self.destinations.push(Destination { handler, template: template.clone(), metrics });
        }
        found
    }

    fn scoped(&self, entries: Entries) -> Scoped {
        let mut scoped = Scoped::default();
        for (namespace, entries) in entries {
            let table = Table::new(entries, self.snapshot);
            if namespace == self.snapshot.default_namespace {
                scoped.default = table;
            } else {
                scoped.own.insert(namespace.as_bytes().into(), table);
            }
        }
        scoped
    }
}

/// Sets the gauge of destinations by variety, summed over namespaces: a destination that two namespaces use
/// counts twice, as in the original.
fn count_varieties(routes: &Routes, metrics: &Metrics) {
    let mut counts = [0; Variety::ALL.len()];
    let scopes = [&routes.generators, &routes.checks, &routes.reports];
    for scoped in scopes.into_iter().chain(routes.quotas.values()) {
        for table in std::iter::once(&scoped.default).chain(scoped.own.values()) {
            let targets = table.entries().iter().flat_map(|entry| &entry.targets);
            let used: std::collections::BTreeSet<u32> = targets.map(|target| target.destination).collect();
            for destination in used.into_iter().filter_map(|index| routes.destinations.get(index as usize)) {
                counts[destination.template.variety() as usize] += 1;
            }
        }
    }
    for (variety, count) in Variety::ALL.into_iter().zip(counts) {
        metrics.destinations_per_variety.with_label_values(&[variety.name()]).set(count);
    }
}
