//! Why an instance is not used.

use mixer_adapter_sdk::delivery::NoRoom;
use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::wire::Malformed;

/// Why an instance is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no entry of `{0}` names this instance")]
    UnknownInstance(&'static str),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it has no value")]
    NoValue,
    #[error("the value {0} is not a {1}")]
    WrongValue(String, &'static str),
    #[error("the value is not finite")]
    NotFinite,
    #[error("the value of a cumulative metric is negative")]
    Negative,
    #[error("it has {0} labels; the API takes 30, those of the mesh and the replica included")]
    TooManyLabels(usize),
    #[error("two of its labels would both be named {0:?}")]
    LabelClash(String),
    #[error("a monitored resource of type {kind} has no label {label:?}")]
    ResourceLabel { kind: String, label: String },
    #[error("there are more series than max_series, and as many overflow series as may be")]
    SeriesLimit,
    #[error("an entry of {0} bytes is larger than the API takes")]
    TooLarge(usize),
    #[error("no spans are sent: the handler has no `trace`")]
    TracesOff,
    #[error("{0} {1:?} is no id in hexadecimal digits")]
    SpanId(&'static str, String),
    #[error("{0} is missing")]
    NoTime(&'static str),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance(_) => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoValue => "no_value",
            Self::WrongValue(..) => "wrong_value",
            Self::NotFinite => "not_finite",
            Self::Negative => "negative_count",
            Self::TooManyLabels(_) => "too_many_labels",
            Self::LabelClash(_) => "label_clash",
            Self::ResourceLabel { .. } => "resource_label",
            Self::SeriesLimit => "series_limit",
            Self::TooLarge(_) => "too_large",
            Self::TracesOff => "traces_off",
            Self::SpanId(..) => "bad_span_id",
            Self::NoTime(_) => "no_time",
            Self::NoRoom(error) => error.reason(),
        }
    }
}
