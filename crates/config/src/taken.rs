//! Which resources are taken: each key once, of a known kind.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use mixer_adapter_api::{Adapter, Registry};
use mixer_template::Template;

use crate::kinds::{self, Kind};
use crate::problem::ResourceId;
use crate::report::{Problems, Report};
use crate::resource::RawResource;

/// A map by key text, `name.kind.namespace`.
pub(crate) type Names<V> = HashMap<String, V, foldhash::fast::RandomState>;

/// Where the expression dialect is asked for.
const DIALECT: &str = "policy.istio.io/lang";

/// The resources of a compilation, by what they are, in the order of namespace and name.
#[derive(Default)]
pub(crate) struct Taken<'r> {
    core: HashMap<&'static str, Vec<&'r RawResource>>,
    /// Handlers of legacy kinds, with the adapter that the kind names.
    pub(crate) legacy_handlers: Vec<(&'r RawResource, Arc<dyn Adapter>)>,
    /// Instances of legacy kinds, with the template that the kind names.
    pub(crate) legacy_instances: Vec<(&'r RawResource, Arc<Template>)>,
}

/// Whether the kinds named after adapters and templates are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyKinds {
    /// Kinds named after hosted adapters (`kind: prometheus`).
    pub adapters: bool,
    /// Kinds named after templates (`kind: metric`).
    pub templates: bool,
}

impl Default for LegacyKinds {
    fn default() -> Self {
        Self { adapters: true, templates: true }
    }
}

impl<'r> Taken<'r> {
    /// Sorts resources out. `built_in` ones give way to others of the same key without a word.
    pub(crate) fn of_resources(
        built_in: &'r [RawResource],
        resources: &'r [RawResource],
        (registry, legacy): (&Registry, LegacyKinds),
        problems: &mut Problems,
    ) -> Self {
        let mut taken = Self::default();
        let chosen = last_of_each(built_in, resources, problems);
        for resource in chosen {
            taken.take(resource, registry, legacy, problems);
        }
        taken
    }

    /// The resources of a core kind.
    pub(crate) fn of(&self, kind: &str) -> &[&'r RawResource] {
        self.core.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    fn take(
        &mut self,
        resource: &'r RawResource,
        registry: &Registry,
        legacy: LegacyKinds,
        problems: &mut Problems,
    ) {
        let place = resource.spec.position;
        match kinds::classify(&resource.id.kind, registry) {
            Kind::Core(kind) => {
                self.core.entry(kind).or_default().push(resource);
            }
            Kind::LegacyHandler(adapter) if legacy.adapters => self.legacy_handlers.push((resource, adapter)),
            Kind::LegacyInstance(template) if legacy.templates => {
                self.legacy_instances.push((resource, template))
            }
            Kind::LegacyHandler(_) => {
                let message = "ignored: kinds named after adapters are switched off (--useAdapterCRDs=false)";
                problems.of(resource, kinds::HANDLER).info("", place, message);
            }
            Kind::LegacyInstance(_) => {
                let message =
                    "ignored: kinds named after templates are switched off (--useTemplateCRDs=false)";
                problems.of(resource, kinds::INSTANCE).info("", place, message);
            }
            Kind::Client => {
                let message = "ignored: proxies read this kind, the server does not";
                problems.of(resource, kinds::UNKNOWN).info("", place, message);
            }
            Kind::Unknown(message) => {
                problems.of(resource, kinds::UNKNOWN).error("kind", resource.location.position(), message);
            }
        }
    }
}

/// Each key once: the last file in the order of paths wins, and each loser is told.
fn last_of_each<'r>(
    built_in: &'r [RawResource],
    resources: &'r [RawResource],
    problems: &mut Problems,
) -> Vec<&'r RawResource> {
    let mut ordered: Vec<&RawResource> = resources.iter().collect();
    ordered.sort_by(|a, b| a.file().cmp(b.file()));
    let mut last: HashMap<&ResourceId, &RawResource, foldhash::fast::RandomState> = HashMap::default();
    let losers: Vec<&RawResource> =
        ordered.into_iter().filter_map(|resource| last.insert(&resource.id, resource)).collect();
    for loser in losers {
        let winner = last.get(&loser.id).map_or(&loser.location, |winner| &winner.location);
        let message =
            format!("is there a second time, at {winner}, and that one is used; delete one of the two");
        problems.of(loser, kinds::core(&loser.id.kind)).error("", loser.location.position(), message);
    }
    for resource in built_in {
        last.entry(&resource.id).or_insert(resource);
    }
    let mut chosen: Vec<&RawResource> = last.into_values().collect();
    chosen.sort_by(|a, b| {
        (&a.id.namespace, &a.id.name, &a.id.kind).cmp(&(&b.id.namespace, &b.id.name, &b.id.kind))
    });
    chosen
}

/// An error when the expressions of a resource are in a dialect that there is not: they must not be read as CEXL.
pub(crate) fn check_dialect(resource: &RawResource, report: &mut Report<'_>) {
    let message = match resource.annotations.get(DIALECT).map(String::as_str) {
        None | Some("CEXL") => return,
        Some(other @ ("CEL" | "COMPAT")) => {
            format!(
                "the expression dialect {other} is not available in this version; write the expressions in CEXL"
            )
        }
        Some(other) => format!("{other:?} is no expression dialect; use CEXL or remove the annotation"),
    };
    let field = format!("metadata.annotations[{DIALECT}]");
    report.error(&field, resource.location.position(), message);
}

/// The keys that a reference may mean, in the order in which they are tried: `a` is of the same namespace, `a.b`
/// is of the legacy kind `b` or in the namespace `b`, more dots make it a key.
pub(crate) fn candidates<'a>(
    reference: &'a str,
    kind: &str,
    namespace: &str,
) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
    let mut parts = reference.splitn(3, '.');
    let keys = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => [Some(Cow::Owned(format!("{name}.{kind}.{namespace}"))), None],
        (Some(name), Some(second), None) => [
            Some(Cow::Owned(format!("{name}.{second}.{namespace}"))),
            Some(Cow::Owned(format!("{name}.{kind}.{second}"))),
        ],
        _ => [Some(Cow::Borrowed(reference)), None],
    };
    keys.into_iter().flatten()
}
