//! The rules of one namespace and one kind of work, in the order in which their results merge.

use mixer_attribute::{Bag, Referenced, Slot};
use mixer_config::snapshot::{ConditionId, InstanceId, Snapshot};

use super::index::Index;

/// One instance of a rule that is sent to one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Index into [`super::Routes::destinations`].
    pub(crate) destination: u32,
    /// The instance.
    pub(crate) instance: InstanceId,
    /// Index of the action in its rule.
    pub(crate) action: u32,
}

/// A rule as far as one kind of work is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Index into [`Snapshot::rules`].
    pub(crate) rule: u32,
    /// When it applies.
    pub(crate) condition: Option<ConditionId>,
    /// What it leads to; empty for header operations.
    pub(crate) targets: Vec<Target>,
}

/// The rules of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    index: Index,
}

impl Table {
    /// Prepares the index over the entries' conditions.
    pub(crate) fn new(entries: Vec<Entry>, snapshot: &Snapshot) -> Self {
        let conditions = entries.iter().map(|entry| entry.condition);
        let programs = conditions
            .map(|id| id.and_then(|id| snapshot.conditions.get(id.0)).map(|condition| &condition.program));
        let index = Index::new(programs);
        Self { entries, index }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Positions of the entries whose condition may hold, in order, into `found`. What decides that is recorded
    /// as read. Attributes by which rules were passed over because they are absent go to `absent`.
    pub(crate) fn candidates(
        &self,
        bag: &Bag,
        referenced: &mut Referenced,
        found: &mut Vec<u32>,
        absent: impl FnMut(Slot),
    ) {
        found.clear();
        if self.index.is_trivial() {
            found.extend(0..self.entries.len() as u32);
            return;
        }
        self.index.find(bag, referenced, found, absent);
    }
}
