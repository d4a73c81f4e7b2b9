//! All objects that are held, collection by collection, and when they make up a whole configuration.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mixer_config::{CORE_KINDS, Problem, RawResource, ResourceId};
use tokio::sync::Notify;

use crate::discovery::Kind;
use crate::metrics::KubeMetrics;
use crate::object::{Object, Version};

/// Bytes of all objects together, about; as many as files may have.
pub(crate) const MAX_TOTAL: usize = 256 << 20;

/// Everything that the objects say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// The resources, by kind, namespace and name.
    pub resources: Vec<RawResource>,
    /// What is wrong with objects as such.
    pub problems: Vec<Problem>,
    /// Which state of each object this is.
    pub(crate) versions: BTreeMap<ResourceId, Version>,
}

/// Kind and namespace (empty for all) of a list and its watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CollectionKey {
    pub(crate) kind: Arc<str>,
    pub(crate) namespace: Arc<str>,
}

/// Namespace and name.
pub(crate) type ObjectKey = (String, String);

#[derive(Debug, Default)]
struct Collection {
    objects: BTreeMap<ObjectKey, Object>,
    /// A whole list was read.
    synced: bool,
    /// Nothing works without it.
    required: bool,
    /// Whether status goes into the object.
    has_status: bool,
    plural: Arc<str>,
    /// Why it cannot be read at the moment.
    failing: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct State {
    collections: BTreeMap<CollectionKey, Collection>,
    /// Why the kinds themselves are unknown or not there.
    undiscovered: Option<Arc<str>>,
    discovered: bool,
    bytes: usize,
}

/// The objects. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: Arc<Mutex<State>>,
    /// Configuration or availability changed.
    pub(crate) changed: Arc<Notify>,
    metrics: KubeMetrics,
}

impl Store {
    pub(crate) fn new(metrics: KubeMetrics) -> Self {
        Self { state: Arc::default(), changed: Arc::default(), metrics }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kind is going to be read.
    pub(crate) fn open(&self, key: &CollectionKey, kind: &Kind) {
        let mut state = self.state();
        let collection = state.collections.entry(key.clone()).or_default();
        (collection.required, collection.has_status) = (kind.is_core, kind.has_status);
        collection.plural = kind.plural.clone();
    }

    /// A kind does not exist any more, nor do its objects.
    pub(crate) fn close(&self, key: &CollectionKey) {
        let mut state = self.state();
        if let Some(collection) = state.collections.remove(key) {
            state.bytes -= collection.objects.values().map(|object| object.size).sum::<usize>();
        }
        self.note(&state, &key.kind);
        self.changed.notify_one();
    }

    /// The kinds are known; `None` when all that is needed is there.
    pub(crate) fn discovered(&self, trouble: Option<Arc<str>>) {
        let mut state = self.state();
        if trouble.is_none() {
            state.discovered = true;
        }
        if state.undiscovered != trouble || trouble.is_none() {
            state.undiscovered = trouble;
            self.changed.notify_one();
        }
    }

    /// Takes the place of everything that a collection held. The error says that it is too much.
    pub(crate) fn replace(
        &self,
        key: &CollectionKey,
        objects: BTreeMap<ObjectKey, Object>,
    ) -> Result<(), String> {
        let mut state = self.state();
        let State { collections, bytes, .. } = &mut *state;
        let Some(collection) = collections.get_mut(key) else { return Ok(()) };
        let size =
            |objects: &BTreeMap<ObjectKey, Object>| objects.values().map(|object| object.size).sum::<usize>();
        let total = *bytes - size(&collection.objects) + size(&objects);
        if total > MAX_TOTAL {
            return Err(too_much());
        }
        *bytes = total;
        let same = collection.synced && same(&collection.objects, &objects);
        collection.objects = objects;
        collection.synced = true;
        let recovered = collection.failing.take().is_some();
        self.note(&state, &key.kind);
        if !same || recovered {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Takes one object that was added or changed. The error says that it is too much.
    pub(crate) fn apply(&self, key: &CollectionKey, name: ObjectKey, object: Object) -> Result<(), String> {
        let mut state = self.state();
        let State { collections, bytes, .. } = &mut *state;
        let Some(collection) = collections.get_mut(key) else { return Ok(()) };
        let before = collection.objects.get(&name);
        let total = *bytes - before.map_or(0, |before| before.size) + object.size;
        if total > MAX_TOTAL {
            return Err(too_much());
        }
        *bytes = total;
        let changed = !before.is_some_and(|before| is_same(before, &object));
        collection.objects.insert(name, object);
        self.note(&state, &key.kind);
        if changed {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// An object is gone.
    pub(crate) fn remove(&self, key: &CollectionKey, name: &ObjectKey) {
        let mut state = self.state();
        let State { collections, bytes, .. } = &mut *state;
        let removed = collections.get_mut(key).and_then(|collection| collection.objects.remove(name));
        if let Some(object) = removed {
            *bytes -= object.size;
            self.note(&state, &key.kind);
            self.changed.notify_one();
        }
    }

    /// Why a collection cannot be read at the moment, or that it can.
    pub(crate) fn failing(&self, key: &CollectionKey, reason: Option<Arc<str>>) {
        let mut state = self.state();
        let Some(collection) = state.collections.get_mut(key) else { return };
        if collection.failing != reason {
            collection.failing = reason;
            self.changed.notify_one();
        }
    }

    /// Whether a collection was read as a whole once.
    pub(crate) fn is_synced(&self, key: &CollectionKey) -> bool {
        self.state().collections.get(key).is_some_and(|collection| collection.synced)
    }

    /// Everything, when everything that is needed was read once.
    pub(crate) fn content(&self) -> Option<Content> {
        let state = self.state();
        let whole = |kind: &str| {
            let mut of_kind = state.collections.iter().filter(|(key, _)| &*key.kind == kind).peekable();
            of_kind.peek().is_some() && of_kind.all(|(_, collection)| collection.synced)
        };
        // A kind that is not needed is waited for too, unless it cannot be read.
        let others = |collection: &Collection| {
            collection.synced || collection.required || collection.failing.is_some()
        };
        if !state.discovered || !CORE_KINDS.into_iter().all(whole) || !state.collections.values().all(others)
        {
            return None;
        }
        let mut content = Content::default();
        for (key, collection) in &state.collections {
            for ((namespace, name), object) in &collection.objects {
                content.resources.extend(object.resource.clone());
                content.problems.extend_from_slice(&object.problems);
                let id = ResourceId {
                    kind: key.kind.clone(),
                    namespace: namespace.as_str().into(),
                    name: name.as_str().into(),
                };
                content.versions.insert(id, object.version.clone());
            }
        }
        Some(content)
    }

    /// Why nothing, or not everything, can be read at the moment.
    pub(crate) fn unavailable(&self) -> Option<Arc<str>> {
        let state = self.state();
        if let Some(reason) = &state.undiscovered {
            return Some(reason.clone());
        }
        let failing = state.collections.iter().filter(|(_, collection)| collection.required);
        let failing: Vec<_> = failing
            .filter_map(|(key, collection)| Some((key, collection, collection.failing.clone()?)))
            .collect();
        let (key, collection, reason) = failing.first()?;
        let within =
            if key.namespace.is_empty() { String::new() } else { format!(" in namespace {}", key.namespace) };
        let others = match failing.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        Some(format!("{}{within}: {reason}{others}", collection.plural).into())
    }

    /// The newest state of an object.
    pub(crate) fn version(&self, id: &ResourceId) -> Option<Version> {
        let name = (id.namespace.to_string(), id.name.to_string());
        let state = self.state();
        let of_kind = state.collections.iter().filter(|(key, _)| key.kind == id.kind);
        of_kind
            .filter_map(|(_, collection)| collection.objects.get(&name))
            .next()
            .map(|object| object.version.clone())
    }

    /// The plural of a kind, and whether its objects have a status.
    pub(crate) fn kind(&self, kind: &str) -> Option<(Arc<str>, bool)> {
        let state = self.state();
        let mut of_kind = state.collections.iter().filter(|(key, _)| &*key.kind == kind);
        of_kind.next().map(|(_, collection)| (collection.plural.clone(), collection.has_status))
    }

    fn note(&self, state: &State, kind: &Arc<str>) {
        let of_kind = state.collections.iter().filter(|(key, _)| key.kind == *kind);
        let count: usize = of_kind.map(|(_, collection)| collection.objects.len()).sum();
        self.metrics.objects.with_label_values(&[&**kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

pub(crate) fn too_much() -> String {
    format!("all objects together take more than {} MiB; nothing more is taken", MAX_TOTAL >> 20)
}

fn same(before: &BTreeMap<ObjectKey, Object>, after: &BTreeMap<ObjectKey, Object>) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|((a, before), (b, after))| a == b && is_same(before, after))
}

/// Whether an object means the same as before: a status that was written changes nothing.
fn is_same(before: &Object, after: &Object) -> bool {
    before.resource == after.resource
        && before.problems == after.problems
        && before.version.generation == after.version.generation
        && before.version.uid == after.version.uid
}
