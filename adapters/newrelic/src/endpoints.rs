//! The ingest APIs and where each region serves them.

use mixer_adapter_sdk::delivery::http::Url;
use mixer_adapter_sdk::delivery::otlp::Signal;

use crate::generated::params::Region;

/// One of the ingest APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Api {
    /// Dimensional metrics.
    Metric,
    /// Spans.
    Trace,
    /// Log entries.
    Log,
    /// Custom events.
    Event,
}

impl Api {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Metric, Self::Trace, Self::Log, Self::Event];

    /// The name in log lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metric => "Metric API",
            Self::Trace => "Trace API",
            Self::Log => "Log API",
            Self::Event => "Event API",
        }
    }

    /// The label `backend` of the delivery metrics.
    pub(crate) fn backend(self) -> &'static str {
        match self {
            Self::Metric => "newrelic_metrics",
            Self::Trace => "newrelic_spans",
            Self::Log => "newrelic_logs",
            Self::Event => "newrelic_events",
        }
    }

    /// The path that the API has on every host.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Metric => "/metric/v1",
            Self::Trace => "/trace/v1",
            Self::Log => "/log/v1",
            Self::Event => "/v1/accounts/events",
        }
    }

    /// The host that serves it. Those of Japan are the ones that most clients use; the vendor documents them less firmly than
    /// the others.
    fn host(self, region: Region) -> &'static str {
        let [us, eu, gov, jp] = match self {
            Self::Metric => [
                "metric-api.newrelic.com",
                "metric-api.eu.newrelic.com",
                "gov-metric-api.newrelic.com",
                "metric-api.jp.nr-data.net",
            ],
            Self::Trace => [
                "trace-api.newrelic.com",
                "trace-api.eu.newrelic.com",
                "gov-trace-api.newrelic.com",
                "trace-api.jp.nr-data.net",
            ],
            Self::Log => [
                "log-api.newrelic.com",
                "log-api.eu.newrelic.com",
                "gov-log-api.newrelic.com",
                "log-api.jp.nr-data.net",
            ],
            Self::Event => [
                "insights-collector.newrelic.com",
                "insights-collector.eu01.nr-data.net",
                "gov-insights-collector.newrelic.com",
                "insights-collector.jp.nr-data.net",
            ],
        };
        match region {
            Region::Auto | Region::Us => us,
            Region::Eu => eu,
            Region::Gov => gov,
            Region::Jp => jp,
        }
    }
}

/// The host of a region that takes OTLP. What is said of Japan above goes for it too.
fn otlp_host(region: Region) -> &'static str {
    match region {
        Region::Auto | Region::Us => "otlp.nr-data.net",
        Region::Eu => "otlp.eu01.nr-data.net",
        Region::Gov => "gov-otlp.nr-data.net",
        Region::Jp => "otlp.jp.nr-data.net",
    }
}

/// Where an API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// On the host of a region.
    Region(Region),
    /// There.
    Url(Url),
}

impl Target {
    /// The URL of an API for an account with this key.
    pub(crate) fn url(&self, api: Api, key: &str) -> Option<Url> {
        let region = match self {
            Self::Url(url) => return Some(url.clone()),
            Self::Region(region) => region_of(*region, key),
        };
        format!("https://{}{}", api.host(region), api.path()).parse().ok()
    }

    /// The URL that takes a signal of OTLP for an account with this key.
    pub(crate) fn otlp_url(&self, signal: Signal, key: &str) -> Option<Url> {
        let base = match self {
            Self::Url(url) => url.to_string(),
            Self::Region(region) => format!("https://{}", otlp_host(region_of(*region, key))),
        };
        format!("{}{}", base.trim_end_matches('/'), signal.path()).parse().ok()
    }
}

/// The region that is meant.
fn region_of(region: Region, key: &str) -> Region {
    match region {
        Region::Auto => region_of_key(key),
        region => region,
    }
}

/// Keys tell their region by how they begin: two letters and two digits, as in `eu01xx`. Those of the United States begin with
/// anything else.
fn region_of_key(key: &str) -> Region {
    let digits = |at: std::ops::Range<usize>| {
        key.get(at).is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if key.starts_with("eu") && digits(2..4) {
        return Region::Eu;
    }
    if key.starts_with("jp") {
        return Region::Jp;
    }
    Region::Us
}

/// Reads a URL that an operator wrote: a URL without a path gets that of the API, as official clients take a host.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn parse_url(api: Api, text: &str) -> Result<Url, String> {
    let mut url =
        parse_base(text).ok_or_else(|| format!("is not a URL; write it as https://host{}", api.path()))?;
    if matches!(url.path(), "" | "/") {
        url.set_path(api.path());
    }
    Ok(url)
}

/// Reads the URL of an endpoint for OTLP; none when it is none.
pub(crate) fn parse_base(text: &str) -> Option<Url> {
    let url: Url = text.trim().parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests;
