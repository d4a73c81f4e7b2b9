//! Logentry instances as entries of the Log API and as events of the Event API.

use std::borrow::Cow;

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::LogEntryView;
use mixer_adapter_sdk::wire::Malformed;

use crate::attributes::{Changes, EVENT, Field, LOG, Rules};
use crate::config::logs::{LogRule, Part, Place};
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
            attributes.all((view, &variables), rule, None)?;
            for (name, value) in around.common {
                attributes.own(name, Field::Text((&**value).into()));
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
                attributes.own("logtype", Field::Text((&**log_type).into()));
            }
            // What is the message already is no attribute too.
            attributes.all((view, &variables), rule, message.is_none().then_some(MESSAGE))?;
            log.end();
            Ok(log.finish())
        }
    }
}

/// Writes the attributes of an item, each name once.
struct Attributes<'a, 'o> {
    rules: &'static Rules,
    object: &'o mut Object,
    room: usize,
    changes: &'o mut Changes,
    written: Vec<Cow<'a, str>>,
}

impl<'a, 'o> Attributes<'a, 'o> {
    fn new(rules: &'static Rules, object: &'o mut Object, room: usize, changes: &'o mut Changes) -> Self {
        Self { rules, object, room, changes, written: Vec::with_capacity(16) }
    }

    /// Everything that an instance says.
    fn all(
        &mut self,
        (view, variables): (&LogEntryView<'a>, &Variables<'a>),
        rule: &LogRule,
        without: Option<&str>,
    ) -> Result<(), Malformed> {
        let severity = view.severity();
        if !severity.is_empty() {
            let level = rule.levels.get(severity).map_or(severity, |level| level);
            let level = self.rules.cut(level.to_owned().into(), self.changes);
            self.own(LEVEL, Field::Text(level));
        }
        for &(name, value) in variables {
            let Some(value) = value.filter(|_| Some(name) != without) else { continue };
            if let Some((name, field)) = self.rules.attribute(name, &value, self.changes) {
                self.add(name, &field);
            }
        }
        if !view.monitored_resource_type().is_empty() {
            self.own("resource.type", Field::Text(view.monitored_resource_type().into()));
        }
        for (name, value) in view.monitored_resource_dimensions().sorted()? {
            let Some(value) = value else { continue };
            if let Some((name, field)) = self.rules.attribute(name, &value, self.changes) {
                let name = self.rules.name(&format!("resource.{name}")).into_owned();
                self.add(name.into(), &field);
            }
        }
        Ok(())
    }

    fn own(&mut self, name: &str, field: Field<'_>) {
        self.add(name.to_owned().into(), &field);
    }

    /// The first one of a name counts.
    fn add(&mut self, name: Cow<'a, str>, field: &Field<'_>) {
        if self.written.contains(&name) {
            return;
        }
        if self.written.len() >= self.room {
            self.changes.left_out += 1;
            return;
        }
        field.write(&name, self.object);
        self.written.push(name);
    }
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
