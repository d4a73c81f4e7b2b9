//! The protobuf format: each family as a message after its length.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::Timestamp;

use super::PART;
use super::model::{
    Bucket, BucketSpan, Counter, Exemplar, FAMILY_METRIC, Gauge, Histogram, LabelPair, Metric, MetricFamily,
    MetricType,
};
use crate::definition::{Definition, Kind};
use crate::exemplar;
use crate::store::{Family, Native, Series, Snapshot, Span, spans};

/// Writes every metric that has a series, sorted by name, and gives it to `sink` in parts. Metrics have their full
/// names, as in the text format. The length of a family stands before it, so it is in memory as a whole.
///
/// # Errors
///
/// The first error of the sink; nothing is written after it.
pub(crate) fn render<E>(families: &[Family], mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for family in families {
        let definition = family.metric.definition();
        body.clear();
        for (_, series) in family.metric.sorted_series() {
            let metric = metric(definition, &series, labels(family.metric.label_pairs(&series)));
            encode_key(FAMILY_METRIC, WireType::LengthDelimited, &mut body);
            // A vector has room for everything.
            let _ = metric.encode_length_delimited(&mut body);
        }
        if body.is_empty() {
            continue;
        }
        let described = MetricFamily {
            name: Some(definition.name.clone()),
            help: Some(family.help.clone()),
            r#type: Some(metric_type(&definition.kind).into()),
            metric: Vec::new(),
        };
        head.clear();
        // No more than a machine's memory.
        encode_varint((described.encoded_len() + body.len()) as u64, &mut head);
        let _ = described.encode(&mut head);
        sink(&head)?;
        body.chunks(PART).try_for_each(&mut sink)?;
    }
    Ok(())
}

fn metric_type(kind: &Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Distribution(_) => MetricType::Histogram,
    }
}

fn metric(definition: &Definition, series: &Series, label: Vec<LabelPair>) -> Metric {
    let (value, native) = series.full_snapshot();
    let exemplars: Vec<_> = series.exemplars();
    let created_timestamp = Some(timestamp(series.created()));
    match (value, &definition.kind) {
        (Snapshot::Number(value), Kind::Gauge) => {
            Metric { label, gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
        }
        (Snapshot::Number(value), _) => {
            let exemplar = exemplars.last().map(exemplar);
            let counter = Counter { value: Some(value), exemplar, created_timestamp };
            Metric { label, counter: Some(counter), ..Metric::default() }
        }
        (Snapshot::Distribution { buckets, sum }, kind) => {
            let bounds = if let Kind::Distribution(bounds) = kind { &bounds[..] } else { &[] };
            let (bucket, count) = classic(bounds, &buckets, &exemplars);
            let mut histogram = Histogram {
                sample_count: Some(count),
                sample_sum: Some(sum),
                bucket,
                created_timestamp,
                ..Histogram::default()
            };
            if let Some(native) = native {
                add_native(&mut histogram, &native);
                histogram.exemplars = exemplars.iter().map(exemplar).collect();
            }
            Metric { label, histogram: Some(histogram), ..Metric::default() }
        }
    }
}

/// The buckets but for that of everything, which follows from the count, and the count.
fn classic(bounds: &[f64], in_buckets: &[u64], exemplars: &[exemplar::Exemplar]) -> (Vec<Bucket>, u64) {
    let mut buckets = Vec::with_capacity(bounds.len());
    let (mut count, mut lower) = (0, f64::NEG_INFINITY);
    for (bound, in_bucket) in bounds.iter().zip(in_buckets) {
        count += in_bucket;
        let fits = |exemplar: &&exemplar::Exemplar| exemplar.value > lower && exemplar.value <= *bound;
        buckets.push(Bucket {
            cumulative_count: Some(count),
            upper_bound: Some(*bound),
            exemplar: exemplars.iter().rev().find(fits).map(exemplar),
        });
        lower = *bound;
    }
    let above = in_buckets.get(bounds.len()).copied().unwrap_or_default();
    let last = exemplars.iter().rev().find(|exemplar| exemplar.value > lower);
    if let Some(last) = last.filter(|_| !bounds.is_empty()) {
        // It stands in the bucket of everything, which is there only for that.
        buckets.push(Bucket {
            cumulative_count: Some(count + above),
            upper_bound: Some(f64::INFINITY),
            exemplar: Some(exemplar(last)),
        });
    }
    (buckets, count + above)
}

fn add_native(histogram: &mut Histogram, native: &Native) {
    histogram.schema = Some(native.schema);
    // More than 0, by which a reader knows a native histogram that has no bucket yet.
    histogram.zero_threshold = Some(native.zero_threshold);
    histogram.zero_count = Some(native.zero_count);
    let span = |span: Span| BucketSpan { offset: Some(span.offset), length: Some(span.length) };
    let (positive_spans, positive_deltas) = spans(&native.positive);
    let (negative_spans, negative_deltas) = spans(&native.negative);
    histogram.positive_span = positive_spans.into_iter().map(span).collect();
    histogram.positive_delta = positive_deltas;
    histogram.negative_span = negative_spans.into_iter().map(span).collect();
    histogram.negative_delta = negative_deltas;
}

fn labels(pairs: Vec<(String, String)>) -> Vec<LabelPair> {
    pairs.into_iter().map(|(name, value)| LabelPair { name: Some(name), value: Some(value) }).collect()
}

fn exemplar(exemplar: &exemplar::Exemplar) -> Exemplar {
    Exemplar {
        label: labels(exemplar.labels.to_vec()),
        value: Some(exemplar.value),
        timestamp: Some(timestamp(exemplar.at)),
    }
}

fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp {
        seconds: milliseconds.div_euclid(1000),
        // Less than a second.
        nanos: milliseconds.rem_euclid(1000) as i32 * 1_000_000,
    }
}
