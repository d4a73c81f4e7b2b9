//! The rules over several requests: what a series says later must follow from what it said before.

use std::collections::HashMap;

use mixer_proto::otlp::collector::metrics::ExportMetricsServiceRequest;
use mixer_proto::otlp::common::KeyValue;
use mixer_proto::otlp::metrics::metric::Data;
use mixer_proto::otlp::metrics::{Metric, number_data_point};
use prost::Message as _;

const DELTA: i32 = 1;

/// The last point of each series.
#[derive(Debug, Default)]
pub(super) struct Series(HashMap<Vec<u8>, Last>);

/// What must not go back: start, time, and how much was counted.
#[derive(Clone, Copy, Debug)]
struct Last {
    start: u64,
    time: u64,
    total: f64,
}

impl Series {
    /// Checks the sums and histograms of a request, and keeps where they are.
    pub(super) fn check(&mut self, request: &ExportMetricsServiceRequest) -> Result<(), String> {
        for group in &request.resource_metrics {
            let resource = group.resource.as_ref().map(prost::Message::encode_to_vec).unwrap_or_default();
            for metric in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                for (attributes, temporality, last) in points(metric) {
                    let mut key = resource.clone();
                    key.extend(metric.name.as_bytes());
                    attributes.iter().for_each(|attribute| key.extend(attribute.encode_to_vec()));
                    let fault = self.0.get(&key).and_then(|known| fault(*known, last, temporality));
                    if let Some(fault) = fault {
                        return Err(format!("{}: {fault}", metric.name));
                    }
                    self.0.insert(key, last);
                }
            }
        }
        Ok(())
    }
}

fn points(metric: &Metric) -> Vec<(&[KeyValue], i32, Last)> {
    let count = |count: u64| count as f64;
    match &metric.data {
        Some(Data::Sum(data)) if data.is_monotonic => {
            let points = data.data_points.iter().map(|point| {
                let total = match point.value {
                    Some(number_data_point::Value::AsDouble(number)) => number,
                    Some(number_data_point::Value::AsInt(number)) => number as f64,
                    None => 0.0,
                };
                let last = Last { start: point.start_time_unix_nano, time: point.time_unix_nano, total };
                (&*point.attributes, data.aggregation_temporality, last)
            });
            points.collect()
        }
        Some(Data::Histogram(data)) => {
            let points = data.data_points.iter().map(|point| {
                let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
                let last = Last { start, time, total: count(point.count) };
                (&*point.attributes, data.aggregation_temporality, last)
            });
            points.collect()
        }
        Some(Data::ExponentialHistogram(data)) => {
            let points = data.data_points.iter().map(|point| {
                let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
                let last = Last { start, time, total: count(point.count) };
                (&*point.attributes, data.aggregation_temporality, last)
            });
            points.collect()
        }
        _ => Vec::new(),
    }
}

fn fault(known: Last, now: Last, temporality: i32) -> Option<String> {
    if temporality == DELTA {
        // One interval begins where the last one has ended, or later.
        return (now.start < known.time).then(|| format!("intervals overlap: {known:?} {now:?}"));
    }
    if now.time <= known.time {
        return Some(format!("time does not go on: {known:?} {now:?}"));
    }
    if now.start == known.start {
        return (now.total < known.total).then(|| format!("falls without a new start: {known:?} {now:?}"));
    }
    (now.start < known.time).then(|| format!("starts anew before its last point: {known:?} {now:?}"))
}
