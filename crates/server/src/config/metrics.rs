//! What the admin port tells about the configuration source. What the configuration consists of is counted by
//! dispatch, where it takes effect.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters of updates.
#[derive(Clone, Debug)]
pub(crate) struct ConfigMetrics {
    /// 1 while the source can be read.
    pub(crate) available: IntGauge,
    /// Updates that took effect.
    pub(crate) applied: IntCounter,
    /// Updates that did not.
    pub(crate) failed: IntCounter,
    /// What is wrong with the configuration in force.
    pub(crate) errors: IntGauge,
}

impl ConfigMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// A metric of the same name is registered already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let updates = Opts::new("mixer_config_updates_total", "Changes of configuration, by result.");
        let updates = IntCounterVec::new(updates, &["result"])?;
        let metrics = Self {
            available: IntGauge::new("mixer_config_source_available", "1 while the source can be read.")?,
            applied: updates.with_label_values(&["applied"]),
            failed: updates.with_label_values(&["failed"]),
            errors: IntGauge::new("mixer_config_errors", "Problems of severity error in the configuration.")?,
        };
        registry.register(Box::new(updates))?;
        registry.register(Box::new(metrics.available.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        Ok(metrics)
    }
}
