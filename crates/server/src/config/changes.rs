//! Which problems are new and which have gone since the last configuration, so that each is logged once.

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_config::{Problem, ResourceId};

/// The problems of the configuration in force.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<Key, Problem>);

/// What makes two problems the same one: not the line, which moves with every edit above it.
type Key = (Option<ResourceId>, Arc<str>, String, String);

/// What an update changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) new: Vec<Problem>,
    pub(super) resolved: Vec<Problem>,
}

impl Problems {
    /// Takes the problems of a new configuration.
    pub(super) fn update(&mut self, found: &[Problem]) -> Changes {
        let mut changes = Changes::default();
        let mut now = BTreeMap::new();
        for problem in found {
            let key = key(problem);
            if self.0.remove(&key).is_none() && !now.contains_key(&key) {
                changes.new.push(problem.clone());
            }
            now.insert(key, problem.clone());
        }
        changes.resolved.extend(std::mem::replace(&mut self.0, now).into_values());
        changes
    }
}

fn key(problem: &Problem) -> Key {
    let file = problem.location.file.clone();
    (problem.resource.clone(), file, problem.field.clone(), problem.message.clone())
}

#[cfg(test)]
mod tests;
