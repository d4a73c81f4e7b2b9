//! Logentry instances as entries of the Log API and as events of the Event API.

use std::borrow::Cow;

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::LogEntryView;
use mixer_adapter_sdk::wire::Malformed;

use crate::attributes::{Changes, EVENT, Field, LOG};
use crate::config::logs::{LogRule, Part, Place};
use crate::item::Attributes;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::time::{Window, millis_of};

/// The variable that is the message of an entry without a template.
const MESSAGE: &str = "message";
/// The attribute of the severity.
const LEVEL: &str = "level";

/// The variables of an instance, sorted by name.
type Variables<'a> = [(&'a str, Option<ValueView<'a>>)];

/// What entries have beside their instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    /// Attributes of the handler, which the Event API has no place of its own for.
    pub(crate) common: &'a [(Box<str>, Box<str>)],
    /// When the instance came, in milliseconds since 1970.
    pub(crate) came: u64,
    /// The time now.
    pub(crate) now: u64,
}

/// One log entry or one event of a payload.
pub(crate) fn entry(
    instance: &str,
    view: &LogEntryView<'_>,
    rule: &LogRule,
    around: Around<'_>,
    changes: &mut Changes,
) -> Result<Vec<u8>, Refusal> {
    let timestamp = view.timestamp().map_or(around.came, millis_of);
    let variables = view.variables().sorted()?;
    match &rule.place {
        Place::Event(event_type) => {
            Window::EVENT.check(timestamp, around.now)?;
            let mut event = Object::new();
            event.text("eventType", event_type);
            event.uint("timestamp", timestamp);
            let mut attributes = Attributes::new(&EVENT, &mut event, EVENT.count, changes);
            all(&mut attributes, (view, &variables), rule, None)?;
            for (name, value) in around.common {
                attributes.add((&**name).into(), &Field::Text((&**value).into()));
            }
            Ok(event.finish())
        }
        Place::Log { message, log_type } => {
            Window::USUAL.check(timestamp, around.now)?;
            let mut log = Object::new();
            log.uint("timestamp", timestamp);
            log.text("message", &text(instance, (view, &variables), rule, message.as_deref()));
            log.begin("attributes");
            let room = LOG.count.saturating_sub(around.common.len());
            let mut attributes = Attributes::new(&LOG, &mut log, room, changes);
            if let Some(log_type) = log_type {
                attributes.add("logtype".into(), &Field::Text((&**log_type).into()));
            }
            // What is the message already is no attribute too.
            all(&mut attributes, (view, &variables), rule, message.is_none().then_some(MESSAGE))?;
            log.end();
            Ok(log.finish())
        }
    }
}

/// Writes everything that an instance says.
fn all<'a>(
    attributes: &mut Attributes<'a, '_>,
    (view, variables): (&LogEntryView<'a>, &Variables<'a>),
    rule: &LogRule,
    without: Option<&str>,
) -> Result<(), Malformed> {
    let severity = view.severity();
    if !severity.is_empty() {
        let level = rule.levels.get(severity).map_or(severity, |level| level);
        let level = attributes.cut(level);
        attributes.add(LEVEL.into(), &Field::Text(level));
    }
    for &(name, value) in variables {
        if let Some(value) = value.filter(|_| Some(name) != without) {
            attributes.value(name, &value);
        }
    }
    if !view.monitored_resource_type().is_empty() {
        attributes.add("resource.type".into(), &Field::Text(view.monitored_resource_type().into()));
    }
    for (name, value) in view.monitored_resource_dimensions().sorted()? {
        if let Some(value) = value {
            attributes.value_of("resource", name, &value);
        }
    }
    Ok(())
}

/// The message of an entry.
fn text<'a>(
    instance: &'a str,
    (view, variables): (&LogEntryView<'a>, &Variables<'a>),
    rule: &LogRule,
    template: Option<&[Part]>,
) -> Cow<'a, str> {
    let find = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| *name == wanted);
        found.and_then(|(_, value)| *value).map(|value| value.text())
    };
    let Some(template) = template else {
        return find(MESSAGE).unwrap_or(Cow::Borrowed(instance));
    };
    let mut text = String::new();
    for part in template {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Severity => {
                let severity = view.severity();
                text.push_str(rule.levels.get(severity).map_or(severity, |level| level));
            }
            Part::Variable(name) => text.push_str(&find(name).unwrap_or_default()),
        }
    }
    text.into()
}
