//! What arrived in a form that is easily compared: one object for each data point, log record or span, with its resource.

use mixer_proto::otlp::common::any_value::Value;
use mixer_proto::otlp::common::{AnyValue, KeyValue};
use mixer_proto::otlp::metrics::metric::Data;
use mixer_proto::otlp::metrics::number_data_point;
use mixer_proto::otlp::resource::Resource;
use serde_json::{Map, Value as Json, json};

use super::OtlpSeen;

fn any(value: Option<&AnyValue>) -> Json {
    match value.and_then(|value| value.value.as_ref()) {
        None => Json::Null,
        Some(Value::StringValue(text)) => json!(text),
        Some(Value::BoolValue(value)) => json!(value),
        Some(Value::IntValue(number)) => json!(number),
        Some(Value::DoubleValue(number)) => json!(number),
        Some(Value::KvlistValue(list)) => attributes(&list.values),
        Some(Value::ArrayValue(array)) => array.values.iter().map(|value| any(Some(value))).collect(),
        Some(Value::BytesValue(bytes)) => json!(format!("{bytes:?}")),
    }
}

fn attributes(all: &[KeyValue]) -> Json {
    Json::Object(all.iter().map(|pair| (pair.key.clone(), any(pair.value.as_ref()))).collect::<Map<_, _>>())
}

fn resource(resource: &Option<Resource>) -> Json {
    resource.as_ref().map_or(Json::Null, |resource| attributes(&resource.attributes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sorted(mut all: Vec<Json>) -> Vec<Json> {
    all.sort_by_key(ToString::to_string);
    all
}

/// Data points, without their times.
pub fn metrics(seen: &OtlpSeen) -> Vec<Json> {
    let mut all = Vec::new();
    for group in seen.metrics.iter().flat_map(|request| &request.resource_metrics) {
        for metric in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            for mut point in metric.data.as_ref().map(points).unwrap_or_default() {
                let Some(fields) = point.as_object_mut() else { continue };
                fields.insert("name".to_owned(), json!(metric.name));
                fields.insert("resource".to_owned(), resource(&group.resource));
                for (name, text) in [("unit", &metric.unit), ("description", &metric.description)] {
                    if !text.is_empty() {
                        fields.insert(name.to_owned(), json!(text));
                    }
                }
                fields.sort_keys();
                all.push(point);
            }
        }
    }
    sorted(all)
}

fn points(data: &Data) -> Vec<Json> {
    let number = |value: &Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsDouble(number)) => json!(number),
        Some(number_data_point::Value::AsInt(number)) => json!(number),
        None => Json::Null,
    };
    match data {
        Data::Gauge(data) => {
            let points = data.data_points.iter();
            points.map(|point| json!({"gauge": number(&point.value), "attributes": attributes(&point.attributes)})).collect()
        }
        Data::Sum(data) => {
            let points = data.data_points.iter();
            let key = if data.aggregation_temporality == 1 { "delta" } else { "cumulative" };
            points
                .map(|point| json!({key: number(&point.value), "attributes": attributes(&point.attributes)}))
                .collect()
        }
        Data::Histogram(data) => {
            let points = data.data_points.iter().map(|point| {
                json!({
                    "temporality": data.aggregation_temporality,
                    "attributes": attributes(&point.attributes),
                    "count": point.count, "sum": point.sum, "min": point.min, "max": point.max,
                    "buckets": point.bucket_counts, "bounds": point.explicit_bounds,
                })
            });
            points.collect()
        }
        Data::ExponentialHistogram(data) => {
            let points = data.data_points.iter().map(|point| {
                let side = |buckets: &Option<
                    mixer_proto::otlp::metrics::exponential_histogram_data_point::Buckets,
                >| {
                    buckets.as_ref().map(|buckets| json!([buckets.offset, buckets.bucket_counts]))
                };
                json!({
                    "temporality": data.aggregation_temporality,
                    "attributes": attributes(&point.attributes),
                    "count": point.count, "sum": point.sum, "min": point.min, "max": point.max,
                    "scale": point.scale, "zeros": point.zero_count,
                    "positive": side(&point.positive), "negative": side(&point.negative),
                })
            });
            points.collect()
        }
        // The rules refuse it.
        Data::Summary(_) => Vec::new(),
    }
}

/// Log records, without the time at which they were observed.
pub fn logs(seen: &OtlpSeen) -> Vec<Json> {
    let mut all = Vec::new();
    for group in seen.logs.iter().flat_map(|request| &request.resource_logs) {
        for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            all.push(json!({
                "resource": resource(&group.resource),
                "time": record.time_unix_nano,
                "severity": record.severity_number,
                "text": record.severity_text,
                "body": any(record.body.as_ref()),
                "attributes": attributes(&record.attributes),
                "trace": hex(&record.trace_id),
                "span": hex(&record.span_id),
                "flags": record.flags,
                "event": record.event_name,
            }));
        }
    }
    sorted(all)
}

/// Spans.
pub fn spans(seen: &OtlpSeen) -> Vec<Json> {
    let mut all = Vec::new();
    for group in seen.traces.iter().flat_map(|request| &request.resource_spans) {
        for span in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
            all.push(json!({
                "resource": resource(&group.resource),
                "trace": hex(&span.trace_id),
                "span": hex(&span.span_id),
                "parent": hex(&span.parent_span_id),
                "name": span.name,
                "kind": span.kind,
                "start": span.start_time_unix_nano,
                "end": span.end_time_unix_nano,
                "attributes": attributes(&span.attributes),
                "status": span.status.as_ref().map_or(0, |status| status.code),
            }));
        }
    }
    sorted(all)
}
