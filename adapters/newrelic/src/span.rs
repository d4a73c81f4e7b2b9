//! Tracespan instances as spans of the Trace API.

use std::borrow::Cow;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::view::TraceSpanView;

use crate::attributes::{Changes, Field, SPAN};
use crate::generated::params::spans::RewriteClientSpanIds;
use crate::item::Attributes;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::time::{Window, millis_between, millis_of};

/// From this status on a span counts as an error.
const FIRST_ERROR: i64 = 500;

/// One span of a payload, with at most so many attributes, seen from now.
pub(crate) fn span(
    view: &TraceSpanView<'_>,
    rewrite: RewriteClientSpanIds,
    (room, now): (usize, u64),
    changes: &mut Changes,
) -> Result<Vec<u8>, Refusal> {
    if view.trace_id.is_empty() {
        return Err(Refusal::NoTraceId);
    }
    if view.span_id.is_empty() {
        return Err(Refusal::NoSpanId);
    }
    let start = view.start_time.ok_or(Refusal::NoTime)?;
    let end = view.end_time.ok_or(Refusal::NoTime)?;
    let timestamp = millis_of(start);
    Window::USUAL.check(timestamp, now)?;
    let (id, parent) = ids(view, rewrite);
    let mut span = Object::new();
    span.text("id", &id);
    span.text("trace.id", view.trace_id);
    span.uint("timestamp", timestamp);
    span.begin("attributes");
    let mut attributes = Attributes::new(&SPAN, &mut span, room, changes);
    fixed(&mut attributes, view, parent, (start, end));
    for (name, value) in view.span_tags()?.sorted()? {
        // What the instance itself says goes before tags of the same name.
        if let Some(value) = value {
            attributes.value(name, &value);
        }
    }
    told(&mut attributes, view);
    span.end();
    Ok(span.finish())
}

/// What the fields of the instance say, under the names that the original adapter gives them.
fn fixed<'a>(
    all: &mut Attributes<'a, '_>,
    view: &TraceSpanView<'a>,
    parent: Cow<'a, str>,
    (start, end): (Timestamp, Timestamp),
) {
    let service = if view.client_span { view.source_name } else { view.destination_name };
    all.text("name", view.span_name.into());
    all.always("duration.ms", &Field::Double(millis_between(start, end)));
    // A span without a parent is the root of its trace.
    if !parent.is_empty() {
        all.text("parent.id", parent);
    }
    if !service.is_empty() {
        all.text("service.name", service.into());
    }
    all.always("response.code", &Field::Int(view.http_status_code));
    all.always("clientSpan", &Field::Bool(view.client_span));
    all.always("rewriteClientSpanId", &Field::Bool(view.rewrite_client_span_id));
    all.text("source.name", view.source_name.into());
    if let Some(address) = view.source_ip {
        all.text("source.ip", address.to_string().into());
    }
    all.text("destination.name", view.destination_name.into());
    if let Some(address) = view.destination_ip {
        all.text("destination.ip", address.to_string().into());
    }
    all.always("request.size", &Field::Int(view.request_size));
    all.always("request.totalSize", &Field::Int(view.request_total_size));
    all.always("response.size", &Field::Int(view.response_size));
    all.always("response.totalSize", &Field::Int(view.response_total_size));
    all.text("api.protocol", view.api_protocol.into());
}

/// What follows from the fields, by the names by which New Relic knows errors and external calls. Tags go before it, and
/// nothing is missing where there is no room for it.
fn told<'a>(all: &mut Attributes<'a, '_>, view: &TraceSpanView<'a>) {
    all.text_unless_told("span.kind", if view.client_span { "client" } else { "server" }.into());
    let status = view.http_status_code;
    let known = all.has("http.status_code") || all.has("http.statusCode");
    if status > 0 && !known && all.has_room() {
        all.always("http.status_code", &Field::Int(status));
    }
    if view.client_span && !view.destination_name.is_empty() {
        all.text_unless_told("net.peer.name", view.destination_name.into());
    }
    if status >= FIRST_ERROR {
        all.text_unless_told("error.class", status.to_string().into());
        all.text_unless_told("error.message", format!("HTTP status {status}").into());
    }
}

/// The id of the span and that of its parent. Proxies of both sides tell the same id; where that is not wanted the caller's span
/// gets one that is made of it, and becomes the parent of the callee's.
fn ids<'a>(view: &TraceSpanView<'a>, rewrite: RewriteClientSpanIds) -> (Cow<'a, str>, Cow<'a, str>) {
    let (id, parent) = (Cow::Borrowed(view.span_id), Cow::Borrowed(view.parent_span_id));
    let rewrite = match rewrite {
        RewriteClientSpanIds::AsTheInstanceSays => view.rewrite_client_span_id,
        RewriteClientSpanIds::Always => true,
        RewriteClientSpanIds::Never => false,
    };
    match (rewrite, view.client_span) {
        (false, _) => (id, parent),
        (true, true) => (rewritten(view.span_id).into(), parent),
        (true, false) => (id, rewritten(view.span_id).into()),
    }
}

/// Another id, the same one whoever makes it: each hexadecimal digit becomes the next one, as the SignalFx adapter does it.
fn rewritten(id: &str) -> String {
    let next = |c: char| match c.to_digit(16) {
        Some(digit) => char::from_digit((digit + 1) % 16, 16).unwrap_or(c),
        None => c,
    };
    id.chars().map(next).collect()
}
