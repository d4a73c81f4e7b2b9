//! Makes series of samples: one for each name, kind and set of attributes, of which a harvest takes the points. Bounded in
//! series; what finds no room goes, without its attributes, into an overflow series, so that totals stay right.

mod attributes;
mod exponential;
mod series;
mod table;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::typed::DropReason;
use series::Series;
use table::Table;

pub use attributes::{Attribute, Attributes};
pub use exponential::{ExponentialBuckets, ExponentialHistogram};
pub use series::PointValue;

/// What a sample is a sample of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A number that is added up.
    Count,
    /// The last number counts.
    Gauge,
    /// Number, sum, least and largest.
    Summary,
    /// How many fell into each bucket.
    Histogram,
    /// The same, with buckets that follow the samples.
    ExponentialHistogram,
}

/// What a point of a count, a summary or a histogram covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// What came since the last harvest. Every harvest begins anew.
    #[default]
    Delta,
    /// Everything since the series began. Every harvest has all series.
    Cumulative,
}

/// How samples are kept.
#[derive(Clone, Debug)]
pub struct AggregateOptions {
    /// What a point covers.
    pub temporality: Temporality,
    /// The most series, not counting those of overflow.
    pub max_series: usize,
    /// Age of the last sample at which a cumulative series ends.
    pub idle: Duration,
    /// Upper bounds of the buckets of histograms, rising; above the last one there is one bucket more.
    pub bounds: Arc<[f64]>,
    /// The most buckets of exponential histograms on each side of 0; at least two.
    pub max_buckets: usize,
    /// The one attribute of overflow series, which is `true`.
    pub overflow_attribute: Arc<str>,
}

impl Default for AggregateOptions {
    /// Deltas of 10,000 series; ten minutes; the buckets of Prometheus; 160 exponential buckets, as in OpenTelemetry.
    fn default() -> Self {
        Self {
            temporality: Temporality::Delta,
            max_series: 10_000,
            idle: Duration::from_secs(600),
            bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0].into(),
            max_buckets: 160,
            overflow_attribute: "overflow".into(),
        }
    }
}

/// A sample that is in no series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// It is an infinity, or not a number.
    #[error("the value is not finite")]
    NotFinite,
    /// A count does not go down.
    #[error("the value of a count is negative")]
    NegativeCount,
    /// There are as many series as may be, and as many overflow series.
    #[error("there are too many series, and too many names of metrics")]
    SeriesLimit,
}

impl DropReason for NotRecorded {
    fn reason(&self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::NegativeCount => "negative_count",
            Self::SeriesLimit => "series_limit",
        }
    }
}

/// Where a sample went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Into the series of its attributes.
    Series,
    /// Into the overflow series of its name.
    Overflow,
}

/// One series at a harvest.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Name of the metric.
    pub name: Arc<str>,
    /// The attributes, sorted.
    pub attributes: Attributes,
    /// Beginning of what the point covers: the last harvest, or of a cumulative series the last one before its first sample.
    pub start: SystemTime,
    /// When the last sample came.
    pub last: SystemTime,
    /// What was recorded.
    pub value: PointValue,
}

/// What was recorded until a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Harvest {
    /// When the harvest before was.
    pub start: SystemTime,
    /// Now.
    pub end: SystemTime,
    /// The series, in no order.
    pub points: Vec<Point>,
}

/// Collects samples. It looks at no clock: the caller says when.
#[derive(Debug)]
pub struct Aggregator {
    options: AggregateOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: SystemTime,
    series: Table,
    overflow: HashMap<Key, Series>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    name: Arc<str>,
    kind: Kind,
    attributes: Attributes,
}

impl Aggregator {
    /// Begins now.
    pub fn new(options: AggregateOptions, now: SystemTime) -> Self {
        let series = Table::new(options.max_series);
        let state = State { since: now, series, overflow: HashMap::new() };
        Self { options, state: Mutex::new(state) }
    }

    /// Takes a sample.
    ///
    /// # Errors
    ///
    /// It is in no series.
    pub fn record(
        &self,
        name: &Arc<str>,
        attributes: Attributes,
        sample: (Kind, f64),
        now: SystemTime,
    ) -> Result<Recorded, NotRecorded> {
        check(sample)?;
        let key = Key { name: name.clone(), kind: sample.0, attributes };
        self.add(&mut self.state.lock(), key, (sample.1, now)).map(|(recorded, _)| recorded)
    }

    /// Takes a sample whose attributes are made of bytes, as those of an instance's dimensions. Bytes that were seen before
    /// are not looked at again. With new ones, and without any, `make` makes the attributes, and says whether it would make
    /// the same of the same bytes with the same effects, so that it need not be asked again.
    ///
    /// # Errors
    ///
    /// It is in no series, or `make` fails.
    pub fn record_encoded<E: From<NotRecorded>>(
        &self,
        (name, encoded): (&Arc<str>, Option<&[u8]>),
        sample: (Kind, f64),
        now: SystemTime,
        make: impl FnOnce() -> Result<(Attributes, bool), E>,
    ) -> Result<Recorded, E> {
        check(sample)?;
        let (kind, value) = sample;
        if let Some(bytes) = encoded
            && let Some(series) = self.state.lock().series.known((name, kind), bytes)
        {
            series.add(value, now);
            return Ok(Recorded::Series);
        }
        let (attributes, lasting) = make()?;
        let key = Key { name: name.clone(), kind, attributes };
        let mut state = self.state.lock();
        let (recorded, place) = self.add(&mut state, key, (value, now))?;
        if let Some((bytes, place)) = encoded.zip(place).filter(|_| lasting) {
            state.series.remember(place, bytes);
        }
        Ok(recorded)
    }

    /// Adds a value to a series, and says where it is, if not in overflow.
    fn add(
        &self,
        state: &mut State,
        key: Key,
        (value, now): (f64, SystemTime),
    ) -> Result<(Recorded, Option<usize>), NotRecorded> {
        // A series that nobody has seen yet was at zero at the last harvest.
        let (kind, since) = (key.kind, state.since);
        let begin = || Series::new(kind, &self.options, since);
        let place = state.series.place(&key, begin);
        if let Some(series) = place.and_then(|place| state.series.at(place)) {
            series.add(value, now);
            return Ok((Recorded::Series, place));
        }
        let attributes = Attributes::new([(&*self.options.overflow_attribute, Attribute::Bool(true))]);
        let key = Key { attributes, ..key };
        if !state.overflow.contains_key(&key) && state.overflow.len() >= self.options.max_series.max(1) {
            return Err(NotRecorded::SeriesLimit);
        }
        state.overflow.entry(key).or_insert_with(begin).add(value, now);
        Ok((Recorded::Overflow, None))
    }

    /// How many series there are, those of overflow included.
    pub fn len(&self) -> usize {
        let state = self.state.lock();
        state.series.len() + state.overflow.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what was recorded, and ends cumulative series that are idle.
    pub fn harvest(&self, now: SystemTime) -> Harvest {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let start = std::mem::replace(&mut state.since, now);
        let points = match self.options.temporality {
            Temporality::Delta => {
                let (series, overflow) = (state.series.take(), std::mem::take(&mut state.overflow));
                drop(guard);
                series.chain(overflow).map(|(key, series)| series.into_point(key)).collect()
            }
            Temporality::Cumulative => {
                let idle = self.options.idle;
                // A clock that was set back makes nothing idle.
                let live = |series: &Series| now.duration_since(series.last()).unwrap_or_default() < idle;
                state.series.retain(live);
                state.overflow.retain(|_, series| live(series));
                let all = state.series.iter().chain(&state.overflow);
                all.map(|(key, series)| series.clone().into_point(key.clone())).collect()
            }
        };
        Harvest { start, end: now, points }
    }
}

/// Whether a sample can be in a series.
fn check((kind, value): (Kind, f64)) -> Result<(), NotRecorded> {
    if !value.is_finite() {
        return Err(NotRecorded::NotFinite);
    }
    if kind == Kind::Count && value < 0.0 {
        return Err(NotRecorded::NegativeCount);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
