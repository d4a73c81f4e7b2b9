//! What a hosted adapter tells about itself, and how a handler of it is made.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::Handler;

/// The fixed facts of an adapter.
#[derive(Clone, Copy, Debug)]
pub struct AdapterInfo {
    /// The name that `compiledAdapter` and `adapter` of a handler use.
    pub name: &'static str,
    /// Other names for the same adapter, such as `listchecker` for `list`.
    pub aliases: &'static [&'static str],
    /// One sentence for lists.
    pub description: &'static str,
    /// Names of the templates whose instances it takes.
    pub templates: &'static [&'static str],
    /// An encoded `FileDescriptorSet` with the configuration message; empty when there is no configuration.
    pub config_descriptor: &'static [u8],
    /// Full name of the configuration message, such as `adapter.prometheus.config.Params`.
    pub config_message: &'static str,
}

/// One instance that configuration sends to a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceInfo {
    /// Fully qualified name: `name.instance.namespace`, or `name.<template>.namespace` for the legacy kinds.
    pub name: Arc<str>,
    /// Name of its template.
    pub template: Arc<str>,
    /// The template's `Type` message for this instance, encoded: the inferred types of its dynamic fields.
    pub inferred_type: Bytes,
}

/// Everything from which a handler is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerSpec {
    /// Display name, such as `prometheus.istio-system`; also the identity of the handler across edits.
    pub name: Arc<str>,
    /// The encoded configuration message.
    pub params: Bytes,
    /// The instances that rules send to it, by name.
    pub instances: Vec<InstanceInfo>,
}

/// One thing that is wrong with a handler's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// Path of the field, such as `metrics[2].label_names`; empty for the whole.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl FieldProblem {
    /// A problem with one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// A handler could not be built although its configuration is valid: a port is taken, a file is missing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// An adapter that can be hosted. One value lives as long as the process, so state that must survive an edit of
/// a handler (metric series, quota cells) is kept here, keyed by what it means.
pub trait Adapter: Send + Sync {
    /// The fixed facts.
    fn info(&self) -> &AdapterInfo;

    /// Checks a configuration against the instances that it will get. Pure: no I/O, and every problem at once.
    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem>;

    /// Makes a handler of a configuration that [`Adapter::validate`] passed.
    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>>;
}

/// The adapters that the server can host, found by name or alias.
#[derive(Clone, Default)]
pub struct Registry {
    adapters: Vec<Arc<dyn Adapter>>,
}

impl Registry {
    /// A registry of these adapters.
    pub fn new(adapters: Vec<Arc<dyn Adapter>>) -> Self {
        Self { adapters }
    }

    /// The adapter of a name or alias.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Adapter>> {
        self.adapters.iter().find(|adapter| {
            let info = adapter.info();
            info.name == name || info.aliases.contains(&name)
        })
    }

    /// Every adapter, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Adapter>> {
        self.adapters.iter()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.adapters.iter().map(|adapter| adapter.info().name)).finish()
    }
}
