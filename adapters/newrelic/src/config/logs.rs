//! What becomes of log entries: the text of their message, and whether they are events.

use std::collections::BTreeMap;

use mixer_adapter_sdk::params::Problems;

use crate::generated::params::LogInfo;

/// The longest type of an event, in characters.
const MAX_EVENT_TYPE: usize = 255;

/// What becomes of the entries of one instance.
#[derive(Debug)]
pub(crate) struct LogRule {
    pub(crate) place: Place,
    /// Other words for severities.
    pub(crate) levels: BTreeMap<String, String>,
}

impl Default for LogRule {
    /// Goes to the Log API with the variable `message` as its message.
    fn default() -> Self {
        Self { place: Place::Log { message: None, log_type: None }, levels: BTreeMap::new() }
    }
}

/// Where entries go.
#[derive(Debug)]
pub(crate) enum Place {
    /// To the Event API, as events of this type.
    Event(Box<str>),
    /// To the Log API.
    Log {
        /// The template of the message.
        message: Option<Vec<Part>>,
        /// How New Relic parses it.
        log_type: Option<Box<str>>,
    },
}

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Variable(String),
    Severity,
}

impl LogRule {
    pub(crate) fn check(instance: &str, info: LogInfo, problems: &mut Problems) -> Self {
        let field = |name: &str| format!("logs[{instance}].{name}");
        let before = problems.len();
        let message = (!info.message.is_empty()).then(|| parse(&info.message));
        let message =
            message.and_then(|parsed| parsed.map_err(|problem| problems.add(field("message"), problem)).ok());
        if info.event_type.is_empty() {
            let log_type = (!info.log_type.is_empty()).then(|| info.log_type.into());
            return Self { place: Place::Log { message, log_type }, levels: info.levels };
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        if !info.event_type.chars().all(allowed) || info.event_type.len() > MAX_EVENT_TYPE {
            let rule = "may have letters, digits, `_` and `:` only, at most 255, such as MeshRequest";
            problems.add(field("event_type"), rule);
        }
        for (name, set) in [("message", message.is_some()), ("log_type", !info.log_type.is_empty())] {
            if set && problems.len() == before {
                problems.add(field(name), "means nothing beside event_type: events have attributes only");
            }
        }
        Self { place: Place::Event(info.event_type.into()), levels: info.levels }
    }
}

/// Reads a template of a message.
fn parse(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut fixed = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        fixed.push_str(before);
        if let Some(after) = brace.strip_prefix("{{") {
            fixed.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            fixed.push('}');
            rest = after;
        } else {
            let inner =
                brace.strip_prefix('{').ok_or("has a `}` without `{`; write `}}` for the brace itself")?;
            let (name, after) =
                inner.split_once('}').ok_or("has a `{` without `}`; write `{{` for the brace itself")?;
            if name.is_empty() || name.contains('{') {
                return Err("has `{` without the name of a variable; write `{{` for the brace itself");
            }
            if !fixed.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut fixed)));
            }
            parts.push(if name == "severity" { Part::Severity } else { Part::Variable(name.to_owned()) });
            rest = after;
        }
    }
    fixed.push_str(rest);
    if !fixed.is_empty() {
        parts.push(Part::Text(fixed));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
