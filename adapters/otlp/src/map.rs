//! From what instances hold to what OTLP calls attributes: of the thing itself, or of the resource that it tells of.

pub(crate) mod log;
pub(crate) mod metric;
pub(crate) mod severity;
pub(crate) mod span;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::{SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;
use mixer_adapter_sdk::wire::Malformed;

use mixer_adapter_sdk::delivery::otlp::Writer;

pub(crate) const SERVICE_NAME: &str = "service.name";
pub(crate) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
pub(crate) const MONITORED_RESOURCE_TYPE: &str = "mixer.monitored_resource.type";
/// What the semantic conventions call a service whose name nobody has told.
const UNKNOWN_SERVICE: &str = "unknown_service:mixer";
/// The field of every `Resource` with its attributes.
const RESOURCE_ATTRIBUTES: u32 = 1;

/// Which names mean resource attributes, and which are other ones in OpenTelemetry.
#[derive(Debug, Default)]
pub(crate) struct Names {
    fixed: Vec<(String, String)>,
    resource: HashMap<String, String>,
    renamed: HashMap<String, String>,
}

impl Names {
    /// `fixed` are attributes of every resource; `resource` and `renamed` go by the names that instances use.
    pub(crate) fn new(
        fixed: BTreeMap<String, String>,
        resource: &BTreeMap<String, String>,
        renamed: &BTreeMap<String, String>,
    ) -> Self {
        let owned = |map: &BTreeMap<String, String>| map.clone().into_iter().collect();
        Self { fixed: fixed.into_iter().collect(), resource: owned(resource), renamed: owned(renamed) }
    }

    /// The resource attribute that a dimension becomes.
    pub(crate) fn of_resource(&self, name: &str) -> Option<&str> {
        self.resource.get(name).map(String::as_str)
    }

    /// The attribute that a dimension becomes.
    pub(crate) fn of_attribute<'a>(&'a self, name: &'a str) -> &'a str {
        named(self.renamed.get(name).map_or(name, String::as_str))
    }
}

/// Whether there is a type of monitored resource; the standard instances of Istio say that there is none.
pub(crate) fn is_told(kind: &str) -> bool {
    !matches!(kind, "" | "UNSPECIFIED")
}

/// Nothing in OpenTelemetry has an empty name.
fn named(name: &str) -> &str {
    if name.is_empty() { "_" } else { name }
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Field<'a> {
    View(ValueView<'a>),
    Text(Cow<'a, str>),
    Int(i64),
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Field<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<String> for Field<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<ValueView<'a>> for Field<'a> {
    fn from(view: ValueView<'a>) -> Self {
        Self::View(view)
    }
}

impl Field<'_> {
    /// As `AnyValue`. Maps are such only where `nested` says so, and text elsewhere, as many backends know no others.
    fn write(&self, writer: &mut Writer, nested: bool) {
        match self {
            Self::Text(text) => writer.text(1, text),
            Self::Int(number) => writer.varint(3, *number as u64),
            Self::View(view) => write_view(view, writer, nested),
        }
    }
}

fn write_view(view: &ValueView<'_>, writer: &mut Writer, nested: bool) {
    match view {
        ValueView::Bool(value) => writer.varint(2, u64::from(*value)),
        ValueView::Int64(number) => writer.varint(3, *number as u64),
        // What is not finite is text in proto3's JSON, which not every collector reads as a number.
        ValueView::Double(number) if number.is_finite() => writer.double(4, *number),
        // Seconds are the unit of OpenTelemetry for times.
        ValueView::Duration(duration) => writer.double(4, duration.as_secs_f64()),
        ValueView::StringMap(map) if nested => writer.message(6, |list| {
            let mut pairs = Attributes::default();
            map.sorted().into_iter().for_each(|(key, value)| pairs.put(named(key), value));
            pairs.write(list, 1, false);
        }),
        other => writer.text(1, &other.text()),
    }
}

/// The fields of a `KeyValue`.
pub(crate) fn key_value(writer: &mut Writer, key: &str, value: &Field<'_>, nested: bool) {
    writer.text(1, key);
    writer.message(2, |any| value.write(any, nested));
}

/// Attributes, of which the last one of a name counts.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(&'a str, Field<'a>)>);

impl<'a> Attributes<'a> {
    pub(crate) fn put(&mut self, name: &'a str, value: impl Into<Field<'a>>) {
        self.0.push((name, value.into()));
    }

    /// Sorted, each name once.
    fn settle(&mut self) {
        self.0.reverse();
        self.0.sort_by_key(|(name, _)| *name);
        self.0.dedup_by_key(|(name, _)| *name);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// As `Resource`, which always has a name of the service, a text that is not empty.
    pub(crate) fn write_resource(&mut self, writer: &mut Writer) {
        let told = self.0.iter().rfind(|(known, _)| *known == SERVICE_NAME);
        let service = match told {
            Some((_, Field::Text(text))) => text.clone(),
            Some((_, Field::View(view))) => view.text(),
            Some((_, Field::Int(number))) => number.to_string().into(),
            None => Cow::Borrowed(""),
        };
        let service = if service.is_empty() { UNKNOWN_SERVICE.into() } else { service };
        self.0.push((SERVICE_NAME, Field::Text(service)));
        self.write(writer, RESOURCE_ATTRIBUTES, false);
    }

    /// As repeated `KeyValue` in the field of this number.
    pub(crate) fn write(&mut self, writer: &mut Writer, number: u32, nested: bool) {
        self.settle();
        for (name, value) in &self.0 {
            writer.message(number, |pair| key_value(pair, name, value, nested));
        }
    }
}

/// The attributes of one thing, and those of its resource.
#[derive(Debug, Default)]
pub(crate) struct Both<'a> {
    pub(crate) resource: Attributes<'a>,
    pub(crate) own: Attributes<'a>,
}

impl<'a> Both<'a> {
    /// Begins with what every resource has.
    pub(crate) fn new(names: &'a Names) -> Self {
        let mut both = Self::default();
        for (name, value) in &names.fixed {
            both.resource.put(name, value.as_str());
        }
        both
    }

    /// Takes the entries of a map where they belong.
    pub(crate) fn take(&mut self, names: &'a Names, entries: ValueMap<'a>) -> Result<(), Malformed> {
        for entry in entries {
            let (name, value) = entry?;
            let Some(value) = value else { continue };
            match names.of_resource(name) {
                Some(name) => self.resource.put(name, value),
                None => self.own.put(names.of_attribute(name), value),
            }
        }
        Ok(())
    }

    /// Takes what a template calls the monitored resource.
    pub(crate) fn take_resource(
        &mut self,
        names: &'a Names,
        kind: &'a str,
        entries: ValueMap<'a>,
    ) -> Result<(), Malformed> {
        if is_told(kind) {
            self.resource.put(MONITORED_RESOURCE_TYPE, kind);
        }
        for entry in entries {
            let (name, value) = entry?;
            let Some(value) = value else { continue };
            let name = names.of_resource(name).unwrap_or_else(|| names.of_attribute(name));
            self.resource.put(name, value);
        }
        Ok(())
    }
}

/// Nanoseconds since 1970, as OTLP has times. 0, which is none, for what lies before.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The same of a time of an instance; the far future ends in the year 2554.
pub(crate) fn nanos_of(time: Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds()).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()))
}
