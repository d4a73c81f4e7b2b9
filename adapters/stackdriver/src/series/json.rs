//! A point as a `TimeSeries` of the Monitoring API in JSON: 64-bit integers are texts, times are RFC 3339.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value as Json, json};

use super::{Distribution, Identity, Value};
use crate::config::{Buckets, Form, Metric, ValueType};
use crate::time::rfc3339;

/// One point of a series.
pub(super) struct Point<'a> {
    pub(super) identity: &'a Identity,
    pub(super) metric: &'a Metric,
    pub(super) value: &'a Value,
    /// None for a moment.
    pub(super) start: Option<SystemTime>,
    pub(super) end: SystemTime,
}

pub(super) fn time_series(point: Point<'_>) -> Vec<u8> {
    let Point { identity, metric, value, start, end } = point;
    let mut text = String::with_capacity(identity.json.len() + 256);
    let (kind, value_type) = (metric.kind.name(), identity.value.name());
    let start = start.map(|start| format!("\"startTime\":\"{}\",", rfc3339(start))).unwrap_or_default();
    let end = rfc3339(end);
    let own = typed_value(value, metric.buckets.as_deref());
    // Writing to a text does not fail.
    let _ = write!(
        text,
        "{{{},\"metricKind\":\"{kind}\",\"valueType\":\"{value_type}\",\"points\":[{{\"interval\":{{{start}\"endTime\":\"{end}\"}},\"value\":{own}}}]",
        identity.json
    );
    if !metric.unit.is_empty() && has_unit(identity.value) {
        let _ = write!(text, ",\"unit\":{}", json!(metric.unit));
    }
    text.push('}');
    text.into_bytes()
}

/// Only numbers have units.
pub(crate) fn has_unit(value: ValueType) -> bool {
    matches!(value, ValueType::Int64 | ValueType::Double | ValueType::Distribution)
}

fn typed_value(value: &Value, buckets: Option<&Buckets>) -> Json {
    match value {
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Int(number) => json!({"int64Value": number.to_string()}),
        Value::Double(number) => json!({"doubleValue": number}),
        Value::Text(text) => json!({"stringValue": text}),
        Value::Distribution(all) => json!({"distributionValue": distribution(all, buckets)}),
    }
}

fn distribution(all: &Distribution, buckets: Option<&Buckets>) -> Json {
    let mut json = json!({
        "count": all.count.to_string(),
        "mean": all.mean,
        "sumOfSquaredDeviation": all.sum_of_squared_deviation,
    });
    if let (Some(buckets), Some(json)) = (buckets, json.as_object_mut()) {
        json.insert("bucketOptions".to_owned(), bucket_options(buckets));
        let counts: Vec<String> = all.counts.iter().map(ToString::to_string).collect();
        json.insert("bucketCounts".to_owned(), counts.into());
    }
    json
}

fn bucket_options(buckets: &Buckets) -> Json {
    match buckets.form {
        Form::Linear { finite, width, offset } => {
            json!({"linearBuckets": {"numFiniteBuckets": finite, "width": width, "offset": offset}})
        }
        Form::Exponential { finite, growth, scale } => {
            json!({"exponentialBuckets": {"numFiniteBuckets": finite, "growthFactor": growth, "scale": scale}})
        }
        Form::Explicit => json!({"explicitBuckets": {"bounds": buckets.bounds}}),
    }
}
