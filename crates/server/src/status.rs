//! The one table from what goes wrong in the Mixer API to gRPC codes, with the effect on the caller beside each row.
//!
//! A refusal is not here: it is an answer, inside of an OK response. What is here are calls without an answer, and
//! for every one of them the caller's own policy decides: `network_fail_policy` of an Istio proxy. So the code says
//! whether trying again can help (UNAVAILABLE), or never will.

use tonic::{Code, Status};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Load shedding.
    Overloaded,
    /// The message is no request, or its attributes cannot be read.
    Malformed,
    /// The caller knows more global words than we do.
    NewerDictionary,
    /// An attribute generator failed.
    Preprocess,
    /// A check failed under `failurePolicy: Fail`.
    Check,
    /// Nothing of a report reached a handler, and not because no rule matched.
    NothingDispatched,
    /// One part of a report failed: an error in the original only.
    PartDispatched,
    /// A panic on our side.
    Defect,
}

/// What a call without an answer means for the request that the proxy holds, or for what it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The proxy's failure policy lets the request through or refuses it; a retry may get an answer.
    PolicyAfterRetry,
    /// The proxy's failure policy lets the request through or refuses it; a retry gets the same.
    Policy,
    /// Nothing was used: sending the report again loses nothing and counts nothing twice.
    Lost,
    /// A part was used: sending the report again counts that part twice.
    PartlyLost,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    failure: Failure,
    code: Code,
    /// The original's code, for `--compat`.
    compat: Code,
    effect: Effect,
}

const fn row(failure: Failure, code: Code, compat: Code, effect: Effect) -> Row {
    Row { failure, code, compat, effect }
}

#[rustfmt::skip]
const TABLE: [Row; 8] = [
    row(Failure::Overloaded,        Code::Unavailable,     Code::Unavailable, Effect::PolicyAfterRetry),
    row(Failure::Malformed,         Code::InvalidArgument, Code::Internal,    Effect::Policy),
    row(Failure::NewerDictionary,   Code::Internal,        Code::Internal,    Effect::Policy),
    row(Failure::Preprocess,        Code::Unavailable,     Code::Internal,    Effect::PolicyAfterRetry),
    row(Failure::Check,             Code::Unavailable,     Code::Internal,    Effect::PolicyAfterRetry),
    row(Failure::NothingDispatched, Code::Unavailable,     Code::Unknown,     Effect::Lost),
    row(Failure::PartDispatched,    Code::Ok,              Code::Unknown,     Effect::PartlyLost),
    row(Failure::Defect,            Code::Internal,        Code::Internal,    Effect::Policy),
];

impl Failure {
    fn row(self) -> Row {
        let found = TABLE.iter().find(|row| row.failure == self);
        found.copied().unwrap_or(row(self, Code::Internal, Code::Internal, Effect::Policy))
    }

    /// The status that a call fails with; `OK` where it does not fail.
    pub(crate) fn status(self, compat: bool, message: impl Into<String>) -> Status {
        let row = self.row();
        let status = Status::new(if compat { row.compat } else { row.code }, message);
        tracing::debug!(failure = ?self, effect = ?row.effect, code = ?status.code(), "{}", status.message());
        status
    }
}

/// The name of a code in `google.rpc.Code`, as metrics spell it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
