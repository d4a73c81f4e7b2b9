//! `handler` resources and handlers of legacy kinds to drafts.

use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_api::{Adapter, AdapterInfo, Registry};
use mixer_template::{ParamsMessage, TemplateError};

use super::{Draft, Handlers, Source, Takes, address, report_params};
use crate::adapters::{Found, GrpcAdapter, GrpcAdapters};
use crate::fields::Text;
use crate::kinds;
use crate::report::{Problems, Report};
use crate::resource::RawResource;
use crate::snapshot::{FailurePolicy, GrpcConfig, HandlerKind};
use crate::spec::{self, HandlerSpec};
use crate::taken::{Names, Taken};
use crate::templates;

/// What handlers are made from.
pub(crate) struct Sources<'a> {
    pub(crate) taken: &'a Taken<'a>,
    pub(crate) registry: &'a Registry,
    pub(crate) adapters: &'a GrpcAdapters,
    /// Whether the original's rules hold where ours differ.
    pub(crate) compat: bool,
}

/// What a handler's specification chose.
enum Chosen {
    Hosted(Arc<dyn Adapter>),
    Grpc(Arc<GrpcAdapter>),
    /// Nothing that exists; a problem was reported.
    Nothing,
}

impl<'r> Handlers<'r> {
    /// Reads every handler.
    pub(crate) fn read(sources: &Sources<'r>, problems: &mut Problems) -> Self {
        let mut reader = Reader { sources, messages: Names::default() };
        let mut handlers = Self::default();
        for resource in sources.taken.of(kinds::HANDLER) {
            handlers.add(resource.id.key(), reader.core(resource, problems));
        }
        for (resource, adapter) in &sources.taken.legacy_handlers {
            handlers.add(resource.id.key(), reader.legacy(resource, adapter, problems));
        }
        handlers
    }
}

struct Reader<'a, 'r> {
    sources: &'a Sources<'r>,
    /// Configuration messages of hosted adapters, each looked up once.
    messages: Names<Result<Option<ParamsMessage>, String>>,
}

impl<'r> Reader<'_, 'r> {
    fn core(&mut self, resource: &'r RawResource, problems: &mut Problems) -> Draft<'r> {
        let mut report = problems.of(resource, kinds::HANDLER);
        let spec = spec::handler(&resource.spec, self.sources.compat, &mut report);
        let chosen = self.choose(resource, &spec, &mut report);
        let id = &resource.id;
        // A broken handler has the name of the good one that it was or will be.
        let is_grpc = matches!(chosen, Chosen::Grpc(_))
            || (spec.compiled_adapter.is_none() && spec.connection.is_some());
        let name = if is_grpc { id.key() } else { format!("{}.{}", id.name, id.namespace) };
        let written = spec.compiled_adapter.or(spec.adapter).map_or("unknown", |name| name.text);
        let mut draft = Draft {
            name: name.into(),
            adapter: written.into(),
            kind: HandlerKind::Broken { reason: "".into() },
            params: Bytes::new(),
            failure_policy: spec.failure_policy,
            takes: Takes::Anything,
            source: Some(Source { resource, params: spec.params, prefix: "spec.params" }),
        };
        match chosen {
            Chosen::Hosted(adapter) => self.hosted(&mut draft, adapter, &mut report),
            Chosen::Grpc(adapter) => grpc(&mut draft, adapter, &spec, &mut report),
            Chosen::Nothing => {}
        }
        broken_by(&mut draft, &report);
        draft
    }

    fn legacy(
        &mut self,
        resource: &'r RawResource,
        adapter: &Arc<dyn Adapter>,
        problems: &mut Problems,
    ) -> Draft<'r> {
        let mut report = problems.of(resource, kinds::HANDLER);
        let mut draft = Draft {
            name: resource.id.key().into(),
            adapter: adapter.info().name.into(),
            kind: HandlerKind::Broken { reason: "".into() },
            params: Bytes::new(),
            failure_policy: FailurePolicy::default(),
            takes: Takes::Anything,
            source: Some(Source { resource, params: Some(&resource.spec), prefix: "spec" }),
        };
        self.hosted(&mut draft, adapter.clone(), &mut report);
        broken_by(&mut draft, &report);
        draft
    }

    fn choose(&self, resource: &RawResource, spec: &HandlerSpec<'_>, report: &mut Report<'_>) -> Chosen {
        let registry = self.sources.registry;
        if let Some(name) = spec.compiled_adapter {
            if let Some(connection) = &spec.connection {
                let message = "plays no part: compiledAdapter names an adapter that runs in the server";
                report.warning("spec.connection", connection.position, message);
            }
            return registry.get(name.trimmed()).map_or_else(
                || {
                    report.error("spec.compiledAdapter", name.position, not_hosted(name, registry));
                    Chosen::Nothing
                },
                |adapter| Chosen::Hosted(adapter.clone()),
            );
        }
        let Some(name) = spec.adapter else {
            // What is there in the wrong shape was reported.
            if report.errors() == 0 {
                let message = "names no adapter; set adapter and connection, or compiledAdapter";
                report.error("spec", resource.spec.position, message);
            }
            return Chosen::Nothing;
        };
        match (registry.get(name.trimmed()), spec.connection.is_some()) {
            (Some(adapter), false) => Chosen::Hosted(adapter.clone()),
            (hosted, connected) => {
                let found = self.sources.adapters.find(name.trimmed(), &resource.id.namespace);
                if let Found::Valid(adapter) = found {
                    return Chosen::Grpc(adapter.clone());
                }
                let message = match (found, hosted) {
                    (Found::Broken, _) => {
                        format!("adapter '{}' has problems of its own; see there", name.text)
                    }
                    (_, Some(_)) => format!(
                        "adapter '{}' not found; there is no adapter resource of that name, but the server hosts \
                         such an adapter: remove connection to use it",
                        name.text
                    ),
                    _ if connected => format!(
                        "adapter '{}' not found; apply its adapter resource in namespace {}, or write NAME.NAMESPACE",
                        name.text, resource.id.namespace
                    ),
                    _ => not_hosted(name, registry),
                };
                report.error("spec.adapter", name.position, message);
                Chosen::Nothing
            }
        }
    }

    fn hosted(&mut self, draft: &mut Draft<'r>, adapter: Arc<dyn Adapter>, report: &mut Report<'_>) {
        let info = *adapter.info();
        let message = self
            .messages
            .entry_ref(info.name)
            .or_insert_with(|| message_of(&info).map_err(|error| error.to_string()));
        draft.adapter = info.name.into();
        draft.kind = HandlerKind::Hosted { adapter: info.name };
        draft.takes = Takes::Hosted(adapter);
        match message {
            Ok(message) => encode(draft, message.as_ref(), report),
            Err(error) => {
                let place =
                    draft.source.map_or_else(Default::default, |source| source.resource.spec.position);
                let text = format!("the server cannot read what adapter {} takes: {error}", info.name);
                report.error("", place, text);
            }
        }
    }
}

/// The configuration message of a hosted adapter; `None` when it has no configuration.
fn message_of(info: &AdapterInfo) -> Result<Option<ParamsMessage>, TemplateError> {
    if info.config_descriptor.is_empty() {
        return Ok(None);
    }
    ParamsMessage::named(info.config_descriptor, info.config_message).map(Some)
}

fn grpc(draft: &mut Draft<'_>, adapter: Arc<GrpcAdapter>, spec: &HandlerSpec<'_>, report: &mut Report<'_>) {
    draft.adapter = adapter.name.clone();
    encode(draft, adapter.params.as_ref(), report);
    let connection = spec.connection.as_ref();
    let address = connection.and_then(|connection| connection.address);
    match address {
        None => {
            let whole = || draft.source.map(|source| source.resource.spec.position);
            let position =
                connection.map(|connection| connection.position).or_else(whole).unwrap_or_default();
            let message = "empty connection address; set it to host:port, dns:///host:port or unix:///path";
            report.error("spec.connection.address", position, message);
        }
        Some(text) => {
            if let Some(message) = address::problem(text.trimmed()) {
                report.error("spec.connection.address", text.position, message);
            }
        }
    }
    let sent = adapter.params.as_ref().filter(|_| !adapter.session_based);
    draft.kind = HandlerKind::Grpc(GrpcConfig {
        address: address.map_or_else(String::new, |text| text.trimmed().to_owned()),
        timeout: connection.and_then(|connection| connection.timeout),
        config_type_url: sent.map(ParamsMessage::type_url),
        session_based: adapter.session_based,
        authentication: connection.and_then(|connection| connection.authentication.clone()).map(Box::new),
    });
    draft.takes = Takes::Grpc(adapter);
}

/// Encodes the params with the adapter's message; an adapter without one takes no params.
fn encode(draft: &mut Draft<'_>, message: Option<&ParamsMessage>, report: &mut Report<'_>) {
    let Some(source) = draft.source else { return };
    let Some(params) = source.params else { return };
    let Some(message) = message else {
        if !templates::is_empty(Some(params)) {
            let text = format!(
                "adapter {} has no configuration, so there is nothing to set; remove it",
                draft.adapter
            );
            report.error(source.prefix, params.position, text);
        }
        return;
    };
    match message.encode(params) {
        Ok(bytes) => draft.params = bytes.into(),
        Err(problems) => report_params(source.prefix, problems, report),
    }
}

fn broken_by(draft: &mut Draft<'_>, report: &Report<'_>) {
    if let Some(reason) = report.first_error() {
        draft.kind = HandlerKind::Broken { reason: reason.into() };
    }
}

fn not_hosted(name: Text<'_>, registry: &Registry) -> String {
    format!(
        "this server hosts no adapter '{}'{} (it hosts {}); a gRPC adapter needs adapter and connection",
        name.text,
        kinds::adapter_hint(name.text, registry),
        kinds::adapter_names(registry)
    )
}
