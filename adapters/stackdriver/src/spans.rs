//! Span instances as spans of Cloud Trace: ids in the forms of B3 headers, attributes within the limits of the API, the
//! status of the response, and which traces are sampled.

use std::net::IpAddr;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::TraceSpanView;
use serde_json::{Map, Value as Json, json};

use crate::refusal::Refusal;

/// By which the ids of the two sides of a call are told apart when they share one.
const CLIENT_PAD: u64 = 0x3f6a_2ec3_c810_c2ab;
/// The longest name of a span, in bytes.
const MAX_NAME: usize = 128;
/// The most attributes of a span.
const MAX_ATTRIBUTES: usize = 32;
/// The longest name of an attribute, in bytes.
const MAX_KEY: usize = 128;
/// The longest text of an attribute, in bytes.
const MAX_TEXT: usize = 256;

/// Makes spans.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    pub(crate) project_id: String,
    pub(crate) sample_probability: f64,
}

impl Spans {
    /// A span as JSON; none when its trace is not sampled.
    pub(crate) fn span(&self, view: &TraceSpanView<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let trace = trace_id(view.trace_id)?;
        let own = span_id(view.span_id)?;
        if !sampled(trace, self.sample_probability) {
            return Ok(None);
        }
        // A bad parent is none, as in the original.
        let parent = span_id(view.parent_span_id).ok();
        let (own, parent) = match (view.rewrite_client_span_id, view.client_span) {
            (false, _) => (own, parent),
            (true, true) => (own ^ CLIENT_PAD, parent),
            (true, false) => (own, Some(own ^ CLIENT_PAD)),
        };
        let start = view.start_time.ok_or(Refusal::NoTime("start_time"))?;
        let end = view.end_time.ok_or(Refusal::NoTime("end_time"))?;
        // The API refuses a span that ends before it begins.
        let end = end.max(start);
        let mut span = json!({
            "name": format!("projects/{}/traces/{trace:032x}/spans/{own:016x}", self.project_id),
            "spanId": format!("{own:016x}"),
            "displayName": truncatable(if view.span_name.is_empty() { "unknown" } else { view.span_name }, MAX_NAME),
            "startTime": start.to_string(),
            "endTime": end.to_string(),
            "attributes": attributes(view)?,
            "spanKind": if view.client_span { "CLIENT" } else { "SERVER" },
            "timeEvents": time_events(view, start, end),
        });
        if let Some(span) = span.as_object_mut() {
            if let Some(parent) = parent {
                span.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
                span.insert("sameProcessAsParentSpan".to_owned(), false.into());
            }
            if view.http_status_code > 0 {
                span.insert("status".to_owned(), status(view.http_status_code));
            }
        }
        Ok(Some(span.to_string().into_bytes()))
    }
}

/// 16 or 32 hexadecimal digits; the shorter form is the lower half.
fn trace_id(text: &str) -> Result<u128, Refusal> {
    let known = matches!(text.len(), 16 | 32) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok().filter(|id| known && *id != 0);
    id.ok_or_else(|| Refusal::SpanId("trace_id", text.to_owned()))
}

/// 16 hexadecimal digits.
fn span_id(text: &str) -> Result<u64, Refusal> {
    let known = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = u64::from_str_radix(text, 16).ok().filter(|id| known && *id != 0);
    id.ok_or_else(|| Refusal::SpanId("span_id", text.to_owned()))
}

/// Whether a trace is sent: by its lower half, which is random in both forms of ids, so that all spans of it fare alike.
fn sampled(trace: u128, probability: f64) -> bool {
    let lower = trace as u64;
    // The upper 53 bits are what a double can tell apart.
    probability >= 1.0 || ((lower >> 11) as f64) < probability * (1u64 << 53) as f64
}

/// A text that may have been cut: google.devtools.cloudtrace.v2.TruncatableString.
fn truncatable(text: &str, most: usize) -> Json {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    match text.len() - end {
        0 => json!({"value": text}),
        cut => json!({"value": text.get(..end), "truncatedByteCount": cut}),
    }
}

fn attributes(view: &TraceSpanView<'_>) -> Result<Json, Refusal> {
    let mut all = Map::new();
    let mut dropped = 0;
    let mut put = |name: &str, value: Json| {
        if name.is_empty() || name.len() > MAX_KEY || (all.len() >= MAX_ATTRIBUTES && !all.contains_key(name))
        {
            dropped += 1;
        } else {
            all.insert(name.to_owned(), value);
        }
    };
    let text = |text: &str| json!({"stringValue": truncatable(text, MAX_TEXT)});
    // What is said in fields goes before tags.
    if view.http_status_code > 0 {
        put("http.status_code", json!({"intValue": view.http_status_code.to_string()}));
    }
    let (source, destination) =
        ((view.source_name, view.source_ip), (view.destination_name, view.destination_ip));
    for (side, (name, ip)) in [("source", source), ("destination", destination)] {
        if !name.is_empty() {
            put(&format!("{side}.name"), text(name));
        }
        if let Some(ip) = ip.filter(|ip| !IpAddr::is_unspecified(ip)) {
            put(&format!("{side}.ip"), text(&ip.to_string()));
        }
    }
    if !view.api_protocol.is_empty() {
        put("api.protocol", text(view.api_protocol));
    }
    for (name, value) in view.span_tags()?.sorted()? {
        let Some(value) = value else { continue };
        let value = match value {
            ValueView::Int64(number) => json!({"intValue": number.to_string()}),
            ValueView::Bool(truth) => json!({"boolValue": truth}),
            other => text(&other.text()),
        };
        put(name, value);
    }
    Ok(match dropped {
        0 => json!({"attributeMap": all}),
        _ => json!({"attributeMap": all, "droppedAttributesCount": dropped}),
    })
}

/// The sizes of request and response as messages that are sent or received.
fn time_events(view: &TraceSpanView<'_>, start: Timestamp, end: Timestamp) -> Json {
    let (request, response) = if view.client_span { ("SENT", "RECEIVED") } else { ("RECEIVED", "SENT") };
    let all = [
        (start, request, view.request_size, view.request_total_size),
        (end, response, view.response_size, view.response_total_size),
    ];
    let events = all.iter().filter(|(_, _, size, total)| *size > 0 || *total > 0).enumerate();
    let events = events.map(|(index, (time, kind, size, total))| {
        let message = json!({
            "type": kind,
            "id": (index + 1).to_string(),
            "uncompressedSizeBytes": size.max(&0).to_string(),
            "compressedSizeBytes": total.max(&0).to_string(),
        });
        json!({"time": time.to_string(), "messageEvent": message})
    });
    json!({"timeEvent": events.collect::<Vec<_>>()})
}

/// The status of a response as google.rpc.Status.
fn status(http: i64) -> Json {
    let (code, message) = match http {
        200..=399 => return json!({"code": 0}),
        400 => (3, "INVALID_ARGUMENT"),
        401 => (16, "UNAUTHENTICATED"),
        403 => (7, "PERMISSION_DENIED"),
        404 => (5, "NOT_FOUND"),
        429 => (8, "RESOURCE_EXHAUSTED"),
        499 => (1, "CANCELLED"),
        501 => (12, "UNIMPLEMENTED"),
        503 => (14, "UNAVAILABLE"),
        504 => (4, "DEADLINE_EXCEEDED"),
        _ => (2, "UNKNOWN"),
    };
    json!({"code": code, "message": message})
}

#[cfg(test)]
mod tests;
