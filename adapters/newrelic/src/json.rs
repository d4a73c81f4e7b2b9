//! Metrics in the form of the Metric API, and attributes in a form that it takes: what it would refuse or overwrite without
//! telling is changed here.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::delivery::aggregate::{Attribute, Attributes, Point, PointValue};
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;
use mixer_adapter_sdk::wire::Malformed;
use serde_json::{Map, Value as Json, json};

/// The most attributes of a metric, `cluster.name` included.
const MAX_ATTRIBUTES: usize = 100;
/// The longest name of an attribute, in characters.
const MAX_KEY: usize = 255;
/// The longest text of an attribute, in characters.
const MAX_TEXT: usize = 4096;

/// Keys that the API refuses in attributes, as they are keys of its own, or overwrites.
const RESERVED: &[&str] = &[
    "common",
    "count",
    "endTimestamp",
    "interval.ms",
    "max",
    "metricName",
    "metrics",
    "min",
    "newrelic.source",
    "sum",
    "timestamp",
    "value",
];

/// The number of a metric value: a duration in milliseconds, text that is a number.
pub(crate) fn number(value: &ValueView<'_>) -> Option<f64> {
    match value {
        ValueView::Duration(duration) => Some(duration.nanos() as f64 / 1e6),
        other => other.as_f64(),
    }
}

/// The dimensions of an instance as attributes of a metric, and how many had to be changed.
pub(crate) fn attributes(
    dimensions: ValueMap<'_>,
    metric: &str,
    common: Option<&str>,
) -> Result<(Attributes, usize), Malformed> {
    let mut changed = 0;
    let mut all: Vec<(Cow<'_, str>, Attribute)> = Vec::new();
    all.extend(common.map(|cluster| (Cow::Borrowed("cluster.name"), Attribute::from(cluster))));
    for (name, value) in dimensions.sorted()? {
        let Some(value) = value else { continue };
        let key = key(name, metric);
        let (value, cut) = attribute(&value);
        changed += usize::from(cut || key != name);
        if all.len() >= MAX_ATTRIBUTES || key.is_empty() {
            changed += usize::from(!cut && key == name);
            continue;
        }
        all.push((key, value));
    }
    Ok((Attributes::new(all.iter().map(|(key, value)| (&**key, value.clone()))), changed))
}

/// The name of an attribute as the API takes it: alphanumeric with `:`, `.` and `_`, and none of its own names.
fn key<'a>(name: &'a str, metric: &str) -> Cow<'a, str> {
    let taken = |c: char| c.is_alphanumeric() || matches!(c, ':' | '.' | '_');
    let mut key = Cow::Borrowed(name);
    if !name.chars().all(taken) {
        key = name.chars().map(|c| if taken(c) { c } else { '_' }).collect();
    }
    if RESERVED.contains(&&*key) || key == metric {
        key = format!("dimension.{key}").into();
    }
    match key.char_indices().nth(MAX_KEY) {
        None => key,
        Some((end, _)) => key.chars().take(end).collect::<String>().into(),
    }
}

/// The value of an attribute, and whether it had to be cut.
fn attribute(value: &ValueView<'_>) -> (Attribute, bool) {
    let attribute = match value {
        ValueView::Int64(number) => Attribute::Int(*number),
        ValueView::Double(number) if number.is_finite() => Attribute::Double(*number),
        ValueView::Bool(value) => Attribute::Bool(*value),
        ValueView::Duration(duration) => Attribute::Double(duration.nanos() as f64 / 1e6),
        ValueView::Timestamp(time) => {
            let millis = time.seconds().saturating_mul(1000);
            Attribute::Int(millis.saturating_add(i64::from(time.subsec_nanos() / 1_000_000)))
        }
        other => {
            let text = other.text();
            let end = text.char_indices().nth(MAX_TEXT).map(|(end, _)| end);
            return (text.get(..end.unwrap_or(text.len())).unwrap_or_default().into(), end.is_some());
        }
    };
    (attribute, false)
}

/// One metric of a payload.
pub(crate) fn metric(point: &Point, end: SystemTime) -> Vec<u8> {
    let mut metric = Map::new();
    metric.insert("name".to_owned(), (&*point.name).into());
    let (kind, value) = match &point.value {
        PointValue::Count(total) => ("count", json!(total)),
        PointValue::Gauge(last) => ("gauge", json!(last)),
        PointValue::Summary { count, sum, min, max } => {
            ("summary", json!({"count": count, "sum": sum, "min": min, "max": max}))
        }
        PointValue::Histogram { counts, sum, min, max, .. } => {
            ("summary", json!({"count": counts.iter().sum::<u64>(), "sum": sum, "min": min, "max": max}))
        }
        PointValue::ExponentialHistogram(all) => {
            ("summary", json!({"count": all.count, "sum": all.sum, "min": all.min, "max": all.max}))
        }
    };
    metric.insert("type".to_owned(), kind.into());
    metric.insert("value".to_owned(), value);
    if matches!(point.value, PointValue::Gauge(_)) {
        metric.insert("timestamp".to_owned(), millis(point.last).into());
    } else {
        let interval = end.duration_since(point.start).unwrap_or_default().as_millis().max(1);
        metric.insert("timestamp".to_owned(), millis(point.start).into());
        metric.insert("interval.ms".to_owned(), u64::try_from(interval).unwrap_or(u64::MAX).into());
    }
    if !point.attributes.is_empty() {
        let attributes = point.attributes.iter().map(|(name, value)| (name.to_owned(), json_of(value)));
        metric.insert("attributes".to_owned(), Json::Object(attributes.collect()));
    }
    Json::Object(metric).to_string().into_bytes()
}

fn json_of(value: &Attribute) -> Json {
    match value {
        Attribute::Text(text) => (&**text).into(),
        Attribute::Int(number) => (*number).into(),
        Attribute::Double(number) => json!(number),
        Attribute::Bool(value) => (*value).into(),
    }
}

fn millis(time: SystemTime) -> u64 {
    let since: Duration = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
