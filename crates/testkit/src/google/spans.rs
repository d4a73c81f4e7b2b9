//! Cloud Trace: spans within their limits.

use serde_json::{Value as Json, json};

use super::series::{nanos, object, text};
use super::{Refused, State};

/// `projects.traces.batchWrite`
pub(super) fn batch_write(state: &mut State, project: &str, message: &Json) -> Result<Json, Refused> {
    let all = message.get("spans").and_then(Json::as_array).cloned().unwrap_or_default();
    if all.is_empty() {
        return Err(Refused::new(3, "no spans"));
    }
    for span in &all {
        check(span, project).map_err(|what| Refused::new(3, format!("{what} in {span}")))?;
    }
    for span in all {
        // A span that comes again takes the place of the first.
        state.seen.spans.retain(|known| known.get("name") != span.get("name"));
        state.seen.spans.push(span);
    }
    Ok(json!({}))
}

fn check(span: &Json, project: &str) -> Result<(), String> {
    let hex = |id: &str, digits: usize| {
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        id.len() == digits && id.chars().all(digit) && id.chars().any(|c| c != '0')
    };
    let own = text(span, "spanId");
    let trace = text(span, "name").strip_prefix(&format!("projects/{project}/traces/"));
    let trace = trace.and_then(|rest| rest.strip_suffix(&format!("/spans/{own}"))).unwrap_or_default();
    let parent = text(span, "parentSpanId");
    if !hex(own, 16) || !hex(trace, 32) || !(parent.is_empty() || hex(parent, 16)) {
        return Err("ids".to_owned());
    }
    let truncatable = |json: &Json, most: usize| (0..=most).contains(&text(json, "value").len());
    let name = span.get("displayName").ok_or("no displayName")?;
    if !truncatable(name, 128) || text(name, "value").is_empty() {
        return Err("displayName".to_owned());
    }
    if nanos(text(span, "startTime"))? > nanos(text(span, "endTime"))? {
        return Err("times".to_owned());
    }
    let attributes = object(span.get("attributes").unwrap_or(&Json::Null), "attributeMap");
    let good = |(key, value): (&String, &Json)| {
        let text = value.get("stringValue").is_none_or(|value| truncatable(value, 256));
        (1..=128).contains(&key.len()) && text
    };
    if attributes.len() > 32 || !attributes.iter().all(good) {
        return Err("attributes".to_owned());
    }
    Ok(())
}
