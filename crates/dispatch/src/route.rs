//! From a request to the rules that may apply: by namespace, then by an index on what conditions compare.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use mixer_attribute::{Bag, Referenced};
use mixer_template::Template;

use crate::metrics::DispatchMetrics;

pub(crate) use self::build::build;
use self::namespace::NamespaceSlots;
pub(crate) use self::table::{Entry, Table, Target};

mod build;
mod index;
mod namespace;
mod table;

/// A handler together with one template whose instances it gets.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Index into the handlers of the runtime.
    pub(crate) handler: usize,
    pub(crate) template: Arc<Template>,
    pub(crate) metrics: DispatchMetrics,
}

/// The rules of every namespace for one kind of work. A request gets those of the default namespace and those
/// of its own, from separate tables: nothing is shared, so nothing can leak from one namespace to another.
#[derive(Debug, Default)]
pub(crate) struct Scoped {
    default: Table,
    own: HashMap<Box<[u8]>, Table, RandomState>,
}

impl Scoped {
    /// Whether no namespace has a rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.default.entries().is_empty() && self.own.is_empty()
    }

    /// What a request of a namespace is subject to.
    pub(crate) fn of(&self, namespace: &[u8]) -> Tables<'_> {
        let own = if self.own.is_empty() { None } else { self.own.get(namespace) };
        Tables { default: &self.default, own }
    }
}

/// The rules that a request is subject to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables<'r> {
    default: &'r Table,
    own: Option<&'r Table>,
}

impl<'r> Tables<'r> {
    /// The tables in the order in which results merge.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'r Table> + use<'r> {
        std::iter::once(self.default).chain(self.own).filter(|table| !table.entries().is_empty())
    }

    /// Whether there is no rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Everything that leads from a request to handlers. Prepared once per snapshot.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) destinations: Vec<Destination>,
    pub(crate) generators: Scoped,
    pub(crate) checks: Scoped,
    pub(crate) directives: Scoped,
    pub(crate) reports: Scoped,
    /// By lower-case short name of the instance.
    pub(crate) quotas: HashMap<Box<str>, Scoped, RandomState>,
    /// Actions whose handler does not serve.
    pub(crate) unsatisfied_actions: usize,
    namespaces: NamespaceSlots,
}

impl Routes {
    /// The namespace whose rules apply besides those of the default one.
    pub(crate) fn namespace<'b>(&self, bag: &'b Bag, referenced: &mut Referenced) -> &'b [u8] {
        self.namespaces.select(bag, referenced)
    }
}
