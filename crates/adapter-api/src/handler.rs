//! The trait behind which every adapter stands.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::{Call, CheckResult, HandlerError, QuotaCall, QuotaResult, ReportCall, ReportOutcome};

/// A configured adapter. Every method that a handler's templates do not need keeps its default: the call is
/// answered with `Unimplemented`.
///
/// A future that is dropped (deadline, disconnected caller) must leave the handler usable.
pub trait Handler: Send + Sync {
    /// Decides one instance of a check template.
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        unimplemented_template(call.template)
    }

    /// Takes a batch of instances of a report template.
    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        unimplemented_template(call.template)
    }

    /// Allocates one instance of a quota template.
    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        unimplemented_template(call.call.template)
    }

    /// Generates attributes: the answer is the template's encoded `OutputMsg`.
    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        unimplemented_template(call.template)
    }

    /// Decides one instance and adds the template's encoded `OutputMsg`.
    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        unimplemented_template(call.template)
    }

    /// Asks the backend whether it would take what this handler sends: address, credentials, permissions. For people
    /// who try out a configuration; a handler without a backend has nothing to check.
    fn self_test(&self) -> BoxFuture<'_, Result<(), HandlerError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Sends what is buffered and lets go of everything; no call follows.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn unimplemented_template<'a, T: Send + 'a>(template: &str) -> BoxFuture<'a, Result<T, HandlerError>> {
    Box::pin(std::future::ready(Err(HandlerError::unimplemented(template))))
}
