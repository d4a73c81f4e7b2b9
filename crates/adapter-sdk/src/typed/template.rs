//! Templates as types: what an instance looks like, and how it is handled.

use mixer_proto::template as message;

use crate::templates::{self, TemplateService, Variety};
use crate::view;
use crate::wire::Malformed;

/// The varieties of templates as types; [`Variety`] has them as values.
pub mod variety {
    use super::Variety;

    /// One of the varieties.
    pub trait VarietyType: sealed::Sealed + Send + Sync + 'static {
        /// It as a value.
        const VARIETY: Variety;
    }

    mod sealed {
        pub trait Sealed {}
    }

    macro_rules! varieties {
        ($($(#[$doc:meta])* $variety:ident)*) => {
            $($(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $variety {}

            impl sealed::Sealed for $variety {}

            impl VarietyType for $variety {
                const VARIETY: Variety = Variety::$variety;
            })*
        };
    }

    varieties! {
        /// One instance is decided: [`HandleCheck`](super::super::HandleCheck).
        Check
        /// Instances are taken: [`HandleReport`](super::super::HandleReport).
        Report
        /// An amount is allocated: [`HandleQuota`](super::super::HandleQuota).
        Quota
        /// Attributes are made: [`HandleGenerate`](super::super::HandleGenerate).
        AttributeGenerator
        /// Decided, and attributes are made: [`HandleCheckWithOutput`](super::super::HandleCheckWithOutput).
        CheckWithOutput
    }
}

/// A template: where its handler service is called, and what its instances look like. The shipped templates are the
/// types of this module; an adapter with a template of its own implements this trait for a type of its own, over the
/// messages made from the template's `.proto` file.
pub trait Template: Send + Sync + 'static {
    /// Name of the template, such as `metric`.
    const NAME: &'static str;
    /// Full name of the gRPC service, such as `metric.HandleMetricService`.
    const SERVICE: &'static str;
    /// Name of its method, such as `HandleMetric`.
    const METHOD: &'static str;
    /// An encoded `FileDescriptorSet` of the handler service, for reflection, `--dryRun` and `manifest`. Empty for a
    /// shipped template.
    const DESCRIPTOR: &'static [u8];

    /// How instances are handled.
    type Variety: variety::VarietyType;
    /// An instance, borrowed from the request.
    type View<'a>: Send;
    /// An instance of its own: `InstanceMsg`.
    type Owned: prost::Message + Default;
    /// What is answered beside a status: `OutputMsg`; `()` for templates without.
    type Output: prost::Message + Default;

    /// Looks at an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not an instance of this template.
    fn view(bytes: &[u8]) -> Result<Self::View<'_>, Malformed>;

    /// Where the template is called, as a value.
    const ENTRY: TemplateService = TemplateService {
        template: Self::NAME,
        service: Self::SERVICE,
        method: Self::METHOD,
        variety: <Self::Variety as variety::VarietyType>::VARIETY,
        descriptor: Self::DESCRIPTOR,
    };
}

macro_rules! shipped {
    ($($template:ident: $name:literal, $index:literal, $module:ident, $variety:ident, $view:ident, $output:ty;)*) => {
        $(
            #[doc = concat!("Template `", $name, "`; its instances are seen as [`", stringify!($view), "`](view::", stringify!($view), ").")]
            #[derive(Clone, Copy, Debug)]
            pub enum $template {}

            impl Template for $template {
                const NAME: &'static str = $name;
                const SERVICE: &'static str = templates::SHIPPED[$index].service;
                const METHOD: &'static str = templates::SHIPPED[$index].method;
                const DESCRIPTOR: &'static [u8] = &[];
                type Variety = variety::$variety;
                type View<'a> = view::$view<'a>;
                type Owned = message::$module::InstanceMsg;
                type Output = $output;

                #[inline]
                fn view(bytes: &[u8]) -> Result<Self::View<'_>, Malformed> {
                    view::$view::parse(bytes)
                }
            }
        )*

        /// The types and the table say the same.
        #[cfg(test)]
        pub(super) const ENTRIES: &[(&TemplateService, TemplateService)] =
            &[$((&templates::SHIPPED[$index], $template::ENTRY)),*];
    };
}

shipped! {
    ApiKey: "apikey", 0, apikey, Check, ApiKeyView, ();
    Authorization: "authorization", 1, authorization, Check, AuthorizationView, ();
    CheckNothing: "checknothing", 2, checknothing, Check, CheckNothingView, ();
    Edge: "edge", 3, edge, Report, EdgeView, ();
    Kubernetes: "kubernetes", 4, kubernetes, AttributeGenerator, KubernetesView, message::kubernetes::OutputMsg;
    ListEntry: "listentry", 5, listentry, Check, ListEntryView, ();
    LogEntry: "logentry", 6, logentry, Report, LogEntryView, ();
    Metric: "metric", 7, metric, Report, MetricView, ();
    Quota: "quota", 8, quota, Quota, QuotaView, ();
    ReportNothing: "reportnothing", 9, reportnothing, Report, ReportNothingView, ();
    TraceSpan: "tracespan", 10, tracespan, Report, TraceSpanView, ();
}

#[cfg(test)]
mod tests;
