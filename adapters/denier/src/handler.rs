//! The one answer.

use std::future::ready;

use mixer_adapter_sdk::{BoxFuture, Call, CheckResult, Handler, HandlerError, QuotaCall, QuotaResult};

use crate::config::Config;

pub(crate) struct DenierHandler {
    answer: CheckResult,
}

impl DenierHandler {
    pub(crate) fn new(config: Config) -> Self {
        Self { answer: config.answer }
    }
}

impl Handler for DenierHandler {
    fn check<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        Box::pin(ready(Ok(self.answer.clone())))
    }

    /// Nothing is granted, and that is no error: quota is not what the configured status is about.
    fn quota<'a>(&'a self, _: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        Box::pin(ready(Ok(QuotaResult::default())))
    }
}
