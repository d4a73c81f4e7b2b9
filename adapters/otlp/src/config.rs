//! Which instances become which metrics, log records and spans, and where they go, checked: every problem of a configuration at
//! once.

mod environment;
mod exporter;
mod metrics;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use mixer_adapter_sdk::delivery::aggregate::Temporality;
use mixer_adapter_sdk::delivery::otlp::Signal;
use mixer_adapter_sdk::delivery::params::DeliveryParams;
use mixer_adapter_sdk::delivery::{BatchLimits, PipelineOptions, RetryPolicy};
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::{self, RewriteClientSpanIds};
use crate::map::Names;
use crate::map::severity;

pub(crate) use environment::Environment;
pub(crate) use exporter::{Destination, HeaderSource};
pub(crate) use metrics::{MetricConfig, Shape};

const DEFAULT_IDLE: Duration = Duration::from_secs(3600);
const DEFAULT_METRICS_PERIOD: Duration = Duration::from_secs(60);
/// Items are batched by bytes; a request stays below the limits of collectors.
const BATCH_ITEMS: usize = 20_000;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// One for each signal.
    pub(crate) destinations: Vec<(Signal, Destination)>,
    pub(crate) metrics: BTreeMap<String, MetricConfig>,
    pub(crate) temporality: Temporality,
    pub(crate) idle: Duration,
    pub(crate) logs: HashMap<String, LogConfig>,
    pub(crate) severities: HashMap<String, i32>,
    pub(crate) names: Names,
    pub(crate) instance_id: Option<String>,
    pub(crate) rewrite: RewriteClientSpanIds,
    pub(crate) metrics_period: Duration,
    /// For log records and spans, and for metrics with another period.
    pub(crate) delivery: PipelineOptions,
}

/// What becomes of a logentry instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// Parts of the body: text, and names of variables.
    pub(crate) body: Vec<BodyPart>,
    pub(crate) event_name: String,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyPart {
    Text(String),
    Variable(String),
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.otlp.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        Self::in_environment(&params, &Environment::of_process())
    }
}

impl Config {
    /// Checks a configuration where these variables are set.
    pub(crate) fn in_environment(
        params: &Params,
        environment: &Environment,
    ) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let mut metrics = BTreeMap::new();
        let mut by_name: BTreeMap<&str, (&str, &params::Metric)> = BTreeMap::new();
        for (instance, metric) in &params.metrics {
            let field = format!("metrics[{instance}]");
            let (first, known) = *by_name.entry(&metric.name).or_insert((instance, metric));
            if metric != known && !metric.name.is_empty() {
                problems.add(&field, format!("differs from metrics[{first}], which has the same name"));
            }
            if let Some(metric) = metrics::check(&field, metric, &mut problems) {
                metrics.insert(instance.clone(), metric);
            }
        }
        let destinations = check_destinations(params, environment, &mut problems);
        let mut logs = HashMap::new();
        for (instance, log) in &params.logs {
            let field = format!("logs[{instance}].body");
            logs.insert(instance.clone(), check_log(&field, log, &mut problems));
        }
        let idle = params.idle_series_timeout.as_ref();
        let idle = problems.duration("idle_series_timeout", idle, DEFAULT_IDLE);
        if idle.is_zero() {
            problems.add("idle_series_timeout", "must be more than 0s");
        }
        let checked = Self {
            destinations,
            metrics,
            temporality: check_temporality(params, environment, &mut problems),
            idle,
            logs,
            severities: check_severities(params, &mut problems),
            names: check_names(params, environment, &mut problems),
            instance_id: Some(params.instance_id.clone()).filter(|id| !id.is_empty()),
            rewrite: RewriteClientSpanIds::try_from(params.rewrite_client_span_ids).unwrap_or_else(|_| {
                problems.add("rewrite_client_span_ids", "is not AS_THE_INSTANCE_SAYS, ALWAYS or NEVER");
                RewriteClientSpanIds::Never
            }),
            metrics_period: check_metrics_period(params, environment, &mut problems),
            delivery: check_delivery(params, &mut problems),
        };
        problems.unless_any(checked)
    }
}

fn check_destinations(
    params: &Params,
    environment: &Environment,
    problems: &mut Problems,
) -> Vec<(Signal, Destination)> {
    let mut destinations = Vec::new();
    // What signals share is told once.
    let mut told = HashSet::new();
    for signal in Signal::ALL {
        let mut found = Problems::new();
        let destination = exporter::destination(signal, params, environment, &mut found);
        destinations.extend(destination.map(|destination| (signal, destination)));
        for FieldProblem { field, message } in found.unless_any(()).err().unwrap_or_default() {
            if told.insert((field.clone(), message.clone())) {
                problems.add(field, message);
            }
        }
    }
    destinations
}

fn check_delivery(params: &Params, problems: &mut Problems) -> PipelineOptions {
    let mut defaults = PipelineOptions::default();
    defaults.engine.batch = BatchLimits { items: BATCH_ITEMS, ..defaults.engine.batch };
    // A collector that is busy is not asked again at once.
    let retry = RetryPolicy { at_once: false, longest: Duration::from_secs(30), ..defaults.engine.retry };
    defaults.engine.retry = retry;
    let fields = DeliveryParams {
        harvest_period: params.harvest_period.as_ref(),
        max_queue_items: params.max_queue_items,
        max_queue_bytes: params.max_queue_bytes,
        max_in_flight: params.max_in_flight,
        give_up_after: params.give_up_after.as_ref(),
        spool_max_age: params.spool_max_age.as_ref(),
    };
    fields.check("", defaults, problems)
}

fn check_metrics_period(params: &Params, environment: &Environment, problems: &mut Problems) -> Duration {
    const FIELD: &str = "metrics_period";
    const LEAST: Duration = Duration::from_millis(100);
    let default = environment.millis("OTEL_METRIC_EXPORT_INTERVAL", FIELD, problems);
    let default = default.unwrap_or(DEFAULT_METRICS_PERIOD);
    let period = problems.duration(FIELD, params.metrics_period.as_ref(), default);
    if period < LEAST {
        problems.add(FIELD, "must be at least 0.1s");
    }
    period
}

fn check_temporality(params: &Params, environment: &Environment, problems: &mut Problems) -> Temporality {
    const FIELD: &str = "temporality";
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    match params::Temporality::try_from(params.temporality) {
        Ok(params::Temporality::Cumulative) => Temporality::Cumulative,
        Ok(params::Temporality::Delta) => Temporality::Delta,
        Ok(params::Temporality::Default) => match environment.get(VARIABLE) {
            None => Temporality::Cumulative,
            Some(text) if text.eq_ignore_ascii_case("cumulative") => Temporality::Cumulative,
            // Of all metrics that we make, low memory means delta.
            Some(text) if text.eq_ignore_ascii_case("delta") || text.eq_ignore_ascii_case("lowmemory") => {
                Temporality::Delta
            }
            Some(text) => {
                problems.add(FIELD, format!("{VARIABLE} is {text:?}; must be cumulative or delta"));
                Temporality::Cumulative
            }
        },
        Err(_) => {
            problems.add(FIELD, "is not CUMULATIVE or DELTA");
            Temporality::Cumulative
        }
    }
}

fn check_severities(params: &Params, problems: &mut Problems) -> HashMap<String, i32> {
    let mut severities = HashMap::new();
    for (word, name) in &params.severities {
        match severity::by_name(name) {
            Some(number) => drop(severities.insert(word.to_lowercase(), number)),
            None => problems.add(
                format!("severities[{word}]"),
                format!("{name:?} is no severity of OpenTelemetry; write for example INFO, INFO2 or WARN"),
            ),
        }
    }
    severities
}

fn check_names(params: &Params, environment: &Environment, problems: &mut Problems) -> Names {
    let mut fixed: BTreeMap<String, String> = BTreeMap::new();
    if let Some(attributes) = environment.get("OTEL_RESOURCE_ATTRIBUTES") {
        match environment::pairs(attributes) {
            Ok(pairs) => fixed.extend(pairs),
            Err(error) => problems.add("resource_attributes", format!("OTEL_RESOURCE_ATTRIBUTES {error}")),
        }
    }
    if let Some(name) = environment.get("OTEL_SERVICE_NAME") {
        fixed.insert("service.name".to_owned(), name.to_owned());
    }
    fixed.extend(params.resource_attributes.clone());
    for (field, map) in
        [("resource_dimensions", &params.resource_dimensions), ("attribute_names", &params.attribute_names)]
    {
        for (name, _) in map.iter().filter(|(name, to)| name.is_empty() || to.is_empty()) {
            problems.add(format!("{field}[{name}]"), "a name is empty");
        }
    }
    for name in params.attribute_names.keys().filter(|name| params.resource_dimensions.contains_key(*name)) {
        problems.add(format!("attribute_names[{name}]"), "resource_dimensions names it too");
    }
    if fixed.contains_key("") {
        problems.add("resource_attributes[]", "a name is empty");
    }
    Names::new(fixed, &params.resource_dimensions, &params.attribute_names)
}

fn check_log(field: &str, log: &params::Log, problems: &mut Problems) -> LogConfig {
    let mut body = Vec::new();
    let mut rest = log.body.as_str();
    while let Some((text, after)) = rest.split_once('{') {
        let Some((variable, after)) = after.split_once('}') else {
            problems.add(field, "has { without }");
            break;
        };
        if variable.is_empty() {
            problems.add(field, "has {} without a name of a variable");
        }
        body.extend((!text.is_empty()).then(|| BodyPart::Text(text.to_owned())));
        body.push(BodyPart::Variable(variable.to_owned()));
        rest = after;
    }
    body.extend((!rest.is_empty()).then(|| BodyPart::Text(rest.to_owned())));
    LogConfig { body, event_name: log.event_name.clone() }
}

#[cfg(test)]
mod tests;
