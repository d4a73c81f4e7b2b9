//! The lines: JSON objects, or text with an object at its end. They are written straight into the bytes of a batch.

use std::io::Write as _;

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::{StringMapView, ValueView};

use crate::config::{Form, Level};

/// Lines that are written together.
#[derive(Debug)]
pub(crate) struct Lines {
    form: Form,
    bytes: Vec<u8>,
    count: u64,
    has_fields: bool,
    second: Second,
}

impl Lines {
    /// No lines yet, with room for so many bytes.
    pub(crate) fn with_capacity(form: Form, bytes: usize) -> Self {
        Self {
            form,
            bytes: Vec::with_capacity(bytes),
            count: 0,
            has_fields: false,
            second: Second::default(),
        }
    }

    /// The bytes, and how many lines they are.
    pub(crate) fn finish(self) -> (Vec<u8>, u64) {
        (self.bytes, self.count)
    }

    /// Begins a line, which [`Lines::end`] has to end.
    pub(crate) fn begin(&mut self, level: Level, time: Timestamp, instance: &str) {
        let level = word(level);
        self.has_fields = false;
        match self.form {
            Form::Json => {
                self.push("{\"level\":\"");
                self.push(level);
                self.push("\",\"time\":\"");
                self.second.write(&mut self.bytes, time);
                self.push("\",\"instance\":");
                self.text(instance);
                self.has_fields = true;
            }
            Form::Text => {
                self.second.write(&mut self.bytes, time);
                self.push("\t");
                self.push(level);
                self.push("\t");
                self.plain(instance);
            }
        }
    }

    /// Adds a variable; one without a value is null.
    pub(crate) fn field(&mut self, name: &str, value: Option<ValueView<'_>>) {
        let (start, separator, colon) = match self.form {
            Form::Json => ("{", ",", ":"),
            Form::Text => ("\t{", ", ", ": "),
        };
        self.push(if self.has_fields { separator } else { start });
        self.has_fields = true;
        self.text(name);
        self.push(colon);
        match value {
            Some(value) => self.value(value),
            None => self.push("null"),
        }
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        self.push(if self.has_fields { "}\n" } else { "\n" });
        self.count += 1;
    }

    fn value(&mut self, value: ValueView<'_>) {
        match value {
            ValueView::String(text)
            | ValueView::Email(text)
            | ValueView::Dns(text)
            | ValueView::Uri(text) => self.text(text),
            ValueView::Int64(number) => self.push(itoa::Buffer::new().format(number)),
            ValueView::Bool(truth) => self.push(if truth { "true" } else { "false" }),
            ValueView::Double(number) if number.is_finite() => self.display(number),
            ValueView::Timestamp(time) => {
                self.push("\"");
                self.second.write(&mut self.bytes, time);
                self.push("\"");
            }
            // None of these needs an escape.
            ValueView::Double(_) | ValueView::Ip(_) | ValueView::Duration(_) => {
                self.push("\"");
                self.display(value);
                self.push("\"");
            }
            ValueView::StringMap(map) => self.text(&map_text(map)),
        }
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Memory takes every write.
        let _ = write!(self.bytes, "{value}");
    }

    /// Text as JSON.
    fn text(&mut self, text: &str) {
        // All text can be written as JSON, and memory takes every write.
        let _ = serde_json::to_writer(&mut self.bytes, text);
    }

    /// Text as it is, unless it would look like more than one column.
    fn plain(&mut self, text: &str) {
        if text.contains(char::is_control) {
            self.display(text.escape_default());
        } else {
            self.push(text);
        }
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warn",
        Level::Error => "error",
    }
}

/// The form in which the original writes maps.
fn map_text(map: StringMapView<'_>) -> String {
    let entries: Vec<String> = map.sorted().iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("stringmap[{}]", entries.join(" "))
}

/// The second that was written last: most lines of a batch are of the same one, and only their microseconds differ.
#[derive(Debug, Default)]
struct Second {
    number: Option<i64>,
    text: String,
    zone: &'static str,
}

impl Second {
    /// Writes a time with six digits behind the point.
    fn write(&mut self, bytes: &mut Vec<u8>, time: Timestamp) {
        if self.number != Some(time.seconds()) {
            self.number = Some(time.seconds());
            self.text = time.to_micros_text();
            // A time that has no year of four digits is written without a zone.
            self.zone = if self.text.ends_with('Z') { "Z" } else { "" };
            self.text.truncate(self.text.rfind('.').unwrap_or(self.text.len()));
        }
        let mut fraction = *b".000000";
        let mut micros = time.subsec_nanos() / 1_000;
        for digit in fraction.iter_mut().skip(1).rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        bytes.extend_from_slice(self.text.as_bytes());
        bytes.extend_from_slice(&fraction);
        bytes.extend_from_slice(self.zone.as_bytes());
    }
}
