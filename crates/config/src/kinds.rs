//! The kinds of the group `config.istio.io`: the six core kinds, and one kind for each hosted adapter and each
//! built-in template, whose specifications are the adapter's and the template's own fields.

use std::sync::Arc;

use mixer_adapter_api::{Adapter, Registry};
use mixer_template::Template;

use crate::nearest::hint;
use crate::templates;

pub(crate) const ATTRIBUTE_MANIFEST: &str = "attributemanifest";
pub(crate) const TEMPLATE: &str = "template";
pub(crate) const ADAPTER: &str = "adapter";
pub(crate) const HANDLER: &str = "handler";
pub(crate) const INSTANCE: &str = "instance";
pub(crate) const RULE: &str = "rule";

/// Under which word errors of resources of no known kind are counted.
pub(crate) const UNKNOWN: &str = "unknown";

/// The kinds that everything is written with, in the order in which they refer to each other.
pub const CORE: [&str; 6] = [ATTRIBUTE_MANIFEST, TEMPLATE, ADAPTER, HANDLER, INSTANCE, RULE];

/// Kinds of the group that proxies read; they are nothing to a server.
const CLIENT: [&str; 4] = ["HTTPAPISpec", "HTTPAPISpecBinding", "QuotaSpec", "QuotaSpecBinding"];

/// Kinds of the original's adapters, for a message that names the adapter instead of the kind.
const ORIGINAL_ADAPTERS: [&str; 21] = [
    "bypass",
    "circonus",
    "cloudwatch",
    "denier",
    "dogstatsd",
    "fluentd",
    "kubernetesenv",
    "listchecker",
    "memquota",
    "noop",
    "opa",
    "prometheus",
    "rbac",
    "redisquota",
    "servicecontrol",
    "signalfx",
    "solarwinds",
    "stackdriver",
    "statsd",
    "stdio",
    "zipkin",
];

/// The core kind of a name, or the word for all others.
pub(crate) fn core(kind: &str) -> &'static str {
    CORE.into_iter().find(|core| *core == kind).unwrap_or(UNKNOWN)
}

/// What a kind is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// One of the six.
    Core(&'static str),
    /// A handler whose specification is the adapter's params.
    LegacyHandler(Arc<dyn Adapter>),
    /// An instance whose specification is the template's fields.
    LegacyInstance(Arc<Template>),
    /// Not for the server.
    Client,
    /// Nothing known, with what to say.
    Unknown(String),
}

/// What a kind is, given the adapters that can be hosted.
pub(crate) fn classify(kind: &str, registry: &Registry) -> Kind {
    if let Some(core) = CORE.into_iter().find(|core| *core == kind) {
        return Kind::Core(core);
    }
    if let Some(adapter) = registry.get(kind) {
        return Kind::LegacyHandler(adapter.clone());
    }
    if let Some(template) = templates::built_in(kind) {
        return Kind::LegacyInstance(template.clone());
    }
    if CLIENT.contains(&kind) {
        return Kind::Client;
    }
    if ORIGINAL_ADAPTERS.contains(&kind) {
        let message = format!(
            "this server hosts no adapter {kind}, so the kind means nothing to it; \
             use a handler with adapter and connection, or one of its adapters: {}",
            adapter_names(registry)
        );
        return Kind::Unknown(message);
    }
    let adapters = registry.iter().flat_map(|adapter| names(adapter.as_ref()));
    let known = CORE.into_iter().chain(adapters).chain(mixer_proto::template::NAMES.iter().copied());
    Kind::Unknown(format!("the group config.istio.io has no kind {kind:?}{}", hint(kind, known)))
}

/// What a source has to know of a kind to decide whether it is worth reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindClass {
    /// One of the six that everything is written with.
    Core,
    /// Named after a hosted adapter.
    Adapter,
    /// Named after a built-in template.
    Template,
    /// Read by proxies alone.
    Client,
    /// Nothing that this server knows; reading it yields a problem that says so.
    Unknown,
}

/// What a kind of the group is, given the adapters that can be hosted.
pub fn class_of(kind: &str, registry: &Registry) -> KindClass {
    match classify(kind, registry) {
        Kind::Core(_) => KindClass::Core,
        Kind::LegacyHandler(_) => KindClass::Adapter,
        Kind::LegacyInstance(_) => KindClass::Template,
        Kind::Client => KindClass::Client,
        Kind::Unknown(_) => KindClass::Unknown,
    }
}

fn names(adapter: &dyn Adapter) -> impl Iterator<Item = &'static str> + use<> {
    let info = *adapter.info();
    std::iter::once(info.name).chain(info.aliases.iter().copied())
}

/// The names under which hosted adapters are found, for messages.
pub(crate) fn adapter_names(registry: &Registry) -> String {
    let names: Vec<&str> = registry.iter().map(|adapter| adapter.info().name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The hosted adapter that a misspelt name most likely meant.
pub(crate) fn adapter_hint(name: &str, registry: &Registry) -> String {
    hint(name, registry.iter().flat_map(|adapter| names(adapter.as_ref())))
}
