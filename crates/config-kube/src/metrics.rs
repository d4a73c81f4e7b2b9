//! What the Kubernetes source tells of itself.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Counters and gauges; cheap to clone.
#[derive(Clone, Debug)]
pub struct KubeMetrics {
    /// Objects that are held, by kind.
    pub(crate) objects: IntGaugeVec,
    /// Complete lists, by kind.
    pub(crate) lists: IntCounterVec,
    /// Events of watches, by kind and type.
    pub(crate) events: IntCounterVec,
    /// Requests that failed, by kind and reason.
    pub(crate) failures: IntCounterVec,
    /// Status writes, by result.
    pub(crate) status_writes: IntCounterVec,
    /// 1 while this replica writes status.
    pub(crate) leader: IntGauge,
    /// Reviews of the webhook, by result.
    pub(crate) reviews: IntCounterVec,
    /// When the webhook's certificate ends, in seconds since 1970.
    pub(crate) certificate_end: IntGauge,
    /// Certificates that were made or could not be made, by result.
    pub(crate) certificates: IntCounterVec,
    /// Connections of the webhook that failed before a request.
    pub(crate) handshakes: IntCounter,
}

impl KubeMetrics {
    /// Metrics that nobody sees yet.
    ///
    /// # Errors
    /// None in practice: a name that is no name of a metric.
    pub fn new() -> prometheus::Result<Self> {
        let vec = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        Ok(Self {
            objects: IntGaugeVec::new(
                Opts::new("mixer_kube_objects", "Objects of the Kubernetes source that are held."),
                &["kind"],
            )?,
            lists: vec("mixer_kube_lists_total", "Complete lists of objects.", &["kind"])?,
            events: vec("mixer_kube_watch_events_total", "Events of watches.", &["kind", "type"])?,
            failures: vec(
                "mixer_kube_failures_total",
                "Requests to the API server that failed.",
                &["kind", "reason"],
            )?,
            status_writes: vec("mixer_kube_status_writes_total", "Status writes, by result.", &["result"])?,
            leader: IntGauge::new("mixer_kube_status_leader", "1 while this replica writes status.")?,
            reviews: vec("mixer_kube_webhook_reviews_total", "Admission reviews, by result.", &["result"])?,
            certificate_end: IntGauge::new(
                "mixer_kube_webhook_certificate_end_seconds",
                "When the certificate of the webhook ends, in seconds since 1970.",
            )?,
            certificates: vec(
                "mixer_kube_webhook_certificates_total",
                "Certificates made, by result.",
                &["result"],
            )?,
            handshakes: IntCounter::new(
                "mixer_kube_webhook_failed_connections_total",
                "Connections of the webhook that failed before a request.",
            )?,
        })
    }

    /// Shows them in a registry.
    ///
    /// # Errors
    /// A metric of the same name is registered already.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.objects.clone()))?;
        for counters in [
            &self.lists,
            &self.events,
            &self.failures,
            &self.status_writes,
            &self.reviews,
            &self.certificates,
        ] {
            registry.register(Box::new(counters.clone()))?;
        }
        registry.register(Box::new(self.handshakes.clone()))?;
        registry.register(Box::new(self.leader.clone()))?;
        registry.register(Box::new(self.certificate_end.clone()))
    }
}
