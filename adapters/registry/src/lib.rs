//! The one visible list of adapters that the server hosts.

use std::net::SocketAddr;
use std::sync::Arc;

use mixer_adapter_api::Registry;
use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_prometheus_adapter::PrometheusAdapter;

pub use mixer_adapter_sdk::delivery::spool::{SpoolArgs, SpoolError, SpoolHome, SpoolOptions};

/// What hosted adapters need to know of the process that hosts them.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where the Prometheus adapter serves what it collects, once a handler uses it.
    pub prometheus_address: SocketAddr,
}

/// Every adapter that the server hosts.
pub fn registry(options: Options) -> Registry {
    Registry::new(vec![
        mixer_denier_adapter::adapter(),
        mixer_dogstatsd_adapter::adapter(),
        mixer_list_adapter::adapter(),
        mixer_memquota_adapter::adapter(),
        mixer_newrelic_adapter::adapter(),
        mixer_noop_adapter::adapter(),
        mixer_otlp_adapter::adapter(),
        Arc::new(PrometheusAdapter::new(options.prometheus_address.into())),
        mixer_stackdriver_adapter::adapter(),
        mixer_statsd_adapter::adapter(),
        mixer_stdio_adapter::adapter(),
    ])
}

/// The same adapters, whose handlers keep in a spool what they take and have not delivered yet.
#[must_use]
pub fn spooled(registry: &Registry, spool: &SpoolHome) -> Registry {
    Registry::new(registry.iter().map(|adapter| spool.wrap(adapter.clone())).collect())
}

/// Shows what hosted adapters count of their deliveries to backends.
///
/// # Errors
///
/// The registry has metrics of these names already.
pub fn register_metrics(registry: &prometheus::Registry) -> Result<(), prometheus::Error> {
    DeliveryMetrics::shared()?.register(registry)
}
