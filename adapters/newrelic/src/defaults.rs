//! What the process says for handlers that do not say it themselves: the flags and environment of the original adapter.

use std::time::Duration;

use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::http::Url;

/// What the process says for handlers that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The ingest license key. Without it that of the environment variable `NEW_RELIC_API_KEY`.
    pub api_key: Option<Secret>,
    /// Value of the attribute `cluster.name`.
    pub cluster_name: Option<String>,
    /// Time between two harvests.
    pub harvest_period: Option<Duration>,
    /// URL of the Metric API.
    pub metrics_url: Option<Url>,
    /// URL of the Trace API.
    pub spans_url: Option<Url>,
}
