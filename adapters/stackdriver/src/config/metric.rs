//! One entry of `metric_info`: type, kind, value and buckets of a metric, within the limits of the API.

use std::sync::Arc;

use mixer_adapter_sdk::params::Problems;

use crate::generated::params::MetricInfo;
use crate::generated::params::metric_info::buckets_definition::Definition;
use crate::generated::params::metric_info::{BucketsDefinition, MetricKind, ValueType as Wire};

/// The longest type of a metric.
const MAX_TYPE: usize = 200;
/// The most buckets of a distribution.
const MAX_BUCKETS: usize = 200;
/// Metrics whose descriptor belongs to the project.
const OURS: &[&str] = &["custom.googleapis.com/", "external.googleapis.com/", "workload.googleapis.com/"];

/// A metric of Cloud Monitoring.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) metric_type: String,
    pub(crate) kind: Kind,
    /// None: as the instance has it.
    pub(crate) value: Option<ValueType>,
    pub(crate) buckets: Option<Arc<Buckets>>,
    pub(crate) unit: String,
    pub(crate) description: String,
    pub(crate) display_name: String,
}

impl Metric {
    /// Whether the descriptor belongs to the project, so that it can be made and may get labels of ours.
    pub(crate) fn is_ours(&self) -> bool {
        OURS.iter().any(|prefix| self.metric_type.starts_with(prefix))
    }
}

/// What a point says about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Gauge,
    Delta,
    Cumulative,
}

impl Kind {
    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gauge => "GAUGE",
            Self::Delta => "DELTA",
            Self::Cumulative => "CUMULATIVE",
        }
    }
}

/// What a point holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ValueType {
    Bool,
    Int64,
    Double,
    String,
    Distribution,
}

impl ValueType {
    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Int64 => "INT64",
            Self::Double => "DOUBLE",
            Self::String => "STRING",
            Self::Distribution => "DISTRIBUTION",
        }
    }
}

/// Bounds of buckets, and how they were given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Buckets {
    pub(crate) form: Form,
    /// The bounds, rising. Below the first and above the last one there is one bucket more.
    pub(crate) bounds: Vec<f64>,
}

/// How bounds are given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Linear { finite: i32, width: f64, offset: f64 },
    Exponential { finite: i32, growth: f64, scale: f64 },
    Explicit,
}

impl Buckets {
    /// In which bucket a value is: a bound belongs to the bucket above it.
    pub(crate) fn index(&self, value: f64) -> usize {
        self.bounds.partition_point(|bound| *bound <= value)
    }
}

pub(super) fn check(instance: &str, info: &MetricInfo, problems: &mut Problems) -> Option<Metric> {
    let before = problems.len();
    let field = |name: &str| format!("metric_info[{instance}].{name}");
    let metric_type = match info.metric_type.as_str() {
        "" => format!("custom.googleapis.com/{instance}"),
        own => own.to_owned(),
    };
    if !is_metric_type(&metric_type) {
        problems.add(
            field("metric_type"),
            format!("{metric_type:?} is no type of a metric; write it as custom.googleapis.com/name, at most {MAX_TYPE} letters, digits, `_`, `-`, `.` and `/`"),
        );
    }
    let kind = match MetricKind::try_from(info.kind) {
        Ok(MetricKind::Unspecified | MetricKind::Gauge) => Kind::Gauge,
        Ok(MetricKind::Delta) => Kind::Delta,
        Ok(MetricKind::Cumulative) => Kind::Cumulative,
        Err(_) => {
            problems.add(field("kind"), "is not GAUGE, DELTA or CUMULATIVE");
            Kind::Gauge
        }
    };
    let value = match Wire::try_from(info.value) {
        Ok(Wire::Unspecified) => None,
        Ok(Wire::Bool) => Some(ValueType::Bool),
        Ok(Wire::Int64) => Some(ValueType::Int64),
        Ok(Wire::Double) => Some(ValueType::Double),
        Ok(Wire::String) => Some(ValueType::String),
        Ok(Wire::Distribution) => Some(ValueType::Distribution),
        Ok(Wire::Money) | Err(_) => {
            problems.add(field("value"), "is not BOOL, INT64, DOUBLE, STRING or DISTRIBUTION");
            None
        }
    };
    if matches!(value, Some(ValueType::Bool | ValueType::String)) && kind != Kind::Gauge {
        problems.add(field("kind"), "BOOL and STRING are only taken as GAUGE");
    }
    let buckets = info.buckets.as_ref().and_then(|buckets| check_buckets(&field, buckets, problems));
    let metric = Metric {
        metric_type,
        kind,
        value,
        buckets: buckets.map(Arc::new),
        unit: info.unit.clone(),
        description: info.description.clone(),
        display_name: info.display_name.clone(),
    };
    if kind == Kind::Delta && metric.is_ours() {
        problems.add(field("kind"), "DELTA is not taken for a metric of the project's own; use CUMULATIVE");
    }
    (problems.len() == before).then_some(metric)
}

fn is_metric_type(text: &str) -> bool {
    let parts = text.split_once('/');
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.len() <= MAX_TYPE
        && text.chars().all(good)
        && parts.is_some_and(|(domain, path)| domain.contains('.') && !path.is_empty())
}

fn check_buckets(
    field: &impl Fn(&str) -> String,
    buckets: &BucketsDefinition,
    problems: &mut Problems,
) -> Option<Buckets> {
    let (name, form, bounds) = match buckets.definition.as_ref()? {
        Definition::LinearBuckets(linear) => {
            let (finite, width, offset) = (linear.num_finite_buckets, linear.width, linear.offset);
            let bounds = (0..=finite.clamp(0, 1000)).map(|i| offset + f64::from(i) * width).collect();
            ("linear_buckets", Form::Linear { finite, width, offset }, bounds)
        }
        Definition::ExponentialBuckets(exponential) => {
            let (finite, growth, scale) =
                (exponential.num_finite_buckets, exponential.growth_factor, exponential.scale);
            let bounds = (0..=finite.clamp(0, 1000)).map(|i| scale * growth.powi(i)).collect();
            ("exponential_buckets", Form::Exponential { finite, growth, scale }, bounds)
        }
        Definition::ExplicitBuckets(explicit) => {
            ("explicit_buckets", Form::Explicit, explicit.bounds.clone())
        }
    };
    let bounds: Vec<f64> = bounds;
    let wrong = match form {
        Form::Linear { finite, .. } | Form::Exponential { finite, .. } if finite < 1 => {
            Some("num_finite_buckets must be at least 1")
        }
        Form::Linear { width, .. } if width <= 0.0 => Some("width must be greater than 0"),
        Form::Exponential { growth, .. } if growth <= 1.0 => Some("growth_factor must be greater than 1"),
        Form::Exponential { scale, .. } if scale <= 0.0 => Some("scale must be greater than 0"),
        Form::Explicit if bounds.is_empty() => Some("bounds must have at least one number"),
        _ if bounds.len() >= MAX_BUCKETS => Some("makes more than 200 buckets, with those below and above"),
        _ if !bounds.iter().all(|bound| bound.is_finite()) => Some("has bounds that are not finite"),
        _ if !bounds.is_sorted_by(|a, b| a < b) => Some("has bounds that do not rise"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        problems.add(field(&format!("buckets.{name}")), wrong);
        return None;
    }
    Some(Buckets { form, bounds })
}
