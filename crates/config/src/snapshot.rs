//! A snapshot: all configuration that the request path needs, checked, compiled and immutable.
//!
//! A snapshot is swapped whole. Handlers are described, not built: building is I/O and belongs to dispatch, which
//! reuses the running handler when [`HandlerConfig`] is equal to the one it was built from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::HandlerSpec;
use mixer_attribute::{Slot, Vocabulary};
use mixer_expr::Program;
use mixer_template::{InstanceEncoder, OutputDecoder, Template};

pub use crate::authentication::{
    Authentication, Certificates, ExpectedServer, OAuth, OwnFiles, Token, TokenHeader, TokenSource,
};

/// Everything that decides how requests are handled.
#[derive(Debug)]
pub struct Snapshot {
    /// The slots that bags and programs of this snapshot share.
    pub vocabulary: Arc<Vocabulary>,
    /// The namespace whose rules apply to every request.
    pub default_namespace: Arc<str>,
    /// Whether the original's decisions are wanted where ours differ.
    pub compat: bool,
    /// Handlers that an action refers to, by [`HandlerId`], sorted by name.
    pub handlers: Vec<HandlerConfig>,
    /// Instances that an action refers to, by [`InstanceId`], sorted by name.
    pub instances: Vec<InstanceConfig>,
    /// Distinct match conditions, by [`ConditionId`].
    pub conditions: Vec<Condition>,
    /// Rules with at least one action or header operation: those of the default namespace first, then by
    /// namespace, then by name. Results merge in this order.
    pub rules: Vec<Rule>,
    /// How many resources of each kind were taken, for logs and metrics.
    pub counts: Counts,
}

/// Index into [`Snapshot::handlers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandlerId(pub usize);

/// Index into [`Snapshot::instances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub usize);

/// Index into [`Snapshot::conditions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConditionId(pub usize);

/// A handler as configured. Two equal values mean the same running handler.
#[derive(Clone, Debug, PartialEq)]
pub struct HandlerConfig {
    /// Name (`prometheus.istio-system` is the display form), configuration bytes and instances.
    pub spec: HandlerSpec,
    /// Name of the adapter, for metrics and messages.
    pub adapter: Arc<str>,
    /// How it is reached.
    pub kind: HandlerKind,
    /// What its failure means for a check or quota.
    pub failure_policy: FailurePolicy,
}

/// How a handler is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum HandlerKind {
    /// Hosted in this process: the registry entry of this name builds it.
    Hosted {
        /// Registry name.
        adapter: &'static str,
    },
    /// A process of its own.
    Grpc(GrpcConfig),
    /// The configuration is wrong or missing: the last good handler of the same name serves on, and without one
    /// its actions answer by the failure policy.
    Broken {
        /// What is wrong, for the answer and the log.
        reason: Arc<str>,
    },
}

/// The connection to a gRPC adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcConfig {
    /// `host:port`, `dns:///host:port` or `unix:///path`.
    pub address: String,
    /// Deadline of one call; `None` means the default of dispatch.
    pub timeout: Option<Duration>,
    /// Type URL of `adapter_config`; `None` leaves the field out (session-based, or an adapter without
    /// configuration).
    pub config_type_url: Option<String>,
    /// Whether the adapter asked for sessions.
    pub session_based: bool,
    /// TLS and tokens; `None` means plaintext.
    pub authentication: Option<Box<Authentication>>,
}

/// What a failed or late handler means for the caller of a check or quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailurePolicy {
    /// The check fails.
    #[default]
    Fail,
    /// The action counts as not there.
    Ignore,
}

/// An instance, compiled.
#[derive(Debug)]
pub struct InstanceConfig {
    /// Fully qualified name.
    pub name: Arc<str>,
    /// The part before the first dot: what a caller asks a quota by.
    pub short_name: Arc<str>,
    /// Its template.
    pub template: Arc<Template>,
    /// From bag to `InstanceMsg` bytes.
    pub encoder: InstanceEncoder,
    /// For attribute generators: from `OutputMsg` to attributes.
    pub generator: Option<Generator>,
}

/// What becomes of an attribute generator's output.
#[derive(Debug)]
pub struct Generator {
    /// Reads `OutputMsg` into the output slots.
    pub output: OutputSlots,
    /// Attribute and the expression (over output slots and the request) that gives its value.
    pub bindings: Vec<(Slot, Program)>,
}

/// Where the fields of an output message go.
#[derive(Debug)]
pub struct OutputSlots {
    /// Reads the message; field indices are positions in `slots`.
    pub decoder: OutputDecoder,
    /// A slot for each field that has an expression type.
    pub slots: Vec<Slot>,
}

/// A match condition.
#[derive(Debug)]
pub struct Condition {
    /// The text, trimmed.
    pub text: Arc<str>,
    /// The compiled text; its type is BOOL.
    pub program: Program,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Fully qualified name.
    pub name: Arc<str>,
    /// Namespace.
    pub namespace: Arc<str>,
    /// When it applies; `None` means always.
    pub condition: Option<ConditionId>,
    /// What is sent where.
    pub actions: Vec<Action>,
    /// Header operations on the request.
    pub request_headers: Vec<HeaderTemplate>,
    /// Header operations on the response.
    pub response_headers: Vec<HeaderTemplate>,
}

/// Instances of a rule for one handler.
#[derive(Debug)]
pub struct Action {
    /// Where to.
    pub handler: HandlerId,
    /// What, each once.
    pub instances: Vec<InstanceId>,
    /// Where check output goes when the action has a name and its template has output.
    pub output: Option<OutputSlots>,
}

/// A header operation of a rule.
#[derive(Debug)]
pub struct HeaderTemplate {
    /// Header name.
    pub name: Arc<str>,
    /// What to do.
    pub operation: HeaderOperation,
    /// One operation each; empty for `Remove`.
    pub values: Vec<Program>,
}

/// What a header operation does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderOperation {
    /// Set, whatever was there.
    #[default]
    Replace,
    /// Remove.
    Remove,
    /// Add one more.
    Append,
}

/// Resources by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attributes of the vocabulary.
    pub attributes: usize,
    /// Valid resources by kind (`handler`, `instance`, `rule`, `adapter`, `template`, `attributemanifest`).
    pub valid: BTreeMap<&'static str, usize>,
    /// Errors by kind of resource.
    pub errors: BTreeMap<&'static str, usize>,
    /// Rules left out because their match does not compile.
    pub match_errors: usize,
}
