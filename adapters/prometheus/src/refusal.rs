//! Why an instance could not be used.

use mixer_adapter_sdk::wire::Malformed;

/// Why an instance could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no entry of `metrics` has this instance_name")]
    UnknownInstance,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the instance has no value")]
    NoValue,
    #[error("the value {0:?} is not a number")]
    NotANumber(String),
    #[error("the value is not finite")]
    NotFinite,
    #[error("the value is negative, but the metric is a COUNTER")]
    NegativeCounter,
    #[error("dimension {0:?} is not one of the metric's label_names")]
    ExtraDimension(String),
    #[error("the metric has {0} series, which is the limit; see max_series_per_metric")]
    SeriesLimit(usize),
    #[error("a newer configuration defines the metric differently")]
    Redefined,
}

impl Refusal {
    /// The word for the `reason` label of a counter.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown_instance",
            Self::Malformed(_) => Malformed::REASON,
            Self::NoValue => "no_value",
            Self::NotANumber(_) => "not_a_number",
            Self::NotFinite => "not_finite",
            Self::NegativeCounter => "negative_counter",
            Self::ExtraDimension(_) => "label_mismatch",
            Self::SeriesLimit(_) => "series_limit",
            Self::Redefined => "redefined",
        }
    }
}
