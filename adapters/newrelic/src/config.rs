//! Which instances become which metrics, and where they go, checked: every problem of a configuration at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::delivery::aggregate::Kind;
use mixer_adapter_sdk::delivery::http::Url;
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::metric_info::Type;
use crate::generated::params::{MetricInfo, Region};

/// The longest name of a metric, in UTF-16 code units.
const MAX_NAME: usize = 255;
const DEFAULT_HARVEST_PERIOD: Duration = Duration::from_secs(5);
const SHORTEST_HARVEST_PERIOD: Duration = Duration::from_millis(100);
const DEFAULT_MAX_SERIES: i64 = 10_000;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// What becomes of each instance, by its full name.
    pub(crate) metrics: HashMap<String, (Arc<str>, Kind)>,
    pub(crate) api_key_file: Option<PathBuf>,
    pub(crate) target: Target,
    pub(crate) cluster_name: Option<String>,
    pub(crate) harvest_period: Duration,
    pub(crate) max_series: usize,
    pub(crate) ca_file: Option<PathBuf>,
}

/// Where metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Region(Region),
    Url(Url),
}

impl Target {
    /// The Metric API. The key says where its account is.
    pub(crate) fn url(&self, key: &str) -> Option<Url> {
        let region = match self {
            Self::Url(url) => return Some(url.clone()),
            Self::Region(Region::Auto) if key.starts_with("eu01xx") => Region::Eu,
            Self::Region(region) => *region,
        };
        let host = match region {
            Region::Auto | Region::Us => "metric-api.newrelic.com",
            Region::Eu => "metric-api.eu.newrelic.com",
            Region::Gov => "gov-metric-api.newrelic.com",
        };
        format!("https://{host}/metric/v1").parse().ok()
    }
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.newrelic.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let mut metrics = HashMap::new();
        for (instance, info) in &params.metrics {
            if let Some(metric) = check_metric(&params.namespace, instance, info, &mut problems) {
                metrics.insert(instance.clone(), metric);
            }
        }
        let harvest_period =
            problems.duration("harvest_period", params.harvest_period.as_ref(), DEFAULT_HARVEST_PERIOD);
        if harvest_period < SHORTEST_HARVEST_PERIOD {
            problems.add("harvest_period", "must be at least 0.1s");
        }
        let max_series = problems.at_least("max_series", params.max_series, 1, DEFAULT_MAX_SERIES);
        let target = check_target(&params, &mut problems);
        let path = |text: String| (!text.is_empty()).then(|| PathBuf::from(text));
        problems.unless_any(Self {
            metrics,
            api_key_file: path(params.api_key_file),
            target,
            cluster_name: Some(params.cluster_name).filter(|name| !name.is_empty()),
            harvest_period,
            max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
            ca_file: path(params.ca_file),
        })
    }
}

fn check_metric(
    namespace: &str,
    instance: &str,
    info: &MetricInfo,
    problems: &mut Problems,
) -> Option<(Arc<str>, Kind)> {
    let before = problems.len();
    let field = format!("metrics[{instance}]");
    let name = match namespace {
        "" => info.name.clone(),
        namespace => format!("{namespace}.{}", info.name),
    };
    let length = name.encode_utf16().count();
    if info.name.is_empty() {
        problems.add(format!("{field}.name"), "is missing");
    } else if length > MAX_NAME {
        let message = format!(
            "makes a name of {length} UTF-16 code units with the namespace; New Relic takes {MAX_NAME}"
        );
        problems.add(format!("{field}.name"), message);
    }
    let kind = match Type::try_from(info.r#type) {
        Ok(Type::Gauge) => Kind::Gauge,
        Ok(Type::Count) => Kind::Count,
        Ok(Type::Summary) => Kind::Summary,
        Ok(Type::Unspecified) | Err(_) => {
            problems.add(format!("{field}.type"), "is not GAUGE, COUNT or SUMMARY");
            return None;
        }
    };
    (problems.len() == before).then(|| (name.into(), kind))
}

fn check_target(params: &Params, problems: &mut Problems) -> Target {
    if !params.metrics_url.is_empty() {
        match params.metrics_url.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Target::Url(url),
            Ok(_) | Err(_) => {
                problems.add("metrics_url", "is not a URL; write it as https://host/metric/v1");
            }
        }
    }
    match Region::try_from(params.region) {
        Ok(region) => Target::Region(region),
        Err(_) => {
            problems.add("region", "is not AUTO, US, EU or GOV");
            Target::Region(Region::Auto)
        }
    }
}
