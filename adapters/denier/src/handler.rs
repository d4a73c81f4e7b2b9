//! The one answer.

use mixer_adapter_sdk::typed::template::{Quota, variety};
use mixer_adapter_sdk::typed::{HandleCheck, HandleQuota, Template, TypedCall, TypedQuota};
use mixer_adapter_sdk::{CheckResult, HandlerError, QuotaResult};

use crate::config::Config;

pub(crate) struct DenierHandler {
    answer: CheckResult,
}

impl DenierHandler {
    pub(crate) fn new(config: Config) -> Self {
        Self { answer: config.answer }
    }
}

/// Whatever is checked.
impl<T: Template<Variety = variety::Check>> HandleCheck<T> for DenierHandler {
    async fn check(&self, _: TypedCall<'_, T>) -> Result<CheckResult, HandlerError> {
        Ok(self.answer.clone())
    }
}

/// Nothing is granted, and that is no error: quota is not what the configured status is about.
impl HandleQuota<Quota> for DenierHandler {
    async fn quota(&self, _: TypedQuota<'_, Quota>) -> Result<QuotaResult, HandlerError> {
        Ok(QuotaResult::default())
    }
}
