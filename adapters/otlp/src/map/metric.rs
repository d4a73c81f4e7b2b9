//! From metric instances to series, and from a harvest of them to data points.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mixer_adapter_sdk::delivery::Collector;
use mixer_adapter_sdk::delivery::aggregate::{
    AggregateOptions, Aggregator, Attribute, Attributes, Kind, NotRecorded, Point, PointValue, Recorded,
    Temporality,
};
use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::wire::Malformed;

use super::{Names, SERVICE_INSTANCE_ID, nanos};
use crate::config::{MetricConfig, Shape};
use crate::map;
use mixer_adapter_sdk::delivery::otlp::{Item, MetricHead, Writer};

/// What OpenTelemetry puts in place of the attributes that found no room.
const OVERFLOW: &str = "otel.metric.overflow";
/// Stands before the names of resource attributes in the attributes of a series, so that they come first and apart.
const RESOURCE_MARK: char = '\u{1}';
/// About what a series takes in memory and in a request.
const SERIES_BYTES: usize = 256;

// Fields of `Metric`, and of its data.
const NAME: u32 = 1;
const DESCRIPTION: u32 = 2;
const UNIT: u32 = 3;
const TEMPORALITY: u32 = 2;
const IS_MONOTONIC: u32 = 3;

/// Why an instance is in no series.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no entry of `metrics` names this instance")]
    UnknownInstance,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it has no value")]
    NoValue,
    #[error("the value {0} is not a number")]
    NotANumber(String),
    #[error("the value {value} is a duration, and the unit {unit:?} is not one of time")]
    UnitOfDuration { value: String, unit: String },
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoValue => "no_value",
            Self::NotANumber(_) => "not_a_number",
            Self::UnitOfDuration { .. } => "unit_of_duration",
            Self::NotRecorded(error) => error.reason(),
        }
    }
}

/// The metrics of a handler, each with its series.
#[derive(Debug)]
pub(crate) struct Metrics {
    names: Arc<Names>,
    instance_id: String,
    by_instance: HashMap<String, Arc<Metric>>,
    /// Each once, whatever the number of its instances.
    metrics: Vec<Arc<Metric>>,
    /// Samples whose attributes were lost to the limits of series, since the last harvest.
    overflowed: AtomicU64,
}

#[derive(Debug)]
struct Metric {
    config: MetricConfig,
    name: Arc<str>,
    kind: Kind,
    head: Arc<MetricHead>,
    series: Aggregator,
}

/// What all metrics of a handler have in common.
pub(crate) struct Common {
    pub(crate) names: Arc<Names>,
    /// Which replica counts: `service.instance.id`.
    pub(crate) instance_id: String,
    pub(crate) temporality: Temporality,
    pub(crate) idle: Duration,
}

impl Metrics {
    pub(crate) fn new(
        metrics: impl IntoIterator<Item = (String, MetricConfig)>,
        common: Common,
        now: SystemTime,
    ) -> Self {
        let Common { names, instance_id, temporality, idle } = common;
        let (mut by_name, mut by_instance) = (BTreeMap::new(), HashMap::new());
        for (instance, config) in metrics {
            let metric = by_name.entry(config.name.clone());
            let metric = metric.or_insert_with(|| Arc::new(Metric::new(config, temporality, idle, now)));
            by_instance.insert(instance, metric.clone());
        }
        let metrics = by_name.into_values().collect();
        Self { names, instance_id, by_instance, metrics, overflowed: AtomicU64::new(0) }
    }

    /// Records the value of an instance that came at this time.
    pub(crate) fn record(
        &self,
        instance: &str,
        view: &MetricView<'_>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let metric = self.by_instance.get(instance).ok_or(Refusal::UnknownInstance)?;
        let value = view.value()?.ok_or(Refusal::NoValue)?;
        let number = metric.number(&value)?;
        let (dimensions, resource) = (view.dimensions(), view.monitored_resource_dimensions());
        // Most instances have only dimensions.
        let alone = view.monitored_resource_type().is_empty() && resource.raw().is_some_and(<[u8]>::is_empty);
        let encoded = dimensions.raw().filter(|_| alone);
        let attributes = || Ok::<_, Refusal>((self.attributes(view)?, dimensions.is_sorted()));
        let sample = (metric.kind, number);
        let recorded = metric.series.record_encoded((&metric.name, encoded), sample, now, attributes)?;
        if recorded == Recorded::Overflow {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn attributes(&self, view: &MetricView<'_>) -> Result<Attributes, Malformed> {
        let names = &*self.names;
        let mut all: Vec<(String, Attribute)> = Vec::new();
        let marked = |name: &str| format!("{RESOURCE_MARK}{name}");
        let kind = view.monitored_resource_type();
        if map::is_told(kind) {
            all.push((marked(map::MONITORED_RESOURCE_TYPE), kind.into()));
        }
        for entry in view.monitored_resource_dimensions() {
            let (name, Some(value)) = entry? else { continue };
            let name = names.of_resource(name).unwrap_or_else(|| names.of_attribute(name));
            all.push((marked(name), attribute(&value)));
        }
        for entry in view.dimensions() {
            let (name, Some(value)) = entry? else { continue };
            let name = match names.of_resource(name) {
                Some(name) => marked(name),
                // Who would use the mark in a name loses it.
                None => names.of_attribute(name.trim_start_matches(RESOURCE_MARK)).to_owned(),
            };
            all.push((name, attribute(&value)));
        }
        Ok(Attributes::new(all.iter().map(|(name, value)| (name.as_str(), value.clone()))))
    }

    fn item(&self, metric: &Metric, point: &Point, end: SystemTime) -> Item {
        let own = point.attributes.iter().filter(|(name, _)| !name.starts_with(RESOURCE_MARK));
        let mut resource = map::Both::new(&self.names).resource;
        resource.put(SERVICE_INSTANCE_ID, self.instance_id.as_str());
        for (name, value) in point.attributes.iter() {
            if let Some(name) = name.strip_prefix(RESOURCE_MARK) {
                resource.put(name, field(value));
            }
        }
        let attributes = |writer: &mut Writer, number: u32| {
            for (name, value) in own {
                writer.message(number, |pair| map::key_value(pair, name, &field(value), false));
            }
        };
        Item::new(
            |writer| resource.write_resource(writer),
            Some(metric.head.clone()),
            |writer| write_point(writer, point, end, attributes),
        )
    }
}

impl Collector for Metrics {
    type Item = Item;

    fn take(&self, now: SystemTime) -> Vec<Item> {
        let overflowed = self.overflowed.swap(0, Ordering::Relaxed);
        if overflowed > 0 {
            tracing::warn!(
                samples = overflowed,
                "there are more series than max_series of a metric; samples went into series without attributes"
            );
        }
        let mut items = Vec::new();
        for metric in &self.metrics {
            let harvest = metric.series.harvest(now);
            items.extend(harvest.points.iter().map(|point| self.item(metric, point, harvest.end)));
        }
        items
    }

    fn level(&self) -> (usize, usize) {
        let series: usize = self.metrics.iter().map(|metric| metric.series.len()).sum();
        (series, series.saturating_mul(SERIES_BYTES))
    }

    fn is_due(&self, _: usize) -> bool {
        // Series are as many after a harvest as before it, soon.
        false
    }
}

impl Metric {
    fn new(config: MetricConfig, temporality: Temporality, idle: Duration, now: SystemTime) -> Self {
        let mut options = AggregateOptions {
            temporality,
            idle,
            max_series: config.max_series,
            overflow_attribute: OVERFLOW.into(),
            ..AggregateOptions::default()
        };
        let (kind, data) = match &config.shape {
            Shape::Sum => (Kind::Count, 7),
            Shape::Gauge => {
                // A gauge that is not told again is not known any more.
                options.temporality = Temporality::Delta;
                (Kind::Gauge, 5)
            }
            Shape::Histogram(bounds) => {
                options.bounds = bounds.clone();
                (Kind::Histogram, 9)
            }
            Shape::Exponential { max_buckets } => {
                options.max_buckets = *max_buckets;
                (Kind::ExponentialHistogram, 10)
            }
        };
        let head = Arc::new(head(&config, data, temporality));
        let name = config.name.as_str().into();
        Self { config, name, kind, head, series: Aggregator::new(options, now) }
    }

    fn number(&self, value: &ValueView<'_>) -> Result<f64, Refusal> {
        let ValueView::Duration(duration) = value else {
            return value.as_f64().ok_or_else(|| Refusal::NotANumber(value.to_string()));
        };
        match self.config.nanos_per_unit {
            Some(nanos) => Ok(duration.nanos() as f64 / nanos),
            None => Err(Refusal::UnitOfDuration { value: value.to_string(), unit: self.config.unit.clone() }),
        }
    }
}

fn head(config: &MetricConfig, data: u32, temporality: Temporality) -> MetricHead {
    let mut fields = Writer::default();
    fields.text(NAME, &config.name);
    fields.text_unless_empty(DESCRIPTION, &config.description);
    fields.text_unless_empty(UNIT, &config.unit);
    let mut tail = Writer::default();
    if config.shape != Shape::Gauge {
        tail.varint(TEMPORALITY, if temporality == Temporality::Delta { 1 } else { 2 });
    }
    if config.shape == Shape::Sum {
        tail.varint(IS_MONOTONIC, 1);
    }
    MetricHead { fields: fields.into_bytes(), data, tail: tail.into_bytes() }
}

/// Texts, integers, finite doubles and bools stay what they are; durations are seconds; everything else is text.
fn attribute(value: &ValueView<'_>) -> Attribute {
    match value {
        ValueView::Int64(number) => Attribute::Int(*number),
        ValueView::Double(number) if number.is_finite() => Attribute::Double(*number),
        ValueView::Bool(value) => Attribute::Bool(*value),
        ValueView::Duration(duration) => Attribute::Double(duration.as_secs_f64()),
        other => Attribute::from(&*other.text()),
    }
}

fn field(attribute: &Attribute) -> map::Field<'_> {
    match attribute {
        Attribute::Text(text) => (&**text).into(),
        Attribute::Int(number) => ValueView::Int64(*number).into(),
        Attribute::Double(number) => ValueView::Double(*number).into(),
        Attribute::Bool(value) => ValueView::Bool(*value).into(),
    }
}

/// `NumberDataPoint`, `HistogramDataPoint` or `ExponentialHistogramDataPoint`: start and time have the same numbers in all.
fn write_point(
    writer: &mut Writer,
    point: &Point,
    end: SystemTime,
    attributes: impl FnOnce(&mut Writer, u32),
) {
    let start = nanos(point.start);
    // A clock that was set back gives no interval that ends before it begins.
    let time = nanos(end).max(start + 1);
    let times = |writer: &mut Writer| {
        writer.fixed64(2, start);
        writer.fixed64(3, time);
    };
    match &point.value {
        PointValue::Gauge(last) => {
            writer.fixed64(3, nanos(point.last));
            writer.double(4, *last);
            attributes(writer, 7);
        }
        PointValue::Count(total) => {
            times(writer);
            writer.double(4, *total);
            attributes(writer, 7);
        }
        PointValue::Histogram { bounds, counts, sum, min, max } => {
            times(writer);
            writer.fixed64(4, counts.iter().sum());
            // With values below 0 a sum may fall, which receivers take for a reset.
            if *min >= 0.0 {
                writer.double(5, *sum);
            }
            writer.packed_fixed64(6, counts.iter().copied());
            writer.packed_fixed64(7, bounds.iter().map(|bound| bound.to_bits()));
            attributes(writer, 9);
            writer.double(11, *min);
            writer.double(12, *max);
        }
        PointValue::ExponentialHistogram(all) => {
            attributes(writer, 1);
            times(writer);
            writer.fixed64(4, all.count);
            if all.min >= 0.0 {
                writer.double(5, all.sum);
            }
            writer.sint32(6, all.scale);
            writer.fixed64(7, all.zero_count);
            for (number, side) in [(8, &all.positive), (9, &all.negative)] {
                if !side.counts.is_empty() {
                    writer.message(number, |buckets| {
                        buckets.sint32(1, side.offset);
                        buckets.packed_varints(2, side.counts.iter().copied());
                    });
                }
            }
            writer.double(12, all.min);
            writer.double(13, all.max);
        }
        // No metric of ours is one.
        PointValue::Summary { .. } => {}
    }
}
