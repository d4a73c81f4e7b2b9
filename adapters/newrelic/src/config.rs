//! What becomes of instances, and where it goes, checked: every problem of a configuration at once.

pub(crate) mod logs;
mod transport;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::delivery::aggregate::Kind;
use mixer_adapter_sdk::delivery::http::HttpOptions;
use mixer_adapter_sdk::delivery::params::{ConnectionParams, DeliveryParams};
use mixer_adapter_sdk::delivery::{EngineOptions, PipelineOptions, SpoolUse};
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::attributes::{METRIC, end_of, is_allowed};
use crate::endpoints::Target;
use crate::generated::Params;
use crate::generated::params::MetricInfo;
use crate::generated::params::metric_info::Type;
use crate::generated::params::spans::RewriteClientSpanIds;
use logs::LogRule;

/// The longest name of a metric, in UTF-16 code units.
const MAX_NAME: usize = 255;
/// The most common attributes, so that there is room for others.
const MAX_COMMON: usize = 50;
const DEFAULT_MAX_SERIES: i64 = 10_000;
/// The largest payload that the APIs take, compressed.
const MAX_PAYLOAD: usize = 1_000_000;
/// The name of the common attribute that the original adapter has too.
const CLUSTER_NAME: &str = "cluster.name";
/// New Relic drops without telling what is older than 48 hours; what is on the way needs a while too.
const MAX_AGE: Duration = Duration::from_secs(47 * 3600);
/// How much longer an attempt may take than its request, which then can tell what it was waiting for.
const ATTEMPT_MARGIN: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("mixer-newrelic-adapter/", env!("CARGO_PKG_VERSION"));

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// What becomes of each metric instance, by its full name.
    pub(crate) metrics: HashMap<String, (Arc<str>, Kind)>,
    /// What becomes of each logentry instance, by its full name.
    pub(crate) logs: HashMap<String, LogRule>,
    /// What becomes of tracespan instances.
    pub(crate) rewrite: RewriteClientSpanIds,
    /// Whether spans are spoken of at all.
    pub(crate) names_spans: bool,
    pub(crate) key: KeySource,
    pub(crate) way: Way,
    /// Attributes of everything, sorted, without the name of the cluster.
    pub(crate) common: Vec<(Box<str>, Box<str>)>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) max_series: usize,
    pub(crate) http: HttpOptions,
    pub(crate) delivery: PipelineOptions,
    /// Whether the time between harvests is one that the operator chose.
    pub(crate) chosen_period: bool,
}

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    File(PathBuf),
    Variable(String),
    /// As the process says.
    Process,
}

/// How data gets to the account.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// By the ingest APIs.
    Ingest(Box<Targets>),
    /// By the endpoint for OTLP.
    Otlp(Target),
}

/// Where each API is.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    pub(crate) metrics: Target,
    pub(crate) spans: Target,
    pub(crate) logs: Target,
    pub(crate) events: Target,
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
        let max_series = problems.at_least("max_series", params.max_series, 1, DEFAULT_MAX_SERIES);
        let way = transport::check(&params, &mut problems);
        let http = connection(&params).check("", USER_AGENT, &mut problems);
        let delivery = check_delivery(&params, &http, &mut problems);
        let common = check_common(&params, &mut problems);
        let key = check_key(&params, &mut problems);
        let rewrite = check_rewrite(&params, &mut problems);
        let names_spans = params.spans.is_some() || !params.spans_url.is_empty();
        let chosen_period = params.harvest_period.is_some();
        let mut logs = HashMap::new();
        for (instance, info) in params.logs {
            let rule = LogRule::check(&instance, info, &mut problems);
            logs.insert(instance, rule);
        }
        problems.unless_any(Self {
            metrics,
            logs,
            rewrite,
            names_spans,
            key,
            way,
            common,
            cluster_name: Some(params.cluster_name).filter(|name| !name.is_empty()),
            max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
            http,
            delivery,
            chosen_period,
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

fn connection(params: &Params) -> ConnectionParams<'_> {
    ConnectionParams {
        ca_file: &params.ca_file,
        client_certificate_file: &params.client_certificate_file,
        client_key_file: &params.client_key_file,
        proxy_url: &params.proxy_url,
        request_timeout: params.request_timeout.as_ref(),
        connect_timeout: params.connect_timeout.as_ref(),
    }
}

fn check_delivery(params: &Params, http: &HttpOptions, problems: &mut Problems) -> PipelineOptions {
    let defaults = PipelineOptions {
        spool: SpoolUse { max_age: MAX_AGE, ..SpoolUse::default() },
        engine: EngineOptions {
            payload_bytes: MAX_PAYLOAD,
            attempt_timeout: http.timeout + ATTEMPT_MARGIN,
            ..PipelineOptions::default().engine
        },
        ..PipelineOptions::default()
    };
    let options = DeliveryParams {
        harvest_period: params.harvest_period.as_ref(),
        max_queue_items: params.max_queue_items,
        max_queue_bytes: params.max_queue_bytes,
        max_in_flight: params.max_in_flight,
        give_up_after: params.give_up_after.as_ref(),
        spool_max_age: params.spool_max_age.as_ref(),
    };
    let options = options.check("", defaults, problems);
    if options.spool.max_age > MAX_AGE {
        problems.add("spool_max_age", "must be at most 47h: New Relic drops what is older than 48 hours");
    }
    options
}

fn check_common(params: &Params, problems: &mut Problems) -> Vec<(Box<str>, Box<str>)> {
    let mut all: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (name, value) in &params.common_attributes {
        let field = format!("common_attributes[{name}]");
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_allowed) {
            let message = "is not a name; it has 1 to 255 letters, digits, `:`, `.` and `_`";
            problems.add(field, message);
        } else if METRIC.name(name) != *name && !name.starts_with("entity.") {
            problems.add(field, "is a name that New Relic keeps for itself");
        } else if end_of(value, METRIC.text).is_some() {
            problems.add(field, format!("has a value of more than {} characters", METRIC.text));
        }
        all.push((name.as_str().into(), value.as_str().into()));
    }
    if all.len() > MAX_COMMON {
        problems.add("common_attributes", format!("has more than {MAX_COMMON} entries"));
    }
    all.sort();
    all
}

fn check_key(params: &Params, problems: &mut Problems) -> KeySource {
    match (params.api_key_file.as_str(), params.api_key_env.as_str()) {
        ("", "") => KeySource::Process,
        ("", variable) => KeySource::Variable(variable.to_owned()),
        (file, "") => KeySource::File(file.into()),
        (file, _) => {
            problems.add("api_key_env", "is there beside api_key_file; keep one of them");
            KeySource::File(file.into())
        }
    }
}

fn check_rewrite(params: &Params, problems: &mut Problems) -> RewriteClientSpanIds {
    let rewrite = params.spans.as_ref().map_or(0, |spans| spans.rewrite_client_span_ids);
    RewriteClientSpanIds::try_from(rewrite).unwrap_or_else(|_| {
        problems.add("spans.rewrite_client_span_ids", "is not AS_THE_INSTANCE_SAYS, ALWAYS or NEVER");
        RewriteClientSpanIds::AsTheInstanceSays
    })
}

impl Config {
    /// The attributes of everything, the name of the cluster included.
    pub(crate) fn common(&self, cluster_name: Option<&str>) -> Vec<(Box<str>, Box<str>)> {
        let mut all = self.common.clone();
        let cluster = self.cluster_name.as_deref().or(cluster_name);
        if let Some(cluster) = cluster.filter(|_| !all.iter().any(|(name, _)| **name == *CLUSTER_NAME)) {
            all.push((CLUSTER_NAME.into(), cluster.into()));
            all.sort();
        }
        all
    }
}
