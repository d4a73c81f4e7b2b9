//! Tracespan instances as spans of the Trace API.

use std::borrow::Cow;
use std::net::IpAddr;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::view::TraceSpanView;

use crate::attributes::{Changes, Field, SPAN};
use crate::generated::params::spans::RewriteClientSpanIds;
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
    let fixed = fixed(view, &parent, (start, end));
    for (name, value) in &fixed {
        let value = match value {
            Field::Text(text) => Field::Text(SPAN.cut(text.clone(), changes)),
            other => other.clone(),
        };
        value.write(name, &mut span);
    }
    let mut written: Vec<Cow<'_, str>> = fixed.iter().map(|(name, _)| Cow::Borrowed(*name)).collect();
    for (name, value) in view.span_tags()?.sorted()? {
        let Some(value) = value else { continue };
        let Some((name, field)) = SPAN.attribute(name, &value, changes) else { continue };
        if written.contains(&name) {
            // What the instance itself says goes before tags of the same name.
            continue;
        }
        if written.len() >= room {
            changes.left_out += 1;
            continue;
        }
        field.write(&name, &mut span);
        written.push(name);
    }
    for (name, value) in told(view) {
        let other = |other: &str| written.iter().any(|known| *known == other);
        let known = other(name) || (name == "http.status_code" && other("http.statusCode"));
        if !known && written.len() < room {
            value.write(name, &mut span);
            written.push(name.into());
        }
    }
    span.end();
    Ok(span.finish())
}

/// What the fields of the instance say, under the names that the original adapter gives them.
fn fixed<'a>(
    view: &TraceSpanView<'a>,
    parent: &Cow<'a, str>,
    (start, end): (Timestamp, Timestamp),
) -> Vec<(&'static str, Field<'a>)> {
    let text = |text: &'a str| Field::Text(text.into());
    let ip = |ip: IpAddr| Field::Text(ip.to_string().into());
    let service = if view.client_span { view.source_name } else { view.destination_name };
    let mut all = Vec::with_capacity(32);
    all.push(("name", text(view.span_name)));
    all.push(("duration.ms", Field::Double(millis_between(start, end))));
    // A span without a parent is the root of its trace.
    all.extend((!parent.is_empty()).then(|| ("parent.id", Field::Text(parent.clone()))));
    all.extend((!service.is_empty()).then(|| ("service.name", text(service))));
    all.push(("response.code", Field::Int(view.http_status_code)));
    all.push(("clientSpan", Field::Bool(view.client_span)));
    all.push(("rewriteClientSpanId", Field::Bool(view.rewrite_client_span_id)));
    all.push(("source.name", text(view.source_name)));
    all.extend(view.source_ip.map(|address| ("source.ip", ip(address))));
    all.push(("destination.name", text(view.destination_name)));
    all.extend(view.destination_ip.map(|address| ("destination.ip", ip(address))));
    all.push(("request.size", Field::Int(view.request_size)));
    all.push(("request.totalSize", Field::Int(view.request_total_size)));
    all.push(("response.size", Field::Int(view.response_size)));
    all.push(("response.totalSize", Field::Int(view.response_total_size)));
    all.push(("api.protocol", text(view.api_protocol)));
    all
}

/// What follows from the fields, by the names by which New Relic knows errors and external calls. Tags go before it.
fn told<'a>(view: &TraceSpanView<'a>) -> Vec<(&'static str, Field<'a>)> {
    let mut all = Vec::new();
    let kind = if view.client_span { "client" } else { "server" };
    all.push(("span.kind", Field::Text(kind.into())));
    let status = view.http_status_code;
    if status > 0 {
        all.push(("http.status_code", Field::Int(status)));
    }
    if view.client_span && !view.destination_name.is_empty() {
        all.push(("net.peer.name", Field::Text(view.destination_name.into())));
    }
    if status >= FIRST_ERROR {
        all.push(("error.class", Field::Text(status.to_string().into())));
        all.push(("error.message", Field::Text(format!("HTTP status {status}").into())));
    }
    all
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
