//! What a front door gets back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::{ErrorKind, HandlerError, Status};
use mixer_attribute::Referenced;
use mixer_config::snapshot::{HandlerId, HeaderOperation};

/// A quota that the caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaRequest<'a> {
    /// Name of a quota instance, without namespace; letter case does not matter.
    pub name: &'a str,
    /// How much; negative gives back.
    pub amount: i64,
    /// Whether a part is acceptable.
    pub best_effort: bool,
}

/// The answer to a check.
#[derive(Clone, Debug)]
pub struct CheckOutcome {
    /// OK, or the first refusal's code and details with the messages of all: `HANDLER:MSG, HANDLER2:MSG2`.
    pub status: Status,
    /// How long the caller may use the answer again; zero means "do not cache".
    pub valid_duration: Duration,
    /// How often the caller may use the answer again; zero means "do not cache".
    pub valid_use_count: i32,
    /// What decided the answer.
    pub referenced: Referenced,
    /// What the proxy does besides.
    pub route_directive: Option<RouteDirective>,
    /// Each quota that was asked for, in that order; empty when the status is not OK.
    pub quotas: Vec<(String, QuotaOutcome)>,
    /// What was asked, in merge order; [`crate::Runtime::names`] tells the names.
    pub calls: Vec<CallTrace>,
}

/// One call of a check, for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTrace {
    /// Index of the rule in the snapshot.
    pub rule: usize,
    /// The handler.
    pub handler: HandlerId,
    /// Whether it allowed; false for a refusal and for a failure that was ignored.
    pub ok: bool,
}

/// The answer to one quota.
#[derive(Clone, Debug)]
pub struct QuotaOutcome {
    /// OK, or why nothing was granted.
    pub status: Status,
    /// How much was granted.
    pub amount: i64,
    /// How long the grant is good.
    pub valid_duration: Duration,
    /// What decided the grant: what preprocessing read and what this quota read.
    pub referenced: Referenced,
    /// The kind of failure when a handler failed under `failurePolicy: Fail`; the status is UNAVAILABLE then.
    pub failure: Option<ErrorKind>,
}

/// What a proxy does with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDirective {
    /// On the request before it is forwarded.
    pub request_headers: Vec<HeaderChange>,
    /// On the response, also on a direct one.
    pub response_headers: Vec<HeaderChange>,
    /// Answer this instead of forwarding.
    pub direct_response: Option<DirectResponse>,
}

/// One header operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    /// Header name.
    pub name: Arc<str>,
    /// The value; empty for `Remove`.
    pub value: String,
    /// What to do.
    pub operation: HeaderOperation,
}

/// An answer that the proxy gives itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectResponse {
    /// HTTP status.
    pub code: u32,
    /// Body.
    pub body: String,
}

/// What was under way when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Attribute generation.
    Preprocess,
    /// The check itself.
    Check,
}

/// Handlers failed whose policy is `Fail`: there is no answer.
#[derive(Clone, Debug)]
pub struct CheckError {
    /// What was under way.
    pub stage: Stage,
    /// Handler names and what happened, in merge order; never empty.
    pub failures: Vec<(Arc<str>, HandlerError)>,
    /// What decided up to there.
    pub referenced: Referenced,
}

impl CheckError {
    /// The kind of the first failure.
    pub fn kind(&self) -> ErrorKind {
        self.failures.first().map_or(ErrorKind::Failed, |(_, error)| error.kind)
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (_, error)) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for CheckError {}

/// What became of one bag of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOutcome {
    /// Instances that wait to be sent.
    pub instances: usize,
    /// Instances that could not be made.
    pub errors: usize,
    /// The bag was dropped as a whole: attribute generation failed under `failurePolicy: Fail`.
    pub dropped: bool,
}

/// Instances that no handler used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedInstances {
    /// The handler.
    pub handler: Arc<str>,
    /// Why, as in `mixer_dispatcher_dropped_instances_total`.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// What became of a report.
#[derive(Clone, Debug, Default)]
pub struct ReportSummary {
    /// Bags that were added.
    pub bags: u64,
    /// Instances that handlers took, including those that they dropped afterwards.
    pub dispatched: u64,
    /// Handlers that failed and why, once for each call that failed.
    pub failed: Vec<(Arc<str>, HandlerError)>,
    /// Instances that are lost, by handler and reason.
    pub dropped: Vec<DroppedInstances>,
    /// Instances and bags that could not be made, and errors of their conditions.
    pub errors: u64,
    /// The texts of the first errors of all kinds, for the answer of the compatibility mode.
    pub error_texts: Vec<String>,
}

impl ReportSummary {
    /// Whether there was something to do and none of it could be done: the only case in which a report fails.
    pub fn nothing_dispatched(&self) -> bool {
        self.dispatched == 0 && (self.errors > 0 || !self.dropped.is_empty() || !self.failed.is_empty())
    }
}
