//! Which metrics are configured, checked: every problem of a configuration at once.

mod buckets;
mod extras;
mod names;
mod remote_write;

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::FieldProblem;
use mixer_adapter_sdk::params::{self, Problems};

use crate::definition::{Definition, Kind};
use crate::generated::Params;
use crate::generated::params::metric_info::Kind as RawKind;
use crate::generated::params::{MetricInfo, MetricsExpirationPolicy};

pub(crate) use names::clean;
pub(crate) use remote_write::{Auth, Destination, Identity, Protocol};

const DEFAULT_NAMESPACE: &str = "istio";
const DEFAULT_MAX_SERIES: i64 = 50_000;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) metrics: Vec<MetricConfig>,
    pub(crate) expiry: Option<Expiry>,
    /// The most series of one metric.
    pub(crate) max_series: usize,
    /// Whether the metrics can be scraped.
    pub(crate) scrape: bool,
    pub(crate) remote_write: Vec<Destination>,
}

/// What becomes of one metric instance.
#[derive(Clone, Debug)]
pub(crate) struct MetricConfig {
    /// Full name of the instance.
    pub(crate) instance: String,
    pub(crate) help: String,
    pub(crate) definition: Definition,
}

/// When series are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) after: Duration,
    pub(crate) check_every: Duration,
}

impl Config {
    pub(crate) fn check(bytes: &[u8]) -> Result<Self, Vec<FieldProblem>> {
        let params: Params = params::decode(bytes).map_err(|problem| vec![problem])?;
        let mut problems = Problems::new();
        let metrics = check_metrics(&params.metrics, &mut problems);
        let expiry = params.metrics_expiration_policy.map(|policy| check_expiry(&policy, &mut problems));
        let max_series =
            problems.at_least("max_series_per_metric", params.max_series_per_metric, 1, DEFAULT_MAX_SERIES);
        let max_series = usize::try_from(max_series).unwrap_or(usize::MAX);
        let remote_write = remote_write::check(&params.remote_write, &mut problems);
        let scrape = params.scrape.unwrap_or(true);
        if !scrape && params.remote_write.is_empty() {
            problems.add("scrape", "is false and there is no `remote_write`: the metrics would go nowhere");
        }
        problems.unless_any(Self { metrics, expiry, max_series, scrape, remote_write })
    }
}

fn check_metrics(infos: &[MetricInfo], problems: &mut Problems) -> Vec<MetricConfig> {
    let mut metrics: Vec<MetricConfig> = Vec::with_capacity(infos.len());
    // Names of exposed samples, and which metric they belong to.
    let mut samples: HashMap<String, usize> = HashMap::new();
    for (index, info) in infos.iter().enumerate() {
        let field = format!("metrics[{index}]");
        let Some(metric) = check_metric(&field, info, problems) else { continue };
        let earlier = metric.definition.sample_names().find_map(|name| samples.get(&name).copied());
        match earlier.and_then(|earlier| metrics.get(earlier)) {
            // Several instances may go into one metric.
            Some(earlier) if earlier.definition == metric.definition => {}
            Some(earlier) => {
                problems.add(format!("{field}.name"), metric.definition.conflict(&earlier.definition));
                continue;
            }
            None => samples.extend(metric.definition.sample_names().map(|name| (name, metrics.len()))),
        }
        metrics.push(metric);
    }
    metrics
}

fn check_metric(field: &str, info: &MetricInfo, problems: &mut Problems) -> Option<MetricConfig> {
    let before = problems.len();
    if info.instance_name.is_empty() {
        problems.add(
            format!("{field}.instance_name"),
            "is missing; give the full name of a metric instance, such as requestcount.instance.istio-system",
        );
    }
    let short = if info.name.is_empty() { &info.instance_name } else { &info.name };
    let namespace = if info.namespace.is_empty() { DEFAULT_NAMESPACE } else { &info.namespace };
    let name = names::full(namespace, short);
    if !short.is_empty() && !names::is_metric_name(&name) {
        problems.add(format!("{field}.name"), format!("makes {name:?}, which is no name of a metric"));
    }
    let mut kind = check_kind(field, info, problems);
    let native = extras::native(field, info, &mut kind, problems);
    let reserved = if matches!(kind, Some(Kind::Distribution(_))) { &["le"][..] } else { &[] };
    let labels = names::labels(field, &info.label_names, reserved, problems);
    let exemplar_labels = extras::exemplar_labels(field, info, kind.as_ref(), (&labels, problems));
    let help = if info.description.is_empty() { short } else { &info.description };
    if problems.len() > before {
        return None;
    }
    Some(MetricConfig {
        instance: info.instance_name.clone(),
        help: help.clone(),
        definition: Definition { name, kind: kind?, labels, exemplar_labels, native },
    })
}

fn check_kind(field: &str, info: &MetricInfo, problems: &mut Problems) -> Option<Kind> {
    match RawKind::try_from(info.kind) {
        Ok(RawKind::Gauge) => Some(Kind::Gauge),
        Ok(RawKind::Counter) => Some(Kind::Counter),
        Ok(RawKind::Distribution) => {
            buckets::bounds(field, info.buckets.as_ref(), problems).map(Kind::Distribution)
        }
        Ok(RawKind::Unspecified) | Err(_) => {
            problems.add(format!("{field}.kind"), "is not GAUGE, COUNTER or DISTRIBUTION");
            None
        }
    }
}

fn check_expiry(policy: &MetricsExpirationPolicy, problems: &mut Problems) -> Expiry {
    let field = |name| format!("metrics_expiration_policy.{name}");
    let before = problems.len();
    let after_field = field("metrics_expiry_duration");
    let after = problems.duration(&after_field, policy.metrics_expiry_duration.as_ref(), Duration::ZERO);
    if after.is_zero() && problems.len() == before {
        problems.add(after_field, "must be more than 0");
    }
    let check_field = field("expiry_check_interval_duration");
    let check_every =
        problems.duration(&check_field, policy.expiry_check_interval_duration.as_ref(), Duration::ZERO);
    let check_every = if check_every.is_zero() { after / 2 } else { check_every };
    // A timer needs some time between its ticks.
    Expiry { after, check_every: check_every.max(Duration::from_millis(1)) }
}
