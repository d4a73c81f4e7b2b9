//! What the recording adapter answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{CheckResult, HandlerError, QuotaResult, ReportOutcome};
use tokio::sync::Notify;

/// The behaviour of one handler.
#[derive(Clone, Debug)]
pub struct Script {
    /// Why it cannot be built.
    pub build: Option<String>,
    /// The answer of a check, with or without output.
    pub check: Result<CheckResult, HandlerError>,
    /// The answer of a quota.
    pub quota: Result<QuotaResult, HandlerError>,
    /// The answer of a report.
    pub report: Result<ReportOutcome, HandlerError>,
    /// The output of attribute generation or a check with output.
    pub output: Result<Bytes, HandlerError>,
    /// Time before an answer.
    pub pause: Duration,
    /// Wait for this before an answer.
    pub gate: Option<Arc<Notify>>,
    /// Panic instead of answering.
    pub panic: bool,
    /// Never finish closing.
    pub hang_on_close: bool,
}

impl Default for Script {
    /// Everything is allowed for five seconds and five uses, every amount of quota is one, nothing is dropped.
    fn default() -> Self {
        let valid_duration = Duration::from_secs(5);
        Self {
            build: None,
            check: Ok(CheckResult { valid_duration, valid_use_count: 5, ..CheckResult::default() }),
            quota: Ok(QuotaResult { valid_duration, amount: 1, ..QuotaResult::default() }),
            report: Ok(ReportOutcome::complete()),
            output: Ok(Bytes::new()),
            pause: Duration::ZERO,
            gate: None,
            panic: false,
            hang_on_close: false,
        }
    }
}

impl Script {
    /// What comes before every answer.
    pub(crate) async fn before(&self) {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        assert!(!self.panic, "the script says to panic");
    }
}
