//! Attributes in a form that New Relic takes: what it would refuse, cut or overwrite without telling is changed here, and
//! counted.

use std::borrow::Cow;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

use mixer_adapter_sdk::delivery::aggregate::Attribute;
use mixer_adapter_sdk::value::ValueView;

use crate::json::Object;

/// The longest name of an attribute, in UTF-16 code units.
const MAX_NAME: usize = 255;

/// What goes before a name that an API keeps for itself.
const PREFIX: &str = "dimension.";

/// What an API says about attributes; the numbers are those of its documented limits.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The most attributes of one item, common ones included.
    pub(crate) count: usize,
    /// The longest text, in UTF-16 code units.
    pub(crate) text: usize,
    /// Whether a bool may be a value; else it is text.
    pub(crate) bools: bool,
    /// Names that the API refuses, overwrites, or means something else by.
    reserved: &'static [&'static str],
}

/// Of the Metric API. Beside its own keys these are the names that it overwrites, and those by which New Relic finds entities
/// and accounts.
pub(crate) const METRIC: Rules = Rules {
    count: 100,
    text: 4096,
    bools: true,
    reserved: &[
        "accountId",
        "appId",
        "common",
        "count",
        "endTimestamp",
        "entity.guid",
        "entity.name",
        "entity.type",
        "eventType",
        "interval.ms",
        "max",
        "metricName",
        "metrics",
        "min",
        "newrelic.source",
        "sum",
        "timestamp",
        "value",
    ],
};

/// Of the Trace API, which documents no count of its own; that of metrics is on the safe side.
pub(crate) const SPAN: Rules = Rules {
    count: 100,
    text: 4096,
    bools: true,
    reserved: &[
        "accountId",
        "appId",
        "entity.guid",
        "eventType",
        "id",
        "newrelic.source",
        "timestamp",
        "trace.id",
    ],
};

/// Of the Log API, which keeps longer texts aside without cutting them.
pub(crate) const LOG: Rules = Rules {
    count: 255,
    text: usize::MAX,
    bools: true,
    reserved: &[
        "accountId",
        "entity.guid",
        "eventType",
        "message",
        "messageId",
        "newrelic.source",
        "timestamp",
    ],
};

/// Of the Event API: strings and numbers only; the type and the time count too.
pub(crate) const EVENT: Rules = Rules {
    count: 253,
    text: 4096,
    bools: false,
    reserved: &["accountId", "appId", "eventType", "timestamp"],
};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl Field<'_> {
    pub(crate) fn write(&self, name: &str, object: &mut Object) {
        match self {
            Self::Text(text) => object.text(name, text),
            Self::Int(number) => object.int(name, *number),
            Self::Double(number) => object.number(name, *number),
            Self::Bool(value) => object.bool(name, *value),
        }
    }
}

impl From<Field<'_>> for Attribute {
    fn from(field: Field<'_>) -> Self {
        match field {
            Field::Text(text) => Self::Text(text.into()),
            Field::Int(number) => Self::Int(number),
            Field::Double(number) => Self::Double(number),
            Field::Bool(value) => Self::Bool(value),
        }
    }
}

/// Attributes that did not stay as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Names with characters that are not allowed, too long ones, and reserved ones.
    pub(crate) renamed: u64,
    /// Texts that were too long.
    pub(crate) cut: u64,
    /// Attributes for which there was no room.
    pub(crate) left_out: u64,
}

impl AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.renamed += other.renamed;
        self.cut += other.cut;
        self.left_out += other.left_out;
    }
}

/// [`Changes`] since somebody looked.
#[derive(Debug, Default)]
pub(crate) struct ChangeCounters {
    renamed: AtomicU64,
    cut: AtomicU64,
    left_out: AtomicU64,
}

impl ChangeCounters {
    pub(crate) fn add(&self, changes: Changes) {
        if changes != Changes::default() {
            self.renamed.fetch_add(changes.renamed, Ordering::Relaxed);
            self.cut.fetch_add(changes.cut, Ordering::Relaxed);
            self.left_out.fetch_add(changes.left_out, Ordering::Relaxed);
        }
    }

    pub(crate) fn take(&self) -> Changes {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Changes { renamed: take(&self.renamed), cut: take(&self.cut), left_out: take(&self.left_out) }
    }
}

impl Rules {
    /// A name as the API takes it, and a value as it can say it. None when nothing is left of the name.
    pub(crate) fn attribute<'a>(
        &self,
        name: &'a str,
        value: &ValueView<'a>,
        changes: &mut Changes,
    ) -> Option<(Cow<'a, str>, Field<'a>)> {
        let own = self.name(name);
        if own.is_empty() {
            changes.left_out += 1;
            return None;
        }
        // What was not borrowed was changed; what was borrowed may have been shortened.
        changes.renamed += u64::from(matches!(own, Cow::Owned(_)) || own.len() != name.len());
        Some((own, self.field(value, changes)))
    }

    /// Whether a name and a text stay as they are.
    pub(crate) fn keeps(&self, name: &str, text: &str) -> bool {
        (1..=MAX_NAME).contains(&name.len())
            && text.len() <= self.text
            && name.bytes().all(|byte| ALLOWED[usize::from(byte)])
            && !self.reserved.contains(&name)
    }

    /// ASCII letters and digits with `:`, `.` and `_`, none of the API's own names, and not too long.
    pub(crate) fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let mut own = Cow::Borrowed(name);
        if !name.bytes().all(|byte| ALLOWED[usize::from(byte)]) {
            own = name.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
        }
        if self.reserved.contains(&&*own) {
            own = prefixed(&own);
        }
        shortened(own)
    }

    /// The value, cut where it is too long. Durations and times are milliseconds; what JSON has no number for is text.
    fn field<'a>(&self, value: &ValueView<'a>, changes: &mut Changes) -> Field<'a> {
        match value {
            ValueView::Int64(number) => Field::Int(*number),
            ValueView::Double(number) if number.is_finite() => Field::Double(*number),
            ValueView::Bool(value) if self.bools => Field::Bool(*value),
            ValueView::Duration(duration) => Field::Double(duration.nanos() as f64 / 1e6),
            ValueView::Timestamp(time) => {
                let millis = time.seconds().saturating_mul(1000);
                Field::Int(millis.saturating_add(i64::from(time.subsec_nanos() / 1_000_000)))
            }
            other => Field::Text(self.cut(other.text(), changes)),
        }
    }

    /// The text, cut where it is too long.
    pub(crate) fn cut<'a>(&self, text: Cow<'a, str>, changes: &mut Changes) -> Cow<'a, str> {
        let Some(end) = end_of(&text, self.text) else { return text };
        changes.cut += 1;
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        }
    }
}

/// A name that is not the API's own.
pub(crate) fn prefixed<'a>(name: &str) -> Cow<'a, str> {
    shortened(format!("{PREFIX}{name}").into())
}

/// Whether a name may have this character.
pub(crate) const fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_')
}

/// [`is_allowed`] of each byte.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        allowed[byte] = is_allowed(byte as u8 as char);
        byte += 1;
    }
    allowed
};

/// A name has only ASCII characters here, so that units are bytes.
fn shortened(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..MAX_NAME).unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(MAX_NAME);
            Cow::Owned(text)
        }
    }
}

/// Where a text must end to have at most so many UTF-16 code units; none when it has no more.
pub(crate) fn end_of(text: &str, units: usize) -> Option<usize> {
    // Each unit takes at least one byte.
    if text.len() <= units {
        return None;
    }
    let mut left = units;
    for (at, c) in text.char_indices() {
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests;
