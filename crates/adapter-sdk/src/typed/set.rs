//! From calls that name their template to the trait that handles it: a set of templates is a tuple of types.

use bytes::Bytes;
use futures::future::BoxFuture;
use mixer_adapter_api::{Call, CheckResult, HandlerError, QuotaCall, QuotaResult, ReportCall, ReportOutcome};
use prost::Message as _;

use super::handle::{
    HandleCheck, HandleCheckWithOutput, HandleGenerate, HandleQuota, HandleReport, TypedCall, TypedQuota,
    TypedReport,
};
use super::template::{Template, variety};
use crate::templates::TemplateService;

type Answer<'a, T> = BoxFuture<'a, Result<T, HandlerError>>;

fn unimplemented<'a, T: Send + 'a>(template: &str) -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(HandlerError::unimplemented(template))))
}

/// How calls of template `T` reach handler `H`. Implemented for each variety, when `H` has the variety's trait.
pub trait Route<H, T: Template> {
    /// As [`Handler::check`](mixer_adapter_api::Handler::check).
    fn check<'a>(_: &'a H, call: Call<'a>) -> Answer<'a, CheckResult> {
        unimplemented(call.template)
    }

    /// As [`Handler::report`](mixer_adapter_api::Handler::report).
    fn report<'a>(_: &'a H, call: ReportCall<'a>) -> Answer<'a, ReportOutcome> {
        unimplemented(call.template)
    }

    /// As [`Handler::quota`](mixer_adapter_api::Handler::quota).
    fn quota<'a>(_: &'a H, call: QuotaCall<'a>) -> Answer<'a, QuotaResult> {
        unimplemented(call.call.template)
    }

    /// As [`Handler::generate`](mixer_adapter_api::Handler::generate).
    fn generate<'a>(_: &'a H, call: Call<'a>) -> Answer<'a, Bytes> {
        unimplemented(call.template)
    }

    /// As [`Handler::check_with_output`](mixer_adapter_api::Handler::check_with_output).
    fn check_with_output<'a>(_: &'a H, call: Call<'a>) -> Answer<'a, (CheckResult, Bytes)> {
        unimplemented(call.template)
    }
}

impl<H: HandleCheck<T>, T: Template<Variety = Self>> Route<H, T> for variety::Check {
    fn check<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, CheckResult> {
        Box::pin(handler.check(TypedCall::new(call)))
    }
}

impl<H: HandleReport<T>, T: Template<Variety = Self>> Route<H, T> for variety::Report {
    fn report<'a>(handler: &'a H, call: ReportCall<'a>) -> Answer<'a, ReportOutcome> {
        Box::pin(handler.report(TypedReport::new(call)))
    }
}

impl<H: HandleQuota<T>, T: Template<Variety = Self>> Route<H, T> for variety::Quota {
    fn quota<'a>(handler: &'a H, call: QuotaCall<'a>) -> Answer<'a, QuotaResult> {
        Box::pin(handler.quota(TypedQuota::new(call)))
    }
}

impl<H: HandleGenerate<T>, T: Template<Variety = Self>> Route<H, T> for variety::AttributeGenerator {
    fn generate<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, Bytes> {
        Box::pin(async move { Ok(handler.generate(TypedCall::new(call)).await?.encode_to_vec().into()) })
    }
}

impl<H: HandleCheckWithOutput<T>, T: Template<Variety = Self>> Route<H, T> for variety::CheckWithOutput {
    fn check_with_output<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, (CheckResult, Bytes)> {
        Box::pin(async move {
            let (result, output) = handler.check_with_output(TypedCall::new(call)).await?;
            Ok((result, output.encode_to_vec().into()))
        })
    }
}

/// Templates that handler `H` takes, as a tuple: `(Metric, LogEntry)`, `(ListEntry,)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tuple of templates that `{H}` handles",
    note = "write `(ListEntry,)` for a single template, and implement the trait of each template's variety for `{H}`"
)]
pub trait TemplateSet<H>: Send + Sync + 'static {
    /// Their names.
    const NAMES: &'static [&'static str];
    /// Where they are called.
    const SERVICES: &'static [TemplateService];

    /// Hands a check to the template that it names.
    fn check<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, CheckResult>;
    /// Hands a report to the template that it names.
    fn report<'a>(handler: &'a H, call: ReportCall<'a>) -> Answer<'a, ReportOutcome>;
    /// Hands a quota to the template that it names.
    fn quota<'a>(handler: &'a H, call: QuotaCall<'a>) -> Answer<'a, QuotaResult>;
    /// Hands a call for attributes to the template that it names.
    fn generate<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, Bytes>;
    /// Hands a check with output to the template that it names.
    fn check_with_output<'a>(handler: &'a H, call: Call<'a>) -> Answer<'a, (CheckResult, Bytes)>;
}

macro_rules! set_of {
    ($($template:ident)*) => {
        impl<H, $($template),*> TemplateSet<H> for ($($template,)*)
        where
            H: 'static,
            $($template: Template, <$template as Template>::Variety: Route<H, $template>,)*
        {
            const NAMES: &'static [&'static str] = &[$($template::NAME),*];
            const SERVICES: &'static [TemplateService] = &[$($template::ENTRY),*];

            set_of! { @method check(Call<'a>) -> CheckResult, call => call.template; $($template)* }
            set_of! { @method report(ReportCall<'a>) -> ReportOutcome, call => call.template; $($template)* }
            set_of! { @method quota(QuotaCall<'a>) -> QuotaResult, call => call.call.template; $($template)* }
            set_of! { @method generate(Call<'a>) -> Bytes, call => call.template; $($template)* }
            set_of! { @method check_with_output(Call<'a>) -> (CheckResult, Bytes), call => call.template; $($template)* }
        }
    };
    (@method $method:ident($call_type:ty) -> $answer:ty, $call:ident => $name:expr; $($template:ident)*) => {
        #[inline]
        fn $method<'a>(handler: &'a H, $call: $call_type) -> Answer<'a, $answer> {
            $(if $name == $template::NAME {
                return <$template::Variety as Route<H, $template>>::$method(handler, $call);
            })*
            unimplemented($name)
        }
    };
}

set_of!(A);
set_of!(A B);
set_of!(A B C);
set_of!(A B C D);
set_of!(A B C D E);
set_of!(A B C D E F);
set_of!(A B C D E F G);
set_of!(A B C D E F G I);
set_of!(A B C D E F G I J);
set_of!(A B C D E F G I J K);
set_of!(A B C D E F G I J K L);
set_of!(A B C D E F G I J K L M);
