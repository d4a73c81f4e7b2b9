//! Log instances as entries of Cloud Logging: labels, payload, HTTP request, severity, and an id by which the API knows an
//! entry that comes twice.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::SystemTime;

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::LogEntryView;
use serde_json::{Map, Value as Json, json};

use crate::config::{HttpMapping, Log};
use crate::refusal::Refusal;
use crate::resource::Where;
use crate::time;

/// The largest entry, with room for what the API adds.
const MAX_ENTRY: usize = 250_000;
/// The longest text payload, so that the rest of the entry finds room.
const MAX_TEXT: usize = 200_000;
/// The longest name of a label, in characters.
const MAX_LABEL_KEY: usize = 512;

type Variables<'a> = [(&'a str, Option<ValueView<'a>>)];

/// Makes entries.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    place: Where,
    /// Different for each replica, and the same for one that starts again.
    replica: u64,
}

impl Entries {
    pub(crate) fn new(place: Where, replica: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        replica.hash(&mut hasher);
        Self { place, replica: hasher.finish() }
    }

    /// An entry as JSON. `at` is when it came, `index` its place in the report.
    pub(crate) fn entry(
        &self,
        log: &Log,
        view: &LogEntryView<'_>,
        (at, index): (SystemTime, usize),
    ) -> Result<Vec<u8>, Refusal> {
        let variables = view.variables().sorted()?;
        let resource =
            self.place.resource(view.monitored_resource_type(), view.monitored_resource_dimensions())?;
        let project = &self.place.project_id;
        let came = time::timestamp(at);
        let mut entry = Map::new();
        let mut put = |name: &str, value: Json| drop(entry.insert(name.to_owned(), value));
        put("logName", format!("projects/{project}/logs/{}", log.log_id).into());
        put("resource", json!({"type": resource.kind, "labels": resource.labels}));
        put("timestamp", view.timestamp().unwrap_or(came).to_string().into());
        put("severity", severity(view.severity()).into());
        let nanos = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        put("insertId", format!("{:016x}{nanos:016x}{index:04x}", self.replica).into());
        let labels = labels(log, &variables);
        if !labels.is_empty() {
            put("labels", labels.into());
        }
        match &log.payload {
            Some(template) => put("textPayload", cut(template.render(&variables)).into()),
            None => put("jsonPayload", structured(log, &variables).into()),
        }
        if let Some(request) = log.http.as_ref().map(|mapping| http_request(mapping, &variables)) {
            put("httpRequest", request.into());
        }
        let text = |name: &Option<String>| find(&variables, name.as_deref()?).map(|value| value.text());
        if let Some(trace) = text(&log.trace_variable).filter(|trace| !trace.is_empty()) {
            put("trace", format!("projects/{project}/traces/{trace}").into());
        }
        if let Some(span) = text(&log.span_variable).filter(|span| !span.is_empty()) {
            put("spanId", span.into_owned().into());
        }
        let entry = Json::Object(entry).to_string().into_bytes();
        match entry.len() <= MAX_ENTRY {
            true => Ok(entry),
            false => Err(Refusal::TooLarge(entry.len())),
        }
    }
}

/// The severities of google.logging.type.LogSeverity by their names, whatever their case.
pub(crate) fn severity(text: &str) -> &'static str {
    const ALL: &[(&str, &str)] = &[
        ("default", "DEFAULT"),
        ("debug", "DEBUG"),
        ("info", "INFO"),
        ("notice", "NOTICE"),
        ("warning", "WARNING"),
        ("warn", "WARNING"),
        ("error", "ERROR"),
        ("critical", "CRITICAL"),
        ("fatal", "CRITICAL"),
        ("alert", "ALERT"),
        ("emergency", "EMERGENCY"),
    ];
    ALL.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map_or("DEFAULT", |(_, own)| own)
}

fn find<'a>(variables: &Variables<'a>, name: &str) -> Option<ValueView<'a>> {
    let index = variables.binary_search_by(|(key, _)| (*key).cmp(name)).ok()?;
    variables.get(index)?.1
}

fn labels(log: &Log, variables: &Variables<'_>) -> Map<String, Json> {
    let label = |name: &String| {
        let text = find(variables, name).map(|value| value.text().into_owned()).unwrap_or_default();
        (name.chars().take(MAX_LABEL_KEY).collect(), text.into())
    };
    log.label_names.iter().map(label).collect()
}

/// The variables that are neither labels nor part of the HTTP request.
fn structured(log: &Log, variables: &Variables<'_>) -> Map<String, Json> {
    let elsewhere = |name: &str| {
        log.label_names.iter().any(|label| label == name)
            || log.http.as_ref().is_some_and(|mapping| mapping.has(name))
    };
    let own = variables.iter().filter(|(name, _)| !elsewhere(name));
    own.filter_map(|(name, value)| Some(((*name).to_owned(), value.as_ref()?.to_json()))).collect()
}

/// The end of a text that is too long is left out, and said so.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str(" [cut]");
    }
    text
}

/// google.logging.type.HttpRequest
fn http_request(mapping: &HttpMapping, variables: &Variables<'_>) -> Map<String, Json> {
    let mut request = Map::new();
    let texts = [
        ("requestMethod", &mapping.method),
        ("requestUrl", &mapping.url),
        ("userAgent", &mapping.user_agent),
        ("remoteIp", &mapping.remote_ip),
        ("serverIp", &mapping.local_ip),
        ("referer", &mapping.referer),
    ];
    for (name, variable) in texts {
        let text = find(variables, variable).map(|value| value.text().into_owned());
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            request.insert(name.to_owned(), text.into());
        }
    }
    let sizes = [("requestSize", &mapping.request_size), ("responseSize", &mapping.response_size)];
    for (name, variable) in sizes {
        if let Some(size) = find(variables, variable).and_then(number).filter(|size| *size >= 0) {
            // 64-bit integers are texts.
            request.insert(name.to_owned(), size.to_string().into());
        }
    }
    if let Some(status) = find(variables, &mapping.status).and_then(number)
        && (100..600).contains(&status)
    {
        request.insert("status".to_owned(), status.into());
    }
    if let Some(latency) = find(variables, &mapping.latency).and_then(|value| value.as_duration())
        && let Ok(nanos) = u64::try_from(latency.nanos())
    {
        let latency = time::duration(std::time::Duration::from_nanos(nanos));
        request.insert("latency".to_owned(), latency.into());
    }
    request
}

fn number(value: ValueView<'_>) -> Option<i64> {
    match value {
        ValueView::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

#[cfg(test)]
mod tests;
