//! What goes into a handler and what comes out.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::Batch;

/// Codes of `google.rpc.Code`.
pub mod code {
    /// Success.
    pub const OK: i32 = 0;
    /// The caller gave up.
    pub const CANCELLED: i32 = 1;
    /// No better code.
    pub const UNKNOWN: i32 = 2;
    /// Bad input whatever the state.
    pub const INVALID_ARGUMENT: i32 = 3;
    /// Too late.
    pub const DEADLINE_EXCEEDED: i32 = 4;
    /// Not there.
    pub const NOT_FOUND: i32 = 5;
    /// Already there.
    pub const ALREADY_EXISTS: i32 = 6;
    /// Refused.
    pub const PERMISSION_DENIED: i32 = 7;
    /// Out of quota or room.
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    /// Not in a state for this.
    pub const FAILED_PRECONDITION: i32 = 9;
    /// Conflict.
    pub const ABORTED: i32 = 10;
    /// Past the valid range.
    pub const OUT_OF_RANGE: i32 = 11;
    /// Not offered.
    pub const UNIMPLEMENTED: i32 = 12;
    /// A broken invariant.
    pub const INTERNAL: i32 = 13;
    /// Try again later.
    pub const UNAVAILABLE: i32 = 14;
    /// Data is gone.
    pub const DATA_LOSS: i32 = 15;
    /// Who are you?
    pub const UNAUTHENTICATED: i32 = 16;
}

/// `google.protobuf.Any`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Any {
    /// Type URL, such as `type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse`.
    pub type_url: String,
    /// The encoded message.
    pub value: Bytes,
}

/// `google.rpc.Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// One of [`code`].
    pub code: i32,
    /// For the person who reads it.
    pub message: String,
    /// More, such as a direct HTTP response.
    pub details: Vec<Any>,
}

impl Status {
    /// Success.
    pub fn ok() -> Self {
        Self::default()
    }

    /// A refusal without details.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// Whether it allows.
    pub fn is_ok(&self) -> bool {
        self.code == code::OK
    }
}

/// One instance for a check, check with output or attribute generation.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Name of the template.
    pub template: &'a str,
    /// Fully qualified instance name.
    pub instance: &'a str,
    /// The encoded `InstanceMsg`.
    pub bytes: Bytes,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
}

/// One instance for a quota, and how much is wanted.
#[derive(Clone, Debug)]
pub struct QuotaCall<'a> {
    /// The instance.
    pub call: Call<'a>,
    /// How much; negative gives back.
    pub amount: i64,
    /// Whether a part is acceptable.
    pub best_effort: bool,
    /// Calls with the same id are one allocation; empty when the caller gave none.
    pub dedup_id: &'a str,
}

/// The instances of a report.
#[derive(Clone, Debug)]
pub struct ReportCall<'a> {
    /// Name of the template.
    pub template: &'a str,
    /// The encoded instances.
    pub batch: Batch,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
}

/// The answer of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// OK, or why not.
    pub status: Status,
    /// How long the caller may use the answer again; zero means "do not cache".
    pub valid_duration: Duration,
    /// How often the caller may use the answer again; zero means "do not cache".
    pub valid_use_count: i32,
}

/// The answer of a quota allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaResult {
    /// OK, or why nothing was granted.
    pub status: Status,
    /// How long the grant is good.
    pub valid_duration: Duration,
    /// How much was granted.
    pub amount: i64,
}

/// Instances that a handler received and could not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// A short fixed word for the counter's `reason` label.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// One example for the log.
    pub detail: String,
}

/// What became of a report that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportOutcome {
    /// What was dropped, by reason; empty when all was used.
    pub dropped: Vec<Dropped>,
}

impl ReportOutcome {
    /// Everything was used.
    pub fn complete() -> Self {
        Self::default()
    }

    /// Counts one dropped instance; the first detail of a reason is kept.
    pub fn drop_one(&mut self, reason: &'static str, detail: impl FnOnce() -> String) {
        match self.dropped.iter_mut().find(|dropped| dropped.reason == reason) {
            Some(dropped) => dropped.count += 1,
            None => self.dropped.push(Dropped { reason, count: 1, detail: detail() }),
        }
    }
}
