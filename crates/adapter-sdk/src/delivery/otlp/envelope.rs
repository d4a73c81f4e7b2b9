//! Requests: items grouped by resource, and data points by metric. For the three signals the numbers of the fields are the
//! same, so that one function makes all requests.

use std::collections::HashMap;
use std::sync::Arc;

use mixer_proto::otlp::collector::logs::ExportLogsServiceRequest;
use mixer_proto::otlp::collector::metrics::ExportMetricsServiceRequest;
use mixer_proto::otlp::collector::trace::ExportTraceServiceRequest;
use mixer_proto::otlp::metrics::Metric;
use mixer_proto::otlp::metrics::metric::Data;
use prost::Message;

use super::item::{Item, MetricHead, Signal};
use super::wire::Writer;

/// The version of the semantic conventions, for the names that are theirs.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.39.0";

// Request, ResourceMetrics and so on, ScopeMetrics and so on, InstrumentationScope.
const RESOURCE_GROUP: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_GROUP: u32 = 2;
const SCOPE: u32 = 1;
const CONTENT: u32 = 2;
const SCHEMA: u32 = 3;
const NAME: u32 = 1;
const VERSION: u32 = 2;
const POINT: u32 = 1;

/// The items of one resource: those without a metric, and those of each metric, in the order in which they came.
#[derive(Default)]
struct Group<'a> {
    plain: Vec<&'a [u8]>,
    metrics: Vec<(&'a MetricHead, Vec<&'a [u8]>)>,
    places: HashMap<&'a MetricHead, usize>,
}

/// Encodes an `Export*ServiceRequest` of a scope of this name. Nobody calls it without items.
pub(super) fn encode(scope: &str, items: &[Item]) -> Vec<u8> {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut groups: Vec<(&[u8], Group<'_>)> = Vec::new();
    for item in items {
        let place = *places.entry(item.resource()).or_insert_with(|| {
            groups.push((item.resource(), Group::default()));
            groups.len() - 1
        });
        let Some((_, group)) = groups.get_mut(place) else { continue };
        let Some(metric) = &item.metric else {
            group.plain.push(item.content());
            continue;
        };
        let place = *group.places.entry(&**metric).or_insert_with(|| {
            group.metrics.push((metric, Vec::new()));
            group.metrics.len() - 1
        });
        if let Some((_, points)) = group.metrics.get_mut(place) {
            points.push(item.content());
        }
    }
    let size: usize = items.iter().map(Item::size).sum();
    let mut writer = Writer::with_capacity(size + 1024);
    for (resource, group) in &groups {
        writer.message(RESOURCE_GROUP, |writer| {
            writer.bytes(RESOURCE, resource);
            writer.message(SCOPE_GROUP, |writer| scope_group(writer, scope, group));
            writer.text(SCHEMA, SCHEMA_URL);
        });
    }
    writer.into_bytes()
}

fn scope_group(writer: &mut Writer, name: &str, group: &Group<'_>) {
    writer.message(SCOPE, |scope| {
        scope.text(NAME, name);
        scope.text(VERSION, env!("CARGO_PKG_VERSION"));
    });
    for content in &group.plain {
        writer.bytes(CONTENT, content);
    }
    for (head, points) in &group.metrics {
        writer.message(CONTENT, |metric| {
            metric.raw(&head.fields);
            metric.message(head.data, |data| {
                for point in points {
                    data.bytes(POINT, point);
                }
                data.raw(&head.tail);
            });
        });
    }
    writer.text(SCHEMA, SCHEMA_URL);
}

/// The items of a request that [`encode`] has made, none when it is no request.
pub(super) fn decode(signal: Signal, request: &[u8]) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut add = |resource: &[u8], metric: Option<Arc<MetricHead>>, content: Vec<u8>| {
        items.push(Item::new(|writer| writer.raw(resource), metric, |writer| writer.raw(&content)));
    };
    match signal {
        Signal::Metrics => {
            for group in ExportMetricsServiceRequest::decode(request).ok()?.resource_metrics {
                let resource = group.resource.unwrap_or_default().encode_to_vec();
                for metric in group.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                    let (head, points) = taken_apart(metric)?;
                    let head = Arc::new(head);
                    points.into_iter().for_each(|point| add(&resource, Some(head.clone()), point));
                }
            }
        }
        Signal::Logs => {
            for group in ExportLogsServiceRequest::decode(request).ok()?.resource_logs {
                let resource = group.resource.unwrap_or_default().encode_to_vec();
                let records = group.scope_logs.into_iter().flat_map(|scope| scope.log_records);
                records.for_each(|record| add(&resource, None, record.encode_to_vec()));
            }
        }
        Signal::Traces => {
            for group in ExportTraceServiceRequest::decode(request).ok()?.resource_spans {
                let resource = group.resource.unwrap_or_default().encode_to_vec();
                let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.for_each(|span| add(&resource, None, span.encode_to_vec()));
            }
        }
    }
    Some(items)
}

fn taken_apart(metric: Metric) -> Option<(MetricHead, Vec<Vec<u8>>)> {
    fn encoded<M: Message>(points: &mut Vec<M>) -> Vec<Vec<u8>> {
        points.drain(..).map(|point| point.encode_to_vec()).collect()
    }
    let (data, points, tail) = match metric.data.clone()? {
        Data::Gauge(mut data) => (5, encoded(&mut data.data_points), data.encode_to_vec()),
        Data::Sum(mut data) => (7, encoded(&mut data.data_points), data.encode_to_vec()),
        Data::Histogram(mut data) => (9, encoded(&mut data.data_points), data.encode_to_vec()),
        Data::ExponentialHistogram(mut data) => (10, encoded(&mut data.data_points), data.encode_to_vec()),
        Data::Summary(mut data) => (11, encoded(&mut data.data_points), data.encode_to_vec()),
    };
    let fields = Metric { data: None, ..metric }.encode_to_vec();
    Some((MetricHead { fields, data, tail }, points))
}
