//! Why an instance is not used.

use mixer_adapter_sdk::delivery::NoRoom;
use mixer_adapter_sdk::delivery::aggregate::NotRecorded;
use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::wire::Malformed;

use crate::otlp::NoForm;
use crate::time::OutOfWindow;

/// Why an instance is not used.
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
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    #[error("it has no trace_id; does the request carry the headers of a trace?")]
    NoTraceId,
    #[error("it has no span_id; does the request carry the headers of a trace?")]
    NoSpanId,
    #[error("it has no start_time or no end_time")]
    NoTime,
    #[error(transparent)]
    OutOfWindow(#[from] OutOfWindow),
    #[error(transparent)]
    NoForm(#[from] NoForm),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoValue => "no_value",
            Self::NotANumber(_) => "not_a_number",
            Self::NotRecorded(error) => error.reason(),
            Self::NoTraceId => "no_trace_id",
            Self::NoSpanId => "no_span_id",
            Self::NoTime => "no_time",
            Self::OutOfWindow(error) => error.reason(),
            Self::NoForm(error) => error.reason(),
            Self::NoRoom(error) => error.reason(),
        }
    }
}
