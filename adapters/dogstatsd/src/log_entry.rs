//! Log entries as events (`_e{…}`) and service checks (`_sc|…`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;

use mixer_adapter_sdk::text_template::TextTemplate;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::LogEntryView;

use crate::line::{Refusal, Style};
use crate::tags::{FixedTags, fit_field};

/// How log entries become lines, checked.
#[derive(Debug)]
pub(crate) enum Entry {
    Event(Event),
    ServiceCheck(ServiceCheck),
}

/// How a log entry becomes an event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) title: TextTemplate,
    /// None for all variables.
    pub(crate) text: Option<TextTemplate>,
    pub(crate) aggregation_key: TextTemplate,
    pub(crate) hostname: TextTemplate,
    /// `|p:…|s:…`, as far as they are given.
    pub(crate) fixed: String,
    /// By severity; without one the usual words count.
    pub(crate) alert_types: HashMap<String, &'static str>,
    pub(crate) tags: FixedTags,
    pub(crate) tag_variables: Vec<String>,
}

/// How a log entry becomes a service check.
#[derive(Debug)]
pub(crate) struct ServiceCheck {
    pub(crate) name: String,
    pub(crate) message: TextTemplate,
    pub(crate) hostname: TextTemplate,
    /// By severity; without one the usual words count.
    pub(crate) statuses: HashMap<String, i32>,
    pub(crate) tags: FixedTags,
    pub(crate) tag_variables: Vec<String>,
}

/// How bad a severity is when the configuration does not say: 0 good, 1 worth a look, 2 bad.
pub(crate) fn usual(severity: &str) -> i32 {
    match severity.to_ascii_lowercase().as_str() {
        "warning" | "warn" => 1,
        "error" | "critical" | "alert" | "emergency" | "fatal" | "panic" => 2,
        _ => 0,
    }
}

impl Entry {
    /// Writes the line of an instance; how many of its texts had to be changed or left out.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        style: &Style,
        view: &LogEntryView<'_>,
    ) -> Result<usize, Refusal> {
        match self {
            Self::Event(event) => event.write(out, style, view),
            Self::ServiceCheck(check) => check.write(out, style, view),
        }
    }
}

impl Event {
    fn write(&self, out: &mut Vec<u8>, style: &Style, view: &LogEntryView<'_>) -> Result<usize, Refusal> {
        let title = one_line(&fill(&self.title, view)?);
        if title.is_empty() {
            return Err(Refusal::NoTitle);
        }
        let text = match &self.text {
            Some(template) => fill(template, view)?,
            None => all(view)?,
        };
        let text = one_line(&text);
        // Memory takes every write.
        let _ = write!(out, "_e{{{},{}}}:{title}|{text}", title.len(), text.len());
        let mut changed = when(out, view);
        changed += field(out, "h", &fill(&self.hostname, view)?);
        changed += field(out, "k", &fill(&self.aggregation_key, view)?);
        out.extend_from_slice(self.fixed.as_bytes());
        let usual = ["info", "warning", "error"].get(usual(view.severity()) as usize).copied();
        let alert = self.alert_types.get(view.severity()).copied().or(usual).unwrap_or("info");
        let _ = write!(out, "|t:{alert}");
        changed += tags(out, style, view, &self.tags, &self.tag_variables)?;
        style.container(out);
        style.cardinality(out);
        Ok(changed)
    }
}

impl ServiceCheck {
    fn write(&self, out: &mut Vec<u8>, style: &Style, view: &LogEntryView<'_>) -> Result<usize, Refusal> {
        let severity = view.severity();
        let status = self.statuses.get(severity).copied().unwrap_or_else(|| usual(severity));
        let _ = write!(out, "_sc|{}|{status}", self.name);
        let mut changed = when(out, view);
        changed += field(out, "h", &fill(&self.hostname, view)?);
        changed += tags(out, style, view, &self.tags, &self.tag_variables)?;
        let message = fill(&self.message, view)?;
        changed += field(out, "m", &message.replace(['\n', '\r'], "\\n").replace("m:", "m\\:"));
        style.container(out);
        style.cardinality(out);
        Ok(changed)
    }
}

fn fill(template: &TextTemplate, view: &LogEntryView<'_>) -> Result<String, Refusal> {
    template.fill(|wanted| {
        let mut found = None;
        for entry in view.variables() {
            let (key, value) = entry?;
            if key == wanted {
                found = Some(value.as_ref().map_or(Cow::Borrowed(""), ValueView::text));
            }
        }
        found.ok_or_else(|| Refusal::MissingVariable(wanted.to_owned()))
    })
}

/// Every variable on a line of its own.
fn all(view: &LogEntryView<'_>) -> Result<String, Refusal> {
    let entries = view.variables().sorted()?;
    let text = |value: &Option<ValueView<'_>>| value.as_ref().map(|value| value.text().into_owned());
    let lines = entries.iter().map(|(key, value)| format!("{key}: {}", text(value).unwrap_or_default()));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn one_line(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\n', '\r'], "\\n")
}

fn when(out: &mut Vec<u8>, view: &LogEntryView<'_>) -> usize {
    match view.timestamp() {
        Some(time) if time.seconds() > 0 => {
            let _ = write!(out, "|d:{}", time.seconds());
            0
        }
        // A moment before 1970 cannot be said.
        Some(_) => 1,
        None => 0,
    }
}

fn field(out: &mut Vec<u8>, name: &str, text: &str) -> usize {
    if text.is_empty() {
        return 0;
    }
    let fit = fit_field(text);
    let _ = write!(out, "|{name}:{fit}");
    usize::from(matches!(fit, Cow::Owned(_)))
}

fn tags(
    out: &mut Vec<u8>,
    style: &Style,
    view: &LogEntryView<'_>,
    fixed: &FixedTags,
    variables: &[String],
) -> Result<usize, Refusal> {
    let start = out.len();
    out.extend_from_slice(b"|#");
    let wanted = |key: &str| variables.iter().any(|variable| variable == key);
    let changed = style.instance_tags(out, view.variables(), fixed, wanted)?;
    if out.len() == start + 2 {
        out.truncate(start);
    }
    Ok(changed)
}
