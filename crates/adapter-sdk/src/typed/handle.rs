//! What an author writes: one trait for each variety, over typed instances.

use std::fmt;
use std::marker::PhantomData;
use std::time::Instant;

use mixer_adapter_api::{
    Call, CheckResult, ErrorKind, HandlerError, QuotaCall, QuotaResult, ReportCall, ReportOutcome,
};
use prost::Message as _;

use super::template::{Template, variety};
use crate::wire::Malformed;

/// Decides instances of a template, such as [`ListEntry`](super::template::ListEntry).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle checks of template `{T}`",
    note = "implement `HandleCheck<{T}>` for it, or leave the template out of `TypedAdapter::Templates`"
)]
pub trait HandleCheck<T: Template<Variety = variety::Check>>: Send + Sync {
    /// Decides one instance: `Ok` with a status that refuses is a decision, `Err` says that there is none.
    fn check(&self, call: TypedCall<'_, T>)
    -> impl Future<Output = Result<CheckResult, HandlerError>> + Send;
}

/// Takes instances of a template, such as [`Metric`](super::template::Metric).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle reports of template `{T}`",
    note = "implement `HandleReport<{T}>` for it, or leave the template out of `TypedAdapter::Templates`"
)]
pub trait HandleReport<T: Template<Variety = variety::Report>>: Send + Sync {
    /// Takes a batch of instances, and says which of them it could not use.
    fn report(
        &self,
        report: TypedReport<'_, T>,
    ) -> impl Future<Output = Result<ReportOutcome, HandlerError>> + Send;
}

/// Allocates amounts, for [`Quota`](super::template::Quota).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle quotas of template `{T}`",
    note = "implement `HandleQuota<{T}>` for it, or leave the template out of `TypedAdapter::Templates`"
)]
pub trait HandleQuota<T: Template<Variety = variety::Quota>>: Send + Sync {
    /// Allocates an amount of one instance.
    fn quota(&self, ask: TypedQuota<'_, T>)
    -> impl Future<Output = Result<QuotaResult, HandlerError>> + Send;
}

/// Makes attributes, such as those of [`Kubernetes`](super::template::Kubernetes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not generate attributes of template `{T}`",
    note = "implement `HandleGenerate<{T}>` for it, or leave the template out of `TypedAdapter::Templates`"
)]
pub trait HandleGenerate<T: Template<Variety = variety::AttributeGenerator>>: Send + Sync {
    /// Makes attributes of one instance.
    fn generate(
        &self,
        call: TypedCall<'_, T>,
    ) -> impl Future<Output = Result<T::Output, HandlerError>> + Send;
}

/// Decides instances of a template and makes attributes of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle checks with output of template `{T}`",
    note = "implement `HandleCheckWithOutput<{T}>` for it, or leave the template out of `TypedAdapter::Templates`"
)]
pub trait HandleCheckWithOutput<T: Template<Variety = variety::CheckWithOutput>>: Send + Sync {
    /// Decides one instance, and says what rules may use of the answer.
    fn check_with_output(
        &self,
        call: TypedCall<'_, T>,
    ) -> impl Future<Output = Result<(CheckResult, T::Output), HandlerError>> + Send;
}

/// One instance of template `T`.
pub struct TypedCall<'a, T> {
    call: Call<'a>,
    template: PhantomData<fn() -> T>,
}

impl<'a, T: Template> TypedCall<'a, T> {
    /// Types a call, whose template must be `T`. For tests of handlers; calls of Mixer come typed.
    pub fn new(call: Call<'a>) -> Self {
        Self { call, template: PhantomData }
    }

    /// Fully qualified instance name, such as `whitelist.instance.istio-system`.
    pub fn name(&self) -> &'a str {
        self.call.instance
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// The encoded `InstanceMsg`.
    pub fn bytes(&self) -> &bytes::Bytes {
        &self.call.bytes
    }

    /// The instance where it stands in the request: nothing is copied.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the instance, when its bytes are malformed.
    #[inline]
    pub fn view(&self) -> Result<T::View<'_>, HandlerError> {
        T::view(&self.call.bytes).map_err(|error| malformed(self.call.instance, error))
    }

    /// The instance as a value of its own, for convenience: each text in it is copied.
    ///
    /// # Errors
    ///
    /// As [`TypedCall::view`].
    pub fn owned(&self) -> Result<T::Owned, HandlerError> {
        T::Owned::decode(self.call.bytes.clone()).map_err(|error| malformed(self.call.instance, error))
    }
}

fn malformed(instance: &str, error: impl fmt::Display) -> HandlerError {
    HandlerError::new(ErrorKind::InvalidArgument, format!("instance {instance} is malformed: {error}"))
}

/// An instance of template `T` of which an amount is wanted.
pub struct TypedQuota<'a, T> {
    /// The instance.
    pub instance: TypedCall<'a, T>,
    /// How much; negative gives back.
    pub amount: i64,
    /// Whether a part is acceptable.
    pub best_effort: bool,
    /// Calls with the same id are one allocation; empty when the caller gave none.
    pub dedup_id: &'a str,
}

impl<'a, T: Template> TypedQuota<'a, T> {
    /// Types a call, whose template must be `T`.
    pub fn new(call: QuotaCall<'a>) -> Self {
        let QuotaCall { call, amount, best_effort, dedup_id } = call;
        Self { instance: TypedCall::new(call), amount, best_effort, dedup_id }
    }
}

/// The instances of one report for template `T`.
pub struct TypedReport<'a, T> {
    call: ReportCall<'a>,
    template: PhantomData<fn() -> T>,
}

impl<'a, T: Template> TypedReport<'a, T> {
    /// Types a report, whose template must be `T`.
    pub fn new(call: ReportCall<'a>) -> Self {
        Self { call, template: PhantomData }
    }

    /// How many instances.
    pub fn len(&self) -> usize {
        self.call.batch.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.call.batch.is_empty()
    }

    /// All instances as the repeated field 1 of a request, each with its name in it.
    pub fn framed(&self) -> &bytes::Bytes {
        self.call.batch.framed()
    }

    /// Bytes of all instances together, framing included.
    pub fn size(&self) -> usize {
        self.call.batch.framed().len()
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// The instances in order.
    pub fn iter(&self) -> impl Iterator<Item = TypedInstance<'_, T>> {
        self.call.batch.iter().map(|instance| TypedInstance {
            name: instance.name,
            bytes: instance.bytes,
            template: PhantomData,
        })
    }

    /// Hands each instance over, and counts those that are malformed or refused by their reasons.
    #[inline]
    pub fn each<E: DropReason>(
        &self,
        mut take: impl FnMut(&str, T::View<'_>) -> Result<(), E>,
    ) -> ReportOutcome {
        let mut outcome = ReportOutcome::complete();
        for instance in self.iter() {
            match instance.view() {
                Ok(view) => {
                    if let Err(error) = take(instance.name, view) {
                        outcome.drop_one(error.reason(), || format!("{}: {error}", instance.name));
                    }
                }
                Err(error) => outcome.drop_one(error.reason(), || format!("{}: {error}", instance.name)),
            }
        }
        outcome
    }
}

/// One instance of a report.
pub struct TypedInstance<'a, T> {
    /// Fully qualified instance name.
    pub name: &'a str,
    /// The encoded `InstanceMsg`.
    pub bytes: &'a [u8],
    template: PhantomData<fn() -> T>,
}

impl<'a, T: Template> TypedInstance<'a, T> {
    /// The instance where it stands in the request.
    ///
    /// # Errors
    ///
    /// Its bytes are malformed.
    #[inline]
    pub fn view(&self) -> Result<T::View<'a>, Malformed> {
        T::view(self.bytes)
    }

    /// The instance as a value of its own.
    ///
    /// # Errors
    ///
    /// Its bytes are malformed.
    pub fn owned(&self) -> Result<T::Owned, prost::DecodeError> {
        T::Owned::decode(self.bytes)
    }
}

/// Why an instance of a report is dropped: a word for the counter, and as text what happened.
pub trait DropReason: fmt::Display {
    /// A short fixed word for the label `reason`.
    fn reason(&self) -> &'static str;
}

impl DropReason for Malformed {
    fn reason(&self) -> &'static str {
        Self::REASON
    }
}

impl DropReason for std::convert::Infallible {
    fn reason(&self) -> &'static str {
        match *self {}
    }
}

/// A [`DropReason`] of two texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// A short fixed word for the label `reason`.
    pub reason: &'static str,
    /// What happened.
    pub detail: String,
}

impl Refused {
    /// A reason and what happened.
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl DropReason for Refused {
    fn reason(&self) -> &'static str {
        self.reason
    }
}
