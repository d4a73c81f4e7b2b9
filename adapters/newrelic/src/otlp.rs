//! The same things in the form of OTLP: what the ingest APIs call fields of their own goes where OTLP has a place for it, and
//! attributes stay attributes of the same names.

use std::sync::Arc;
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::otlp::{Item, MetricHead, Writer, ids};
use serde_json::{Map, Value as Json};

use crate::endpoints::Api;
use crate::time::millis;

const SERVICE_NAME: &str = "service.name";
/// What the semantic conventions call a service whose name nobody has told.
const UNKNOWN_SERVICE: &str = "unknown_service:mixer";
/// A span has a name in OTLP.
const UNKNOWN_SPAN: &str = "unknown";
/// What begins like this tells of an error.
const ERROR: &str = "error.";
const NANOS_PER_MILLI: u64 = 1_000_000;

// The fields of a metric that hold data, and what stands behind the points of sums and histograms.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const TEMPORALITY: u32 = 2;
const DELTA: u64 = 1;
const IS_MONOTONIC: u32 = 3;

const KIND_SERVER: u64 = 2;
const KIND_CLIENT: u64 = 3;
const STATUS_ERROR: u64 = 2;

/// Why something has no form in OTLP.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoForm {
    #[error("trace_id {0:?} is not 32 hexadecimal digits, or 16, which are not all 0, as OTLP wants it")]
    TraceId(String),
    #[error("span_id {0:?} is not 16 hexadecimal digits which are not all 0, as OTLP wants it")]
    SpanId(String),
    #[error("parent_span_id {0:?} is not 16 hexadecimal digits, as OTLP wants it")]
    ParentSpanId(String),
    #[error("OTLP has no events")]
    Event,
    #[error("it is not what this adapter writes: {0}")]
    Json(#[from] serde_json::Error),
}

impl NoForm {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TraceId(_) => "invalid_trace_id",
            Self::SpanId(_) => "invalid_span_id",
            Self::ParentSpanId(_) => "invalid_parent_span_id",
            Self::Event => "event",
            Self::Json(_) => "encoding",
        }
    }
}

/// What all resources have in common: the attributes of everything.
#[derive(Clone, Debug)]
pub(crate) struct Resource(Arc<[(Box<str>, Box<str>)]>);

impl Resource {
    pub(crate) fn new(common: &[(Box<str>, Box<str>)]) -> Self {
        Self(common.into())
    }

    /// With the service that an item names, else the one of the common attributes.
    fn write(&self, service: Option<&str>, writer: &mut Writer) {
        let common = self.0.iter().map(|(name, value)| (&**name, &**value));
        let known = common.clone().find(|(name, _)| *name == SERVICE_NAME).map(|(_, value)| value);
        let service = [service, known].into_iter().flatten().find(|name| !name.is_empty());
        for (name, value) in common.filter(|(name, _)| *name != SERVICE_NAME) {
            pair(writer, 1, name, |any| any.text(1, value));
        }
        pair(writer, 1, SERVICE_NAME, |any| any.text(1, service.unwrap_or(UNKNOWN_SERVICE)));
    }
}

/// The data point, span or log record of an item of the ingest APIs.
///
/// # Errors
///
/// It has none.
pub(crate) fn item(api: Api, json: &[u8], resource: &Resource) -> Result<Item, NoForm> {
    let mut item: Map<String, Json> = serde_json::from_slice(json)?;
    let mut attributes = match item.remove("attributes") {
        Some(Json::Object(attributes)) => attributes,
        _ => Map::new(),
    };
    let service = attributes.shift_remove(SERVICE_NAME).map(|name| text_of(&name));
    let resource = |writer: &mut Writer| resource.write(service.as_deref(), writer);
    match api {
        Api::Metric => Ok(data_point(&item, &attributes, resource)),
        Api::Trace => Ok(span(&Ids::of(&item, &mut attributes)?, &item, attributes, resource)),
        Api::Log => Ok(record(&item, &attributes, resource)),
        Api::Event => Err(NoForm::Event),
    }
}

fn data_point(
    item: &Map<String, Json>,
    attributes: &Map<String, Json>,
    resource: impl FnOnce(&mut Writer),
) -> Item {
    let (start, interval) = (nanos(item.get("timestamp")), nanos(item.get("interval.ms")));
    let value = item.get("value");
    let number =
        |name: &str| value.and_then(|value| value.get(name)).and_then(Json::as_f64).unwrap_or_default();
    let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
    let mut tail = Writer::default();
    let data = match kind {
        "count" => SUM,
        "summary" => HISTOGRAM,
        _ => GAUGE,
    };
    if data != GAUGE {
        tail.varint(TEMPORALITY, DELTA);
    }
    if data == SUM {
        tail.varint(IS_MONOTONIC, 1);
    }
    let mut fields = Writer::default();
    fields.text(1, item.get("name").and_then(Json::as_str).unwrap_or_default());
    let head = MetricHead { fields: fields.into_bytes(), data, tail: tail.into_bytes() };
    Item::new(resource, Some(Arc::new(head)), |point| {
        if data == GAUGE {
            point.fixed64(3, start);
        } else {
            point.fixed64(2, start);
            point.fixed64(3, start.saturating_add(interval));
        }
        if data != HISTOGRAM {
            point.double(4, value.and_then(Json::as_f64).unwrap_or_default());
            return write(attributes, point, 7);
        }
        // Number, sum, least and largest value: a histogram of one bucket. That which OTLP calls a summary is cumulative.
        let count = value.and_then(|value| value.get("count")).and_then(Json::as_u64).unwrap_or_default();
        point.fixed64(4, count);
        // OTLP has no sum that may fall.
        if number("min") >= 0.0 {
            point.double(5, number("sum"));
        }
        point.packed_fixed64(6, std::iter::once(count));
        write(attributes, point, 9);
        point.double(11, number("min"));
        point.double(12, number("max"));
    })
}

/// The three ids of a span.
struct Ids {
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
}

impl Ids {
    /// Takes the parent out of the attributes.
    fn of(item: &Map<String, Json>, attributes: &mut Map<String, Json>) -> Result<Self, NoForm> {
        let text = |name: &str| item.get(name).map(text_of).unwrap_or_default();
        let (trace, span) = (text("trace.id"), text("id"));
        let parent = attributes.shift_remove("parent.id").map(|parent| text_of(&parent)).unwrap_or_default();
        let trace = ids::trace_id(&trace).ok_or_else(|| NoForm::TraceId(shown(&trace)))?;
        let span = ids::span_id(&span).ok_or_else(|| NoForm::SpanId(shown(&span)))?;
        let parent = match ids::is_no_span(&parent) {
            true => None,
            false => Some(ids::span_id(&parent).ok_or_else(|| NoForm::ParentSpanId(shown(&parent)))?),
        };
        // Some tracers name a span that has no parent as its own.
        Ok(Self { trace, span, parent: parent.filter(|parent| *parent != span) })
    }
}

fn span(
    ids: &Ids,
    item: &Map<String, Json>,
    mut attributes: Map<String, Json>,
    resource: impl FnOnce(&mut Writer),
) -> Item {
    let start = nanos(item.get("timestamp"));
    let duration = attributes.shift_remove("duration.ms").and_then(|duration| duration.as_f64());
    let duration = (duration.unwrap_or_default() * NANOS_PER_MILLI as f64).round() as u64;
    let name = attributes.shift_remove("name").map(|name| text_of(&name)).filter(|name| !name.is_empty());
    let kind = kind(&mut attributes);
    let is_error = attributes.keys().any(|name| name.starts_with(ERROR));
    Item::new(resource, None, |span| {
        span.bytes(1, &ids.trace);
        span.bytes(2, &ids.span);
        if let Some(parent) = &ids.parent {
            span.bytes(4, parent);
        }
        span.text(5, name.as_deref().unwrap_or(UNKNOWN_SPAN));
        span.varint(6, kind);
        span.fixed64(7, start);
        span.fixed64(8, start.saturating_add(duration));
        write(&attributes, span, 9);
        if is_error {
            span.message(15, |status| {
                if let Some(message) = attributes.get("error.message") {
                    status.text(2, &text_of(message));
                }
                status.varint(3, STATUS_ERROR);
            });
        }
    })
}

/// The kind, which New Relic shows as the attribute that it is taken from.
fn kind(attributes: &mut Map<String, Json>) -> u64 {
    let told = attributes.get("span.kind").and_then(Json::as_str).unwrap_or_default();
    let known = match told.to_ascii_lowercase().as_str() {
        "internal" => Some(1),
        "server" => Some(KIND_SERVER),
        "client" => Some(KIND_CLIENT),
        "producer" => Some(4),
        "consumer" => Some(5),
        _ => None,
    };
    if known.is_some() {
        attributes.shift_remove("span.kind");
    }
    let is_client = attributes.get("clientSpan") == Some(&Json::Bool(true));
    known.unwrap_or(if is_client { KIND_CLIENT } else { KIND_SERVER })
}

fn record(
    item: &Map<String, Json>,
    attributes: &Map<String, Json>,
    resource: impl FnOnce(&mut Writer),
) -> Item {
    let message = item.get("message").and_then(Json::as_str).unwrap_or_default();
    let observed = millis(SystemTime::now()).saturating_mul(NANOS_PER_MILLI);
    Item::new(resource, None, |record| {
        record.fixed64(1, nanos(item.get("timestamp")));
        record.message(5, |any| any.text(1, message));
        write(attributes, record, 6);
        record.fixed64(11, observed);
    })
}

/// Attributes as repeated `KeyValue` in the field of this number.
fn write(attributes: &Map<String, Json>, writer: &mut Writer, number: u32) {
    for (name, value) in attributes {
        match value {
            Json::Null => {}
            Json::Bool(value) => pair(writer, number, name, |any| any.varint(2, u64::from(*value))),
            Json::Number(value) => match (value.as_i64(), value.as_f64()) {
                (Some(value), _) => pair(writer, number, name, |any| any.varint(3, value as u64)),
                (None, value) => pair(writer, number, name, |any| any.double(4, value.unwrap_or_default())),
            },
            other => pair(writer, number, name, |any| any.text(1, &text_of(other))),
        }
    }
}

fn pair(writer: &mut Writer, number: u32, name: &str, value: impl FnOnce(&mut Writer)) {
    writer.message(number, |pair| {
        pair.text(1, name);
        pair.message(2, value);
    });
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Milliseconds as nanoseconds.
fn nanos(millis: Option<&Json>) -> u64 {
    millis.and_then(Json::as_u64).unwrap_or_default().saturating_mul(NANOS_PER_MILLI)
}
