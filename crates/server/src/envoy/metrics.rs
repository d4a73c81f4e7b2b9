//! What the Envoy front doors count about themselves.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters of the Envoy services.
#[derive(Clone, Debug)]
pub(super) struct EnvoyMetrics {
    pub(super) checks_ok: IntCounter,
    pub(super) checks_denied: IntCounter,
    pub(super) checks_failed: IntCounter,
    pub(super) dropped_operations: IntCounter,
    pub(super) http_entries: IntCounter,
    pub(super) tcp_entries: IntCounter,
    pub(super) streams: IntGauge,
}

impl EnvoyMetrics {
    /// Registers the counters.
    ///
    /// # Errors
    /// One of the names is taken.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let checks = IntCounterVec::new(
            Opts::new("mixer_envoy_checks_total", "ext_authz checks answered, by answer."),
            &["answer"],
        )?;
        let entries = IntCounterVec::new(
            Opts::new("mixer_envoy_access_log_entries_total", "Access log entries received, by type."),
            &["type"],
        )?;
        let dropped_operations = IntCounter::new(
            "mixer_envoy_dropped_header_operations_total",
            "Removals of response headers, which ext_authz cannot express.",
        )?;
        registry.register(Box::new(dropped_operations.clone()))?;
        let streams = IntGauge::new(
            "mixer_envoy_access_log_streams",
            "Open access log streams, one per proxy thread.",
        )?;
        registry.register(Box::new(checks.clone()))?;
        registry.register(Box::new(entries.clone()))?;
        registry.register(Box::new(streams.clone()))?;
        Ok(Self {
            checks_ok: checks.with_label_values(&["ok"]),
            checks_denied: checks.with_label_values(&["denied"]),
            checks_failed: checks.with_label_values(&["failed"]),
            http_entries: entries.with_label_values(&["http"]),
            tcp_entries: entries.with_label_values(&["tcp"]),
            dropped_operations,
            streams,
        })
    }
}
