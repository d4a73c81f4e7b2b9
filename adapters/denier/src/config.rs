//! The answer that is configured.

use std::time::Duration;

use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{Any, CheckResult, FieldProblem, HandlerSpec, Status, code};

use crate::generated::Params;

const DEFAULT_DURATION: Duration = Duration::from_secs(5);
const DEFAULT_USES: i32 = 1000;

/// A checked configuration.
pub(crate) struct Config {
    pub(crate) answer: CheckResult,
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.denier.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let status = params.status.unwrap_or_default();
        if status.code.is_some_and(|code| !(code::OK..=code::UNAUTHENTICATED).contains(&code)) {
            problems.add("status.code", "is not one of the codes 0 to 16 of google.rpc.Code");
        }
        let answer = CheckResult {
            status: Status {
                code: status.code.unwrap_or(code::FAILED_PRECONDITION),
                message: status.message,
                details: status
                    .details
                    .into_iter()
                    .map(|any| Any { type_url: any.type_url, value: any.value.into() })
                    .collect(),
            },
            valid_duration: problems.duration(
                "valid_duration",
                params.valid_duration.as_ref(),
                DEFAULT_DURATION,
            ),
            valid_use_count: problems.at_least("valid_use_count", params.valid_use_count, 0, DEFAULT_USES),
        };
        problems.unless_any(Self { answer })
    }
}
