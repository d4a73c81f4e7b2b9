//! From the answers of several adapters to one.

use std::time::Duration;

use mixer_adapter_api::{CheckResult, Status, code};
use mixer_attribute::Referenced;
use mixer_config::snapshot::HeaderOperation;
use mixer_proto::policy::v1beta1::DirectHttpResponse;
use prost::{Message, Name};

use super::{DEFAULT_VALID_DURATION, DEFAULT_VALID_USE_COUNT, detail};
use crate::outcome::{CallTrace, CheckOutcome, DirectResponse, HeaderChange, RouteDirective};

/// The answers so far, in merge order.
#[derive(Debug)]
pub(crate) struct Merge {
    compat: bool,
    valid: Option<(Duration, i32)>,
    refusal: Option<Status>,
    directive: Option<RouteDirective>,
}

impl Merge {
    /// Nothing yet. `compat`: an OK that may not be cached is passed over while it is the first, as in the
    /// original.
    pub(crate) fn new(compat: bool) -> Self {
        Self { compat, valid: None, refusal: None, directive: None }
    }

    /// Adds an answer: the shortest time and the fewest uses count, 0 means "do not cache".
    pub(crate) fn add(&mut self, handler: &str, result: CheckResult) {
        let CheckResult { status, valid_duration, valid_use_count } = result;
        let is_default = status.is_ok() && valid_duration.is_zero() && valid_use_count == 0;
        self.valid = match self.valid {
            None if self.compat && is_default => None,
            None => Some((valid_duration, valid_use_count)),
            // In the original the next answer replaces one that came to nothing.
            Some((Duration::ZERO, 0)) if self.compat && self.refusal.is_none() => {
                Some((valid_duration, valid_use_count))
            }
            Some((duration, uses)) => Some((duration.min(valid_duration), uses.min(valid_use_count))),
        };
        if status.is_ok() {
            return;
        }
        match &mut self.refusal {
            None => {
                self.directive = direct_response(&status);
                let message = format!("{handler}:{}", status.message);
                self.refusal = Some(Status { message, ..status });
            }
            Some(refusal) => {
                refusal.message.push_str(", ");
                refusal.message.push_str(handler);
                refusal.message.push(':');
                refusal.message.push_str(&status.message);
            }
        }
    }

    /// The answer.
    pub(crate) fn finish(self, referenced: Referenced, calls: Vec<CallTrace>) -> CheckOutcome {
        let status = self.refusal.unwrap_or_default();
        let nothing = self.compat && status.is_ok() && self.valid == Some((Duration::ZERO, 0));
        let valid = self.valid.filter(|_| !nothing);
        let (valid_duration, valid_use_count) =
            valid.unwrap_or((DEFAULT_VALID_DURATION, DEFAULT_VALID_USE_COUNT));
        CheckOutcome {
            status,
            valid_duration,
            valid_use_count,
            referenced,
            route_directive: self.directive,
            quotas: Vec::new(),
            calls,
        }
    }
}

/// The direct response that a refusal carries.
fn direct_response(status: &Status) -> Option<RouteDirective> {
    let value = detail(status, &DirectHttpResponse::full_name())?;
    let response = DirectHttpResponse::decode(value.clone()).ok()?;
    let code = match u32::try_from(response.code) {
        Ok(code) if code > 0 => code,
        _ => http_status(status.code),
    };
    let response_headers = response.headers.into_iter().map(|(name, value)| {
        // A response may set several cookies.
        let append = name.eq_ignore_ascii_case("set-cookie");
        let operation = if append { HeaderOperation::Append } else { HeaderOperation::Replace };
        HeaderChange { name: name.into(), value, operation }
    });
    Some(RouteDirective {
        request_headers: Vec::new(),
        response_headers: response_headers.collect(),
        direct_response: Some(DirectResponse { code, body: response.body }),
    })
}

/// The HTTP status for a code of [`code`], where an answer over HTTP names none.
pub fn http_status(status: i32) -> u32 {
    match status {
        code::OK => 200,
        code::CANCELLED => 408,
        code::INVALID_ARGUMENT | code::OUT_OF_RANGE => 400,
        code::DEADLINE_EXCEEDED => 504,
        code::NOT_FOUND => 404,
        code::ALREADY_EXISTS | code::ABORTED => 409,
        code::PERMISSION_DENIED => 403,
        code::UNAUTHENTICATED => 401,
        code::RESOURCE_EXHAUSTED => 429,
        code::FAILED_PRECONDITION => 412,
        code::UNIMPLEMENTED => 501,
        code::UNAVAILABLE => 503,
        _ => 500,
    }
}

#[cfg(test)]
mod tests;
