//! From a tracespan instance to a span, by the semantic conventions for HTTP.

use std::sync::Arc;

use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::view::TraceSpanView;
use mixer_adapter_sdk::wire::Malformed;

use super::{Attributes, Both, Names, SERVICE_NAME, nanos_of};
use crate::generated::params::RewriteClientSpanIds;
use mixer_adapter_sdk::delivery::otlp::{Item, Writer, ids};

const KIND_SERVER: u64 = 2;
const KIND_CLIENT: u64 = 3;
const STATUS_ERROR: u64 = 2;

/// What a handler knows of spans.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) names: Arc<Names>,
    pub(crate) rewrite: RewriteClientSpanIds,
}

/// Why an instance is no span.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSpan {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("trace_id {0:?} is not 32 hexadecimal digits, or 16, which are not all 0")]
    TraceId(String),
    #[error("span_id {0:?} is not 16 hexadecimal digits which are not all 0")]
    SpanId(String),
    #[error("parent_span_id {0:?} is not 16 hexadecimal digits")]
    ParentSpanId(String),
    #[error("it has no start_time or no end_time")]
    NoTime,
    #[error("it ends before it starts")]
    EndsBeforeItStarts,
}

impl DropReason for NoSpan {
    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.reason(),
            Self::TraceId(_) => "invalid_trace_id",
            Self::SpanId(_) => "invalid_span_id",
            Self::ParentSpanId(_) => "invalid_parent_span_id",
            Self::NoTime => "no_time",
            Self::EndsBeforeItStarts => "ends_before_it_starts",
        }
    }
}

/// The three ids of a span.
struct Ids {
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
}

impl Spans {
    /// The span of an instance.
    pub(crate) fn item(&self, view: &TraceSpanView<'_>) -> Result<Item, NoSpan> {
        let ids = self.ids(view)?;
        let (Some(start), Some(end)) = (view.start_time, view.end_time) else { return Err(NoSpan::NoTime) };
        let (start, end) = (nanos_of(start), nanos_of(end));
        // OTLP has no time before 1970.
        if start == 0 {
            return Err(NoSpan::NoTime);
        }
        if end < start {
            return Err(NoSpan::EndsBeforeItStarts);
        }
        let names = &*self.names;
        let mut both = Both::new(names);
        // What the fields tell gives way to tags of the same names.
        let (name, query) = name_and_query(view.span_name);
        tell(view, query, &mut both.own);
        both.take(names, view.span_tags()?)?;
        let service = if view.client_span { view.source_name } else { view.destination_name };
        if !service.is_empty() && !both.resource.has(SERVICE_NAME) {
            both.resource.put(SERVICE_NAME, service);
        }
        let Both { mut resource, mut own } = both;
        let is_error = is_error(view);
        let span = |writer: &mut Writer| {
            writer.bytes(1, &ids.trace);
            writer.bytes(2, &ids.span);
            if let Some(parent) = &ids.parent {
                writer.bytes(4, parent);
            }
            writer.text(5, name);
            writer.varint(6, if view.client_span { KIND_CLIENT } else { KIND_SERVER });
            writer.fixed64(7, start);
            writer.fixed64(8, end);
            own.write(writer, 9, false);
            if is_error {
                writer.message(15, |status| status.varint(3, STATUS_ERROR));
            }
        };
        Ok(Item::new(|writer| resource.write_resource(writer), None, span))
    }

    /// Proxies of both sides may tell the same id. Then the caller's span gets another one, and becomes the parent of the
    /// callee's.
    fn ids(&self, view: &TraceSpanView<'_>) -> Result<Ids, NoSpan> {
        let trace = ids::trace_id(view.trace_id).ok_or_else(|| NoSpan::TraceId(shown(view.trace_id)))?;
        let own = ids::span_id(view.span_id).ok_or_else(|| NoSpan::SpanId(shown(view.span_id)))?;
        let parent = match view.parent_span_id {
            none if ids::is_no_span(none) => None,
            text => Some(ids::span_id(text).ok_or_else(|| NoSpan::ParentSpanId(shown(text)))?),
        };
        let rewrite = match self.rewrite {
            RewriteClientSpanIds::AsTheInstanceSays => view.rewrite_client_span_id,
            RewriteClientSpanIds::Always => true,
            RewriteClientSpanIds::Never => false,
        };
        let (span, parent) = match (rewrite, view.client_span) {
            (false, _) => (own, parent),
            (true, true) => (ids::of_client(own), parent),
            (true, false) => (own, Some(ids::of_client(own))),
        };
        // Some tracers name a span that has no parent as its own.
        let parent = parent.filter(|parent| *parent != span);
        Ok(Ids { trace, span, parent })
    }
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Names of spans have few values; what follows `?` has many.
fn name_and_query(name: &str) -> (&str, Option<&str>) {
    match name.split_once('?') {
        _ if name.is_empty() => ("unknown", None),
        Some((name, query)) if !name.is_empty() => (name, Some(query)),
        _ => (name, None),
    }
}

/// On a server what the client did wrong is no error.
fn is_error(view: &TraceSpanView<'_>) -> bool {
    let first = if view.client_span { 400 } else { 500 };
    (first..600).contains(&view.http_status_code)
}

/// What the fields of an instance say.
fn tell<'a>(view: &TraceSpanView<'a>, query: Option<&'a str>, own: &mut Attributes<'a>) {
    if let Some(query) = query {
        own.put("url.query", query);
    }
    if (100..600).contains(&view.http_status_code) {
        own.put("http.response.status_code", view.http_status_code);
    }
    if is_error(view) {
        own.put("error.type", view.http_status_code.to_string());
    }
    let (peer, peer_ip) = match view.client_span {
        true => (view.destination_name, view.destination_ip),
        false => (view.source_name, view.source_ip),
    };
    if !peer.is_empty() {
        own.put("service.peer.name", peer);
    }
    if let Some(address) = peer_ip {
        own.put("network.peer.address", address.to_string());
    }
    if let Some(address) = view.source_ip.filter(|_| !view.client_span) {
        own.put("client.address", address.to_string());
    }
    let server = view.destination_ip.map(|address| address.to_string());
    if !view.destination_name.is_empty() {
        own.put("server.address", view.destination_name);
    } else if let Some(address) = server {
        own.put("server.address", address);
    }
    for (name, size) in [
        ("http.request.body.size", view.request_size),
        ("http.request.size", view.request_total_size),
        ("http.response.body.size", view.response_size),
        ("http.response.size", view.response_total_size),
    ] {
        if size > 0 {
            own.put(name, size);
        }
    }
    match view.api_protocol {
        "" => {}
        grpc if grpc.eq_ignore_ascii_case("grpc") => own.put("rpc.system.name", "grpc"),
        protocol => own.put("network.protocol.name", protocol.to_ascii_lowercase()),
    }
}
