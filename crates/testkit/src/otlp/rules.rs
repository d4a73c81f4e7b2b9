//! The rules for one request: OTLP 1 and the data models of metrics, logs and traces.

use std::collections::HashSet;

use mixer_proto::otlp::collector::logs::ExportLogsServiceRequest;
use mixer_proto::otlp::collector::metrics::ExportMetricsServiceRequest;
use mixer_proto::otlp::collector::trace::ExportTraceServiceRequest;
use mixer_proto::otlp::common::any_value::Value;
use mixer_proto::otlp::common::{AnyValue, InstrumentationScope, KeyValue};
use mixer_proto::otlp::logs::LogRecord;
use mixer_proto::otlp::metrics::metric::Data;
use mixer_proto::otlp::metrics::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, number_data_point,
};
use mixer_proto::otlp::resource::Resource;
use mixer_proto::otlp::trace::Span;
use prost::Message as _;

use super::Export;

type Checked = Result<(), String>;

fn rule(holds: bool, fault: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(fault()) }
}

impl Export {
    pub(super) fn decode(signal: &str, message: &[u8]) -> Result<Self, String> {
        let export = match signal {
            "metrics" => ExportMetricsServiceRequest::decode(message).map(Self::Metrics),
            "logs" => ExportLogsServiceRequest::decode(message).map(Self::Logs),
            _ => ExportTraceServiceRequest::decode(message).map(Self::Traces),
        };
        export.map_err(|error| format!("no request for {signal}: {error}"))
    }

    /// Data points, log records or spans.
    pub(super) fn items(&self) -> usize {
        match self {
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|group| &group.scope_metrics);
                scopes.flat_map(|scope| &scope.metrics).map(points).sum()
            }
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|group| &group.scope_logs);
                scopes.map(|scope| scope.log_records.len()).sum()
            }
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|group| &group.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
        }
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    }
}

pub(super) fn check(export: &Export) -> Checked {
    match export {
        Export::Metrics(request) => {
            let groups = request.resource_metrics.iter();
            check_groups(
                groups.clone().map(|group| (&group.resource, &group.schema_url, group.scope_metrics.len())),
            )?;
            for scope in groups.flat_map(|group| &group.scope_metrics) {
                check_scope(&scope.scope, &scope.schema_url, scope.metrics.len())?;
                let mut names = HashSet::new();
                for metric in &scope.metrics {
                    rule(names.insert(&metric.name), || format!("{} comes twice", metric.name))?;
                    check_metric(metric).map_err(|fault| format!("{}: {fault}", metric.name))?;
                }
            }
        }
        Export::Logs(request) => {
            let groups = request.resource_logs.iter();
            check_groups(
                groups.clone().map(|group| (&group.resource, &group.schema_url, group.scope_logs.len())),
            )?;
            for scope in groups.flat_map(|group| &group.scope_logs) {
                check_scope(&scope.scope, &scope.schema_url, scope.log_records.len())?;
                scope.log_records.iter().try_for_each(check_record)?;
            }
        }
        Export::Traces(request) => {
            let groups = request.resource_spans.iter();
            check_groups(
                groups.clone().map(|group| (&group.resource, &group.schema_url, group.scope_spans.len())),
            )?;
            for scope in groups.flat_map(|group| &group.scope_spans) {
                check_scope(&scope.scope, &scope.schema_url, scope.spans.len())?;
                scope.spans.iter().try_for_each(check_span)?;
            }
        }
    }
    Ok(())
}

fn check_groups<'a>(groups: impl Iterator<Item = (&'a Option<Resource>, &'a String, usize)>) -> Checked {
    let mut resources = HashSet::new();
    for (resource, schema, scopes) in groups {
        let Some(resource) = resource else { return Err("a group without resource".to_owned()) };
        rule(scopes > 0, || "a resource without a scope".to_owned())?;
        check_schema(schema)?;
        attributes(&resource.attributes)?;
        let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name");
        rule(service.is_some_and(is_text), || "a resource without service.name".to_owned())?;
        rule(resources.insert(resource.encode_to_vec()), || "a resource comes twice".to_owned())?;
    }
    rule(!resources.is_empty(), || "an empty request".to_owned())
}

fn check_scope(scope: &Option<InstrumentationScope>, schema: &str, items: usize) -> Checked {
    rule(scope.as_ref().is_some_and(|scope| !scope.name.is_empty()), || "a scope without a name".to_owned())?;
    rule(items > 0, || "an empty scope".to_owned())?;
    check_schema(schema)
}

fn check_schema(url: &str) -> Checked {
    rule(url.starts_with("https://opentelemetry.io/schemas/1."), || format!("schema url {url:?}"))
}

fn is_text(attribute: &KeyValue) -> bool {
    let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
    matches!(value, Some(Value::StringValue(text)) if !text.is_empty())
}

fn attributes(all: &[KeyValue]) -> Checked {
    let mut keys = HashSet::new();
    for KeyValue { key, value } in all {
        rule(!key.is_empty(), || "an attribute without a name".to_owned())?;
        rule(keys.insert(key), || format!("the attribute {key} comes twice"))?;
        any(key, value.as_ref())?;
    }
    Ok(())
}

fn any(key: &str, value: Option<&AnyValue>) -> Checked {
    match value.and_then(|value| value.value.as_ref()) {
        None => Err(format!("the attribute {key} has no value")),
        Some(Value::KvlistValue(list)) => attributes(&list.values),
        Some(Value::ArrayValue(array)) => array.values.iter().try_for_each(|value| any(key, Some(value))),
        Some(_) => Ok(()),
    }
}

fn check_metric(metric: &Metric) -> Checked {
    rule(!metric.name.is_empty(), || "no name".to_owned())?;
    rule(points(metric) > 0, || "no data points".to_owned())?;
    let temporality = |value: i32| rule(matches!(value, 1 | 2), || format!("temporality {value}"));
    let mut series = HashSet::new();
    // What waits for a collector is sent together: then a series has several points, of different times.
    let mut once = |all: &[KeyValue], time: u64| {
        attributes(all)?;
        let key: Vec<_> = all.iter().map(prost::Message::encode_to_vec).collect();
        rule(series.insert((key, time)), || "two points of the same attributes and time".to_owned())
    };
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.iter().try_for_each(|point| {
            once(&point.attributes, point.time_unix_nano)?;
            rule(point.time_unix_nano > 0, || "no time".to_owned())?;
            check_number(point).map(drop)
        }),
        Some(Data::Sum(data)) => {
            temporality(data.aggregation_temporality)?;
            data.data_points.iter().try_for_each(|point| {
                once(&point.attributes, point.time_unix_nano)?;
                check_times(point.start_time_unix_nano, point.time_unix_nano)?;
                let number = check_number(point)?;
                rule(!data.is_monotonic || number >= 0.0, || format!("the sum {number}"))
            })
        }
        Some(Data::Histogram(data)) => {
            temporality(data.aggregation_temporality)?;
            data.data_points.iter().try_for_each(|point| {
                once(&point.attributes, point.time_unix_nano)?;
                check_histogram(point)
            })
        }
        Some(Data::ExponentialHistogram(data)) => {
            temporality(data.aggregation_temporality)?;
            data.data_points.iter().try_for_each(|point| {
                once(&point.attributes, point.time_unix_nano)?;
                check_exponential(point)
            })
        }
        Some(Data::Summary(_)) | None => Err("a summary, which is of older instrumentation".to_owned()),
    }
}

fn check_times(start: u64, end: u64) -> Checked {
    rule(start > 0 && end > start, || format!("from {start} to {end}"))
}

fn check_number(point: &NumberDataPoint) -> Result<f64, String> {
    match point.value {
        Some(number_data_point::Value::AsDouble(number)) if number.is_finite() => Ok(number),
        Some(number_data_point::Value::AsInt(number)) => Ok(number as f64),
        other => Err(format!("the value {other:?}")),
    }
}

fn check_spread(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> Checked {
    let (Some(min), Some(max)) = (min, max) else {
        return rule(count == 0 && sum.is_none_or(|sum| sum == 0.0), || "no min and max".to_owned());
    };
    rule(count > 0 && min <= max && min.is_finite() && max.is_finite(), || {
        format!("{min} to {max} of {count}")
    })?;
    let Some(sum) = sum else { return rule(min < 0.0, || "no sum".to_owned()) };
    rule(min >= 0.0, || format!("the sum {sum} with the least {min}, which may fall"))?;
    // Sums are rounded.
    let slack = 1e-9 * count as f64 * max.abs().max(min.abs());
    let fits = sum >= min * count as f64 - slack && sum <= max * count as f64 + slack;
    rule(fits, || format!("the sum {sum} of {count} from {min} to {max}"))
}

fn check_histogram(point: &HistogramDataPoint) -> Checked {
    check_times(point.start_time_unix_nano, point.time_unix_nano)?;
    let (counts, bounds) = (&point.bucket_counts, &point.explicit_bounds);
    rule(counts.len() == bounds.len() + 1, || format!("{} buckets, {} bounds", counts.len(), bounds.len()))?;
    rule(counts.iter().sum::<u64>() == point.count, || format!("{counts:?} are not {}", point.count))?;
    rule(bounds.is_sorted_by(|a, b| a < b), || format!("bounds {bounds:?}"))?;
    check_spread(point.count, point.sum, point.min, point.max)
}

fn check_exponential(point: &ExponentialHistogramDataPoint) -> Checked {
    check_times(point.start_time_unix_nano, point.time_unix_nano)?;
    let mut count = point.zero_count;
    for buckets in [&point.positive, &point.negative].into_iter().flatten() {
        let counts = &buckets.bucket_counts;
        count += counts.iter().sum::<u64>();
        rule(counts.len() <= 160, || format!("{} buckets", counts.len()))?;
        let is_tight = counts.first() != Some(&0) && counts.last() != Some(&0);
        rule(is_tight, || format!("empty buckets at an end: {counts:?}"))?;
    }
    rule(count == point.count, || format!("{count} in buckets, {} in all", point.count))?;
    rule((-10..=20).contains(&point.scale), || format!("scale {}", point.scale))?;
    check_spread(point.count, point.sum, point.min, point.max)
}

fn id(name: &str, id: &[u8], length: usize) -> Checked {
    rule(id.len() == length && id.iter().any(|byte| *byte != 0), || format!("{name} is {id:?}"))
}

fn check_record(record: &LogRecord) -> Checked {
    rule(record.observed_time_unix_nano > 0, || "no observed time".to_owned())?;
    rule((0..=24).contains(&record.severity_number), || format!("severity {}", record.severity_number))?;
    any("body", record.body.as_ref())?;
    attributes(&record.attributes)?;
    if !record.trace_id.is_empty() {
        id("trace_id", &record.trace_id, 16)?;
    }
    if !record.span_id.is_empty() {
        id("span_id", &record.span_id, 8)?;
        rule(!record.trace_id.is_empty(), || "a span_id without a trace_id".to_owned())?;
    }
    Ok(())
}

fn check_span(span: &Span) -> Checked {
    id("trace_id", &span.trace_id, 16)?;
    id("span_id", &span.span_id, 8)?;
    if !span.parent_span_id.is_empty() {
        id("parent_span_id", &span.parent_span_id, 8)?;
        rule(span.parent_span_id != span.span_id, || "a span that is its own parent".to_owned())?;
    }
    rule(!span.name.is_empty(), || "a span without a name".to_owned())?;
    rule((1..=5).contains(&span.kind), || format!("kind {}", span.kind))?;
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    rule(start > 0 && end >= start, || format!("a span from {start} to {end}"))?;
    let code = span.status.as_ref().map_or(0, |status| status.code);
    rule((0..=2).contains(&code), || format!("status {code}"))?;
    attributes(&span.attributes)
}
