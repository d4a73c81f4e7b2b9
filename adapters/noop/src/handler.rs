//! Answers that let everything pass, for as long as anyone could want.

use std::future::ready;
use std::time::Duration;

use mixer_adapter_sdk::{
    BoxFuture, Call, CheckResult, Handler, HandlerError, QuotaCall, QuotaResult, ReportCall, ReportOutcome,
    Status,
};

const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);
const USES: i32 = 1_000_000_000;

pub(crate) struct NoopHandler;

impl Handler for NoopHandler {
    fn check<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        let result = CheckResult { status: Status::ok(), valid_duration: FOR_EVER, valid_use_count: USES };
        Box::pin(ready(Ok(result)))
    }

    fn report<'a>(&'a self, _: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        Box::pin(ready(Ok(ReportOutcome::complete())))
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        let result = QuotaResult { status: Status::ok(), valid_duration: FOR_EVER, amount: call.amount };
        Box::pin(ready(Ok(result)))
    }
}
