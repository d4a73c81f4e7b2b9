//! Why a handler did not answer.

use std::fmt;

/// The kinds of failure. The server has one table from kind to gRPC code and effect on the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The adapter could not be reached, or said that it is unavailable.
    Unavailable,
    /// No answer in time.
    DeadlineExceeded,
    /// Too many calls in flight or queued.
    QueueFull,
    /// The breaker is open after repeated failures.
    BreakerOpen,
    /// An expression of the configuration (a match or a field of an instance) failed on this request.
    Evaluation,
    /// The handler could not be built and no earlier version of it serves.
    NotBuilt,
    /// The adapter did not understand the call or its configuration.
    InvalidArgument,
    /// The adapter does not offer the template.
    Unimplemented,
    /// Anything else that the adapter reported.
    Failed,
    /// The adapter's code panicked.
    Panicked,
}

impl ErrorKind {
    /// The word used as a metric label and in logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::QueueFull => "queue_full",
            Self::BreakerOpen => "breaker_open",
            Self::Evaluation => "evaluation",
            Self::NotBuilt => "not_built",
            Self::InvalidArgument => "invalid_argument",
            Self::Unimplemented => "unimplemented",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

/// A failed call: not a refusal, which is a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HandlerError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What happened and what to look at next.
    pub message: String,
}

impl HandlerError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The handler does not take instances of this template.
    pub fn unimplemented(template: &str) -> Self {
        Self::new(ErrorKind::Unimplemented, format!("the adapter does not handle template {template}"))
    }
}
