//! The services of the shipped templates: at which path an adapter is called for a template, and how.

/// How instances of a template are handled: `istio.mixer.adapter.model.v1beta1.TemplateVariety`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Variety {
    /// One instance is decided.
    Check,
    /// Instances are taken, nothing is answered.
    Report,
    /// An amount is allocated.
    Quota,
    /// Attributes are made of one instance.
    AttributeGenerator,
    /// One instance is decided, and attributes are made of it.
    CheckWithOutput,
}

/// The service through which instances of a template come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateService {
    /// Name of the template.
    pub template: &'static str,
    /// Full name of the gRPC service, such as `metric.HandleMetricService`.
    pub service: &'static str,
    /// Name of its method, such as `HandleMetric`.
    pub method: &'static str,
    /// How instances are handled.
    pub variety: Variety,
    /// An encoded `FileDescriptorSet` of the handler service; empty for a shipped template, whose descriptor is known,
    /// and for a template that reflection and the `template` resource leave out.
    pub descriptor: &'static [u8],
}

impl TemplateService {
    /// The path of the method.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service, self.method)
    }

    /// The descriptor set of the service, if there is one.
    pub fn descriptor(&self) -> Option<&'static [u8]> {
        match self.descriptor {
            [] => mixer_proto::template::descriptor_set(self.template),
            own => Some(own),
        }
    }

    /// The protobuf package of the service and of the template's messages.
    pub fn package(&self) -> &'static str {
        self.service.rsplit_once('.').map_or("", |(package, _)| package)
    }
}

macro_rules! shipped {
    ($($template:literal: $service:literal $method:literal $variety:ident;)*) => {
        &[$(TemplateService {
            template: $template,
            service: $service,
            method: $method,
            variety: Variety::$variety,
            descriptor: &[],
        }),*]
    };
}

/// The services of the shipped templates, sorted by template.
pub const SHIPPED: &[TemplateService] = shipped! {
    "apikey": "apikey.HandleApiKeyService" "HandleApiKey" Check;
    "authorization": "authorization.HandleAuthorizationService" "HandleAuthorization" Check;
    "checknothing": "checknothing.HandleCheckNothingService" "HandleCheckNothing" Check;
    "edge": "edge.HandleEdgeService" "HandleEdge" Report;
    "kubernetes": "adapter.template.kubernetes.HandleKubernetesService" "HandleKubernetes" AttributeGenerator;
    "listentry": "listentry.HandleListEntryService" "HandleListEntry" Check;
    "logentry": "logentry.HandleLogEntryService" "HandleLogEntry" Report;
    "metric": "metric.HandleMetricService" "HandleMetric" Report;
    "quota": "quota.HandleQuotaService" "HandleQuota" Quota;
    "reportnothing": "reportnothing.HandleReportNothingService" "HandleReportNothing" Report;
    "tracespan": "tracespan.HandleTraceSpanService" "HandleTraceSpan" Report;
};

/// The service of a shipped template.
pub fn shipped(template: &str) -> Option<&'static TemplateService> {
    SHIPPED.iter().find(|service| service.template == template)
}
