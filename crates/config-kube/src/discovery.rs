//! Which kinds of the group the API server has, and which of them have a status of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_adapter_api::Registry;
use mixer_config::{API_VERSION, CORE_KINDS, KindClass, LegacyKinds, class_of};
use serde_json::Value;

use crate::request::{Api, Cause, Failure};

/// A kind that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Such as `rule`.
    pub(crate) kind: Arc<str>,
    /// As it stands in paths, such as `rules`.
    pub(crate) plural: Arc<str>,
    /// Whether its objects have a status that is written apart from the rest.
    pub(crate) has_status: bool,
    /// Whether nothing works without it.
    pub(crate) is_core: bool,
}

/// Which kinds are worth reading.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) registry: Registry,
    pub(crate) legacy: LegacyKinds,
}

impl Wanted {
    fn takes(&self, kind: &str) -> bool {
        match class_of(kind, &self.registry) {
            KindClass::Core => true,
            KindClass::Adapter => self.legacy.adapters,
            KindClass::Template => self.legacy.templates,
            // The original's kind of an adapter that is not hosted here: nothing can come of it, and an old cluster has
            // dozens of them.
            KindClass::Unknown | KindClass::Client => false,
        }
    }
}

/// What the API server has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Kinds that are read.
    pub(crate) kinds: Vec<Kind>,
    /// Core kinds that are missing.
    pub(crate) missing: Vec<&'static str>,
    /// Kinds of the group that are left alone, for the log.
    pub(crate) ignored: Vec<String>,
}

/// The path below which the objects of the group are.
pub(crate) fn root() -> String {
    format!("/apis/{API_VERSION}")
}

/// Asks the API server.
pub(crate) async fn discover(api: &Api, wanted: &Wanted) -> Result<Found, Failure> {
    match api.get(&root()).await {
        Ok(list) => Ok(read(&list, wanted)),
        // A group without a kind does not exist.
        Err(failure) if failure.cause == Cause::Missing => Ok(read(&Value::Null, wanted)),
        Err(failure) => Err(failure),
    }
}

/// Reads an `APIResourceList`.
fn read(list: &Value, wanted: &Wanted) -> Found {
    let resources = list.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |resource: &Value, field: &str| resource.get(field).and_then(Value::as_str).map(str::to_owned);
    let verbs = |resource: &Value, verb: &str| {
        let verbs = resource.get("verbs").and_then(Value::as_array);
        verbs.is_some_and(|verbs| verbs.iter().any(|one| one.as_str() == Some(verb)))
    };
    let mut found = Found::default();
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for resource in resources {
        let (Some(plural), Some(kind)) = (text(resource, "name"), text(resource, "kind")) else { continue };
        if plural.contains('/') {
            continue;
        }
        let readable = verbs(resource, "list") && verbs(resource, "watch");
        let namespaced = resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false);
        if !readable || !namespaced || !wanted.takes(&kind) {
            found.ignored.push(kind);
            continue;
        }
        let status = format!("{plural}/status");
        let has_status = resources
            .iter()
            .any(|other| text(other, "name").as_deref() == Some(&status) && verbs(other, "patch"));
        let is_core = CORE_KINDS.contains(&kind.as_str());
        let one = Kind { kind: kind.as_str().into(), plural: plural.into(), has_status, is_core };
        kinds.insert(kind, one);
    }
    found.missing = CORE_KINDS.into_iter().filter(|kind| !kinds.contains_key(*kind)).collect();
    found.kinds = kinds.into_values().collect();
    found
}

#[cfg(test)]
mod tests;
