//! From a logentry instance to a log record.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::{LogEntryView, ValueMap};
use mixer_adapter_sdk::wire::Malformed;

use super::{Both, Names, nanos, nanos_of, severity};
use crate::config::{BodyPart, LogConfig};
use mixer_adapter_sdk::delivery::otlp::{Item, Writer, ids};

// Variables that tell to which request an entry belongs.
const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";
const TRACEPARENT: &str = "traceparent";

/// What a handler knows of log records.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) names: Arc<Names>,
    pub(crate) logs: HashMap<String, LogConfig>,
    pub(crate) severities: HashMap<String, i32>,
}

impl Logs {
    /// The log record of an instance that was seen at this time.
    pub(crate) fn item(
        &self,
        instance: &str,
        view: &LogEntryView<'_>,
        observed: SystemTime,
    ) -> Result<Item, Malformed> {
        let (names, variables) = (&*self.names, view.variables());
        let mut both = Both::new(names);
        both.take_resource(names, view.monitored_resource_type(), view.monitored_resource_dimensions())?;
        both.take(names, variables)?;
        let context = Context::of(variables)?;
        // What stands in fields of its own need not be an attribute too.
        context.told_by.iter().for_each(|variable| both.own.remove(names.of_attribute(variable)));
        let config = self.logs.get(instance);
        let body = body(config, instance, variables)?;
        let Both { mut resource, mut own } = both;
        let record = |writer: &mut Writer| {
            if let Some(time) = view.timestamp() {
                writer.fixed64(1, nanos_of(time));
            }
            let severity = severity::number(view.severity(), &self.severities);
            if severity > 0 {
                writer.varint(2, severity as u64);
            }
            writer.text_unless_empty(3, view.severity());
            writer.message(5, |any| any.text(1, &body));
            own.write(writer, 6, true);
            context.write(writer);
            writer.fixed64(11, nanos(observed));
            writer.text_unless_empty(12, config.map_or("", |config| &config.event_name));
        };
        Ok(Item::new(|writer| resource.write_resource(writer), None, record))
    }
}

/// To which trace and span an entry belongs.
#[derive(Debug, Default)]
struct Context {
    trace: Option<[u8; 16]>,
    span: Option<[u8; 8]>,
    flags: u32,
    /// The variables that said so.
    told_by: Vec<&'static str>,
}

impl Context {
    fn of(variables: ValueMap<'_>) -> Result<Self, Malformed> {
        let mut context = Self::default();
        let mut parent = None;
        for entry in variables {
            let (name, Some(value)) = entry? else { continue };
            let Some(text) = value.as_str() else { continue };
            match name {
                TRACE_ID => context.trace = ids::trace_id(text),
                SPAN_ID => context.span = ids::span_id(text),
                TRACEPARENT => parent = ids::traceparent(text),
                _ => {}
            }
        }
        // A span without its trace is none.
        context.span = context.span.filter(|_| context.trace.is_some());
        context.told_by.extend(context.trace.map(|_| TRACE_ID));
        context.told_by.extend(context.span.map(|_| SPAN_ID));
        if let Some((trace, span, flags)) = parent
            && context.trace.is_none_or(|known| known == trace)
        {
            context.trace = Some(trace);
            context.span = context.span.or(Some(span));
            context.flags = u32::from(flags);
            context.told_by.push(TRACEPARENT);
        }
        Ok(context)
    }

    fn write(&self, writer: &mut Writer) {
        if self.flags > 0 {
            writer.fixed32(8, self.flags);
        }
        if let Some(trace) = &self.trace {
            writer.bytes(9, trace);
        }
        if let Some(span) = &self.span {
            writer.bytes(10, span);
        }
    }
}

/// The body, with the values of its variables. One that is absent leaves nothing.
fn body(config: Option<&LogConfig>, instance: &str, variables: ValueMap<'_>) -> Result<String, Malformed> {
    let parts = config.map_or(&[][..], |config| &config.body);
    if parts.is_empty() {
        return Ok(instance.to_owned());
    }
    let values = variables.sorted()?;
    let find = |name: &str| -> Option<ValueView<'_>> {
        values.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
    };
    let mut body = String::new();
    for part in parts {
        match part {
            BodyPart::Text(text) => body.push_str(text),
            BodyPart::Variable(name) => {
                if let Some(value) = find(name) {
                    // Writing to a text does not fail.
                    let _ = write!(body, "{value}");
                }
            }
        }
    }
    Ok(body)
}
