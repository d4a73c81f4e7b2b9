//! What becomes of a metric instance, checked.

use std::sync::Arc;

use mixer_adapter_sdk::params::Problems;

use crate::generated::params::Metric;
use crate::generated::params::metric::Type;

/// The longest name of an instrument.
const MAX_NAME: usize = 255;
const DEFAULT_MAX_SERIES: i64 = 2000;
const DEFAULT_MAX_BUCKETS: i64 = 160;
/// Buckets that one series may have, so that a typing error does not take the memory.
const MOST_BUCKETS: i64 = 10_000;

/// The default bounds of OpenTelemetry, for values that may be milliseconds.
const BOUNDS: &[f64] =
    &[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];
/// What the semantic conventions advise for durations in seconds.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// How values are put together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Sum,
    Gauge,
    Histogram(Arc<[f64]>),
    Exponential { max_buckets: usize },
}

/// A metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricConfig {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) description: String,
    pub(crate) shape: Shape,
    pub(crate) max_series: usize,
    /// What the nanoseconds of a duration are divided by; none when the unit is not one of time.
    pub(crate) nanos_per_unit: Option<f64>,
}

pub(super) fn check(field: &str, metric: &Metric, problems: &mut Problems) -> Option<MetricConfig> {
    let before = problems.len();
    if let Err(why) = check_name(&metric.name) {
        problems.add(format!("{field}.name"), why);
    }
    if !metric.unit.is_ascii() || metric.unit.len() > 63 {
        problems.add(format!("{field}.unit"), "must be at most 63 characters of ASCII, as UCUM writes units");
    }
    let max_buckets =
        problems.at_least(&format!("{field}.max_buckets"), metric.max_buckets, 2, DEFAULT_MAX_BUCKETS);
    if max_buckets > MOST_BUCKETS {
        problems.add(format!("{field}.max_buckets"), format!("is more than {MOST_BUCKETS}"));
    }
    let kind = Type::try_from(metric.r#type);
    if !metric.bounds.is_empty() && kind != Ok(Type::Histogram) {
        problems.add(format!("{field}.bounds"), "only a HISTOGRAM has them");
    }
    if metric.max_buckets.is_some() && kind != Ok(Type::ExponentialHistogram) {
        problems.add(format!("{field}.max_buckets"), "only an EXPONENTIAL_HISTOGRAM has them");
    }
    let shape = match kind {
        Ok(Type::Sum) => Shape::Sum,
        Ok(Type::Gauge) => Shape::Gauge,
        Ok(Type::Histogram) => Shape::Histogram(bounds(field, metric, problems)),
        Ok(Type::ExponentialHistogram) => {
            Shape::Exponential { max_buckets: usize::try_from(max_buckets).unwrap_or_default() }
        }
        Ok(Type::Unspecified) | Err(_) => {
            let message = "is not SUM, GAUGE, HISTOGRAM or EXPONENTIAL_HISTOGRAM";
            problems.add(format!("{field}.type"), message);
            return None;
        }
    };
    let max_series =
        problems.at_least(&format!("{field}.max_series"), metric.max_series, 1, DEFAULT_MAX_SERIES);
    (problems.len() == before).then(|| MetricConfig {
        name: metric.name.clone(),
        unit: metric.unit.clone(),
        description: metric.description.clone(),
        shape,
        max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
        nanos_per_unit: nanos_per_unit(&metric.unit),
    })
}

/// The rule for names of instruments (OpenTelemetry, Metrics API).
fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    match name.chars().next() {
        None => Err("is missing".to_owned()),
        Some(first) if !first.is_ascii_alphabetic() => Err(format!("{name:?} does not begin with a letter")),
        Some(_) if !name.chars().all(allowed) => {
            Err(format!("{name:?} has other characters than letters, digits, _ . - and /"))
        }
        Some(_) if name.len() > MAX_NAME => {
            Err(format!("has {} characters; {MAX_NAME} are allowed", name.len()))
        }
        Some(_) => Ok(()),
    }
}

fn bounds(field: &str, metric: &Metric, problems: &mut Problems) -> Arc<[f64]> {
    let bounds = &metric.bounds;
    if !bounds.iter().all(|bound| bound.is_finite()) || !bounds.is_sorted_by(|a, b| a < b) {
        problems.add(format!("{field}.bounds"), "must rise, without infinities");
    }
    if i64::try_from(bounds.len()).is_ok_and(|many| many > MOST_BUCKETS) {
        problems.add(format!("{field}.bounds"), format!("are more than {MOST_BUCKETS}"));
    }
    match (bounds.as_slice(), metric.unit.as_str()) {
        ([], "s") => SECONDS.into(),
        ([], _) => BOUNDS.into(),
        (bounds, _) => bounds.into(),
    }
}

fn nanos_per_unit(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1.0),
        "us" => Some(1e3),
        "ms" => Some(1e6),
        "" | "s" => Some(1e9),
        "min" => Some(60e9),
        "h" => Some(3600e9),
        _ => None,
    }
}
