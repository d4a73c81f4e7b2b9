//! What is measured: samples of each type, and how they are put together.

use mixer_adapter_sdk::value::ValueView;

use crate::config::{Buckets, Kind, Metric, ValueType};
use crate::refusal::Refusal;

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    /// A value of a distribution.
    Part(f64),
}

impl Sample {
    /// The value of an instance as the metric wants it.
    pub(crate) fn of(metric: &Metric, value: &ValueView<'_>) -> Result<Self, Refusal> {
        let wrong = |wanted| Refusal::WrongValue(value.to_string(), wanted);
        let own = match value {
            ValueView::Bool(_) => ValueType::Bool,
            ValueView::Int64(_) | ValueView::Duration(_) | ValueView::Timestamp(_) => ValueType::Int64,
            ValueView::Double(_) => ValueType::Double,
            _ => ValueType::String,
        };
        match metric.value.unwrap_or(own) {
            ValueType::Bool => match (value.as_bool(), value.as_str()) {
                (Some(truth), _) => Ok(Self::Bool(truth)),
                (None, Some("true")) => Ok(Self::Bool(true)),
                (None, Some("false")) => Ok(Self::Bool(false)),
                _ => Err(wrong("bool")),
            },
            ValueType::Int64 => whole(value).map(Self::Int).ok_or_else(|| wrong("number without fraction")),
            ValueType::Double => finite(number(value).ok_or_else(|| wrong("number"))?).map(Self::Double),
            ValueType::Distribution => finite(number(value).ok_or_else(|| wrong("number"))?).map(Self::Part),
            ValueType::String => Ok(Self::Text(value.text().into_owned())),
        }
    }

    pub(crate) fn value_type(&self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::Int(_) => ValueType::Int64,
            Self::Double(_) => ValueType::Double,
            Self::Text(_) => ValueType::String,
            Self::Part(_) => ValueType::Distribution,
        }
    }

    /// Whether a sum would go down. A distribution counts, whatever its values are.
    pub(crate) fn is_negative(&self) -> bool {
        match self {
            Self::Int(number) => *number < 0,
            Self::Double(number) => *number < 0.0,
            Self::Bool(_) | Self::Text(_) | Self::Part(_) => false,
        }
    }
}

/// A number without fraction; moments and durations in microseconds.
fn whole(value: &ValueView<'_>) -> Option<i64> {
    match value {
        ValueView::Int64(number) => Some(*number),
        ValueView::Duration(duration) => Some(duration.nanos() / 1000),
        ValueView::Timestamp(time) => {
            time.seconds().checked_mul(1_000_000)?.checked_add(i64::from(time.subsec_nanos() / 1000))
        }
        // 2^63 is the first number that is too large.
        ValueView::Double(number) if number.is_finite() && number.abs() < 9_223_372_036_854_775_808.0 => {
            Some(number.round() as i64)
        }
        ValueView::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number; durations in milliseconds.
fn number(value: &ValueView<'_>) -> Option<f64> {
    match value {
        ValueView::Duration(duration) => Some(duration.nanos() as f64 / 1e6),
        other => other.as_f64(),
    }
}

fn finite(number: f64) -> Result<f64, Refusal> {
    if number.is_finite() { Ok(number) } else { Err(Refusal::NotFinite) }
}

/// What is known of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Distribution(Distribution),
}

impl Value {
    /// Nothing yet.
    pub(crate) fn new(value: ValueType, metric: &Metric) -> Self {
        match value {
            ValueType::Bool => Self::Bool(false),
            ValueType::Int64 => Self::Int(0),
            ValueType::Double => Self::Double(0.0),
            ValueType::String => Self::Text(String::new()),
            ValueType::Distribution => Self::Distribution(Distribution::new(metric.buckets.as_deref())),
        }
    }

    /// Adds a sample up, or of a gauge keeps the last one. A distribution has all of them.
    pub(crate) fn add(&mut self, metric: &Metric, sample: &Sample) {
        let gauge = metric.kind == Kind::Gauge;
        match (&mut *self, sample) {
            (Self::Distribution(all), Sample::Part(number)) => all.add(*number, metric.buckets.as_deref()),
            (Self::Int(sum), Sample::Int(number)) if !gauge => *sum = sum.saturating_add(*number),
            (Self::Double(sum), Sample::Double(number)) if !gauge => {
                *sum = (*sum + number).clamp(f64::MIN, f64::MAX);
            }
            (_, Sample::Bool(value)) => *self = Self::Bool(*value),
            (_, Sample::Int(number)) => *self = Self::Int(*number),
            (_, Sample::Double(number)) => *self = Self::Double(*number),
            (_, Sample::Text(text)) => *self = Self::Text(text.clone()),
            // A series has samples of one type.
            (_, Sample::Part(_)) => {}
        }
    }

    /// Begins again.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Int(sum) => *sum = 0,
            Self::Double(sum) => *sum = 0.0,
            Self::Distribution(all) => all.clear(),
            Self::Bool(_) | Self::Text(_) => {}
        }
    }

    /// Begins again when it is a distribution: that of a gauge is about one interval.
    pub(crate) fn clear_distribution(&mut self) {
        if let Self::Distribution(all) = self {
            all.clear();
        }
    }
}

/// How values are distributed: google.api.Distribution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) count: i64,
    pub(crate) mean: f64,
    pub(crate) sum_of_squared_deviation: f64,
    /// One for each bucket, those below and above included; empty without buckets.
    pub(crate) counts: Vec<i64>,
}

impl Distribution {
    pub(crate) fn new(buckets: Option<&Buckets>) -> Self {
        let counts = buckets.map(|buckets| vec![0; buckets.bounds.len() + 1]).unwrap_or_default();
        Self { count: 0, mean: 0.0, sum_of_squared_deviation: 0.0, counts }
    }

    /// Adds a value by the method of Welford, as the API's documentation gives it.
    pub(crate) fn add(&mut self, value: f64, buckets: Option<&Buckets>) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        let deviation = self.sum_of_squared_deviation + before * (value - self.mean);
        self.sum_of_squared_deviation = deviation.min(f64::MAX);
        if let Some(count) = buckets.and_then(|buckets| self.counts.get_mut(buckets.index(value))) {
            *count += 1;
        }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.mean = 0.0;
        self.sum_of_squared_deviation = 0.0;
        self.counts.fill(0);
    }
}
