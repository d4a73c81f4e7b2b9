//! Answers that let everything pass, for as long as anyone could want.

use std::time::Duration;

use mixer_adapter_sdk::typed::template::{Quota, variety};
use mixer_adapter_sdk::typed::{
    HandleCheck, HandleQuota, HandleReport, Template, TypedCall, TypedQuota, TypedReport,
};
use mixer_adapter_sdk::{CheckResult, HandlerError, QuotaResult, ReportOutcome, Status};

const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);
const USES: i32 = 1_000_000_000;

pub(crate) struct NoopHandler;

impl<T: Template<Variety = variety::Check>> HandleCheck<T> for NoopHandler {
    async fn check(&self, _: TypedCall<'_, T>) -> Result<CheckResult, HandlerError> {
        Ok(CheckResult { status: Status::ok(), valid_duration: FOR_EVER, valid_use_count: USES })
    }
}

impl<T: Template<Variety = variety::Report>> HandleReport<T> for NoopHandler {
    async fn report(&self, _: TypedReport<'_, T>) -> Result<ReportOutcome, HandlerError> {
        Ok(ReportOutcome::complete())
    }
}

impl HandleQuota<Quota> for NoopHandler {
    async fn quota(&self, ask: TypedQuota<'_, Quota>) -> Result<QuotaResult, HandlerError> {
        Ok(QuotaResult { status: Status::ok(), valid_duration: FOR_EVER, amount: ask.amount })
    }
}
