//! From snapshots of series to a request of Remote-Write 2.0, and from that to one of 1.0.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::message::{
    BucketSpan, Exemplar, Histogram, Label, Metadata, MetricMetadata, MetricType, OldExemplar, OldTimeSeries,
    Request, Sample, TimeSeries, WriteRequest,
};
use super::snapshot::{Item, Point};
use crate::definition::Kind;
use crate::exemplar;
use crate::exposition::bound_text;
use crate::store::{Native, Snapshot, Span, spans};

const NAME: &str = "__name__";
const BUCKET: &str = "le";

/// The value by which a series ends. (Remote-Write 2.0, "Samples and Histogram Samples".)
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A value that is not a number, other than the end of a series.
const NOT_A_NUMBER: u64 = 0x7ff8_0000_0000_0001;

/// What of the series is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) exemplars: bool,
    pub(super) native_histograms: bool,
}

/// A request of the items in their order.
pub(super) fn request(items: &[Item], parts: Parts) -> Request {
    let mut writer =
        Writer { parts, symbols: Symbols::default(), timeseries: Vec::with_capacity(items.len()) };
    writer.symbols.of("");
    for item in items {
        writer.item(item);
    }
    Request { symbols: writer.symbols.texts, timeseries: writer.timeseries }
}

/// The same with those texts alone that its series use.
pub(super) fn without_unused_symbols(mut request: Request) -> Request {
    let mut symbols = Symbols::default();
    symbols.of("");
    let texts = std::mem::take(&mut request.symbols);
    let mut renumber = |place: &mut u32| {
        let text = usize::try_from(*place).ok().and_then(|place| texts.get(place));
        *place = symbols.of(text.map_or("", String::as_str));
    };
    for series in &mut request.timeseries {
        series.labels_refs.iter_mut().for_each(&mut renumber);
        for exemplar in &mut series.exemplars {
            exemplar.labels_refs.iter_mut().for_each(&mut renumber);
        }
        if let Some(metadata) = &mut series.metadata {
            renumber(&mut metadata.help_ref);
            renumber(&mut metadata.unit_ref);
        }
    }
    Request { symbols: symbols.texts, ..request }
}

/// The texts of a request, each once.
#[derive(Debug, Default)]
struct Symbols {
    texts: Vec<String>,
    places: HashMap<String, u32, RandomState>,
}

impl Symbols {
    fn of(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        // A request is much smaller than that.
        let place = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    fn pairs<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u32> {
        pairs.into_iter().flat_map(|(name, value)| [self.of(name), self.of(value)]).collect()
    }
}

/// Which of the series of a metric it is.
#[derive(Clone, Copy)]
struct Name<'a> {
    suffix: &'static str,
    /// The label of a bucket.
    bucket: Option<&'a str>,
}

impl Name<'_> {
    fn of(suffix: &'static str) -> Self {
        Self { suffix, bucket: None }
    }
}

struct Writer {
    parts: Parts,
    symbols: Symbols,
    timeseries: Vec<TimeSeries>,
}

impl Writer {
    fn item(&mut self, item: &Item) {
        let definition = &item.family.definition;
        match &definition.kind {
            Kind::Counter | Kind::Gauge => {
                let value = match &item.point {
                    Point::Value(Snapshot::Number(value), _) => *value,
                    Point::Value(Snapshot::Distribution { .. }, _) => return,
                    Point::Ended => f64::from_bits(STALE),
                };
                self.sample(item, Name::of(""), value, item.exemplars.last());
            }
            Kind::Distribution(bounds) => {
                self.classic(item, bounds);
                if definition.native.is_some() && self.parts.native_histograms {
                    self.native(item);
                }
            }
        }
    }

    /// A series for each bucket, the sum and the count.
    fn classic(&mut self, item: &Item, bounds: &[f64]) {
        let (in_buckets, sum) = match &item.point {
            Point::Value(Snapshot::Distribution { buckets, sum }, _) => (&buckets[..], *sum),
            Point::Value(Snapshot::Number(_), _) | Point::Ended => (&[][..], 0.0),
        };
        let ended = matches!(item.point, Point::Ended);
        let value = |value: f64| if ended { f64::from_bits(STALE) } else { value };
        let (mut count, mut lower) = (0u64, f64::NEG_INFINITY);
        for (index, bound) in bounds.iter().copied().chain([f64::INFINITY]).enumerate() {
            count += in_buckets.get(index).copied().unwrap_or_default();
            let fits = |exemplar: &&exemplar::Exemplar| exemplar.value > lower && exemplar.value <= bound;
            let exemplar = item.exemplars.iter().rev().find(fits);
            let bound_text = bound_text(bound);
            let name = Name { suffix: "_bucket", bucket: Some(&bound_text) };
            self.sample(item, name, value(count as f64), exemplar);
            lower = bound;
        }
        self.sample(item, Name::of("_sum"), value(sum), None);
        self.sample(item, Name::of("_count"), value(count as f64), None);
    }

    fn sample(&mut self, item: &Item, name: Name<'_>, value: f64, exemplar: Option<&exemplar::Exemplar>) {
        let is_plain_nan = value.is_nan() && value.to_bits() != STALE;
        let value = if is_plain_nan { f64::from_bits(NOT_A_NUMBER) } else { value };
        let cumulative = item.family.definition.kind != Kind::Gauge;
        let start_timestamp = if cumulative { item.series.created } else { 0 };
        let labels_refs = self.labels(item, name);
        let exemplars = exemplar.filter(|_| self.parts.exemplars).map(|exemplar| self.exemplar(exemplar));
        let series = TimeSeries {
            labels_refs,
            samples: vec![Sample { value, timestamp: item.at, start_timestamp }],
            histograms: Vec::new(),
            exemplars: exemplars.into_iter().collect(),
            metadata: Some(self.metadata(item)),
        };
        self.timeseries.push(series);
    }

    fn native(&mut self, item: &Item) {
        let (timestamp, start_timestamp) = (item.at, item.series.created);
        let histogram = match &item.point {
            Point::Value(Snapshot::Distribution { sum, .. }, Some(native)) => {
                Histogram { timestamp, start_timestamp, ..histogram(native, *sum) }
            }
            Point::Value(..) => return,
            Point::Ended => Histogram {
                timestamp,
                start_timestamp,
                sum: f64::from_bits(STALE),
                count_int: Some(0),
                zero_count_int: Some(0),
                ..Histogram::default()
            },
        };
        let labels_refs = self.labels(item, Name::of(""));
        let exemplars = match self.parts.exemplars {
            true => item.exemplars.iter().map(|exemplar| self.exemplar(exemplar)).collect(),
            false => Vec::new(),
        };
        let metadata = Some(self.metadata(item));
        let histograms = vec![histogram];
        self.timeseries.push(TimeSeries {
            labels_refs,
            samples: Vec::new(),
            histograms,
            exemplars,
            metadata,
        });
    }

    fn labels(&mut self, item: &Item, Name { suffix, bucket }: Name<'_>) -> Vec<u32> {
        let name = format!("{}{suffix}", item.family.definition.name);
        let mut labels = vec![(NAME, name.as_str())];
        labels.extend(bucket.map(|bound| (BUCKET, bound)));
        for (name, value) in &item.series.labels {
            // An external label may have this name.
            if bucket.is_none() || name != BUCKET {
                labels.push((name, value));
            }
        }
        labels.sort_unstable();
        self.symbols.pairs(labels)
    }

    fn exemplar(&mut self, exemplar: &exemplar::Exemplar) -> Exemplar {
        let labels = exemplar.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Exemplar { labels_refs: self.symbols.pairs(labels), value: exemplar.value, timestamp: exemplar.at }
    }

    fn metadata(&mut self, item: &Item) -> Metadata {
        let metric_type = match item.family.definition.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Distribution(_) => MetricType::Histogram,
        };
        Metadata { r#type: metric_type.into(), help_ref: self.symbols.of(&item.family.help), unit_ref: 0 }
    }
}

fn histogram(native: &Native, sum: f64) -> Histogram {
    let span = |span: Span| BucketSpan { offset: span.offset, length: span.length };
    let (positive_spans, positive_deltas) = spans(&native.positive);
    let (negative_spans, negative_deltas) = spans(&native.negative);
    Histogram {
        count_int: Some(native.count()),
        sum,
        schema: native.schema,
        zero_threshold: native.zero_threshold,
        zero_count_int: Some(native.zero_count),
        negative_spans: negative_spans.into_iter().map(span).collect(),
        negative_deltas,
        positive_spans: positive_spans.into_iter().map(span).collect(),
        positive_deltas,
        ..Histogram::default()
    }
}

/// The same for a receiver of 1.0, which has no texts of its own and no start times.
pub(super) fn downgraded(request: &Request) -> WriteRequest {
    let text = |place: u32| {
        let text = usize::try_from(place).ok().and_then(|place| request.symbols.get(place));
        text.cloned().unwrap_or_default()
    };
    let labels = |refs: &[u32]| -> Vec<Label> {
        let (pairs, _) = refs.as_chunks::<2>();
        pairs.iter().map(|[name, value]| Label { name: text(*name), value: text(*value) }).collect()
    };
    let mut old = WriteRequest::default();
    let mut described = HashSet::new();
    for series in &request.timeseries {
        let labels_of = labels(&series.labels_refs);
        let name = labels_of.iter().find(|label| label.name == NAME).map_or("", |label| &label.value);
        if let Some(metadata) = &series.metadata {
            let family = family_name(name, metadata);
            if described.insert(family.to_owned()) {
                old.metadata.push(MetricMetadata {
                    r#type: metadata.r#type,
                    metric_family_name: family.to_owned(),
                    help: text(metadata.help_ref),
                });
            }
        }
        let exemplar = |exemplar: &Exemplar| OldExemplar {
            labels: labels(&exemplar.labels_refs),
            value: exemplar.value,
            timestamp: exemplar.timestamp,
        };
        old.timeseries.push(OldTimeSeries {
            samples: series.samples.iter().map(|sample| Sample { start_timestamp: 0, ..*sample }).collect(),
            exemplars: series.exemplars.iter().map(exemplar).collect(),
            histograms: series
                .histograms
                .iter()
                .map(|histogram| Histogram { start_timestamp: 0, ..histogram.clone() })
                .collect(),
            labels: labels_of,
        });
    }
    old
}

/// The name of a metric from that of one of its series.
fn family_name<'a>(name: &'a str, metadata: &Metadata) -> &'a str {
    if metadata.r#type() != MetricType::Histogram {
        return name;
    }
    let stripped = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    stripped.unwrap_or(name)
}
