//! Which instances become what, and where it goes, checked: every problem of a configuration at once.

mod log_entries;

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::delivery::datagram::LineAddress;
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::metric_info::Type;
use crate::generated::params::{Aggregation, Cardinality, DistributionForm, MetricInfo};
use crate::line::Style;
use crate::log_entry::Entry;
use crate::tags::{FixedTags, fit_field, fit_name};

const DEFAULT_PREFIX: &str = "istio.";
/// The longest name of a metric that Datadog takes.
const MAX_NAME: usize = 200;
const DEFAULT_FLUSH: Duration = Duration::from_millis(300);
const SHORTEST_FLUSH: Duration = Duration::from_millis(10);
const LEAST_PAYLOAD: i32 = 256;
const DEFAULT_QUEUE: i64 = 4 << 20;
const DEFAULT_SERIES: i64 = 10_000;

/// Where agents listen when nothing says otherwise.
pub(crate) fn default_address() -> LineAddress {
    LineAddress::Udp { host: "localhost".to_owned(), port: 8125 }
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to, when the configuration says so.
    pub(crate) address: Option<LineAddress>,
    pub(crate) style: Style,
    pub(crate) rate: f64,
    pub(crate) aggregation: Aggregation,
    pub(crate) payload_bytes: Option<usize>,
    pub(crate) payload_lines: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) queue_bytes: usize,
    pub(crate) max_series: usize,
    pub(crate) telemetry: bool,
    pub(crate) timestamps: bool,
    pub(crate) origin_detection: bool,
    pub(crate) ignore_environment: bool,
    pub(crate) metrics: Vec<Metric>,
    /// Positions in `metrics`, by the full names of instances.
    pub(crate) by_instance: HashMap<String, usize>,
    pub(crate) log_entries: HashMap<String, Vec<Entry>>,
}

/// What becomes of one metric instance.
#[derive(Debug)]
pub(crate) struct Metric {
    /// The name with its prefix, and a colon.
    pub(crate) head: String,
    pub(crate) kind: Kind,
    pub(crate) form: DistributionForm,
    pub(crate) tags: FixedTags,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Distribution,
    Set,
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.dogstatsd.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let address = check_address(&params.address, &mut problems);
        let aggregation = Aggregation::try_from(params.aggregation).unwrap_or_else(|_| {
            problems.add("aggregation", "is not BASIC, NONE or EXTENDED");
            Aggregation::Basic
        });
        if params.timestamps && aggregation == Aggregation::None {
            problems.add(
                "timestamps",
                "needs aggregation: without, values of one second would replace each other",
            );
        }
        let flush_interval =
            problems.duration("flush_interval", params.flush_interval.as_ref(), DEFAULT_FLUSH);
        if flush_interval < SHORTEST_FLUSH {
            problems.add("flush_interval", "must be at least 0.01s");
        }
        let lines = usize::try_from(params.buffer_length).unwrap_or_else(|_| {
            problems.add("buffer_length", format!("is {}; must be at least 0", params.buffer_length));
            0
        });
        let payload_bytes = check_payload(params.max_payload_bytes, address.as_ref(), &mut problems);
        let least_queue = payload_bytes.unwrap_or_default() as i64;
        let queue = problems.at_least("max_queue_bytes", params.max_queue_bytes, least_queue, DEFAULT_QUEUE);
        let max_series = problems.at_least("max_series", params.max_series, 1, DEFAULT_SERIES);
        let (metrics, by_instance) = check_metrics(&params, &mut problems);
        let rate = check_rate(params.sample_rate, &mut problems);
        let style = check_style(&params, &mut problems);
        let log_entries = log_entries::check(&params, &mut problems);
        problems.unless_any(Self {
            address,
            rate,
            style,
            aggregation,
            payload_bytes,
            payload_lines: if lines == 0 { usize::MAX } else { lines },
            flush_interval,
            queue_bytes: usize::try_from(queue).unwrap_or(usize::MAX),
            max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
            telemetry: !params.no_telemetry,
            timestamps: params.timestamps,
            origin_detection: params.origin_detection,
            ignore_environment: params.ignore_environment,
            metrics,
            by_instance,
            log_entries,
        })
    }
}

impl Config {
    /// Says where instances and configuration do not meet; the usual cause of metrics that nobody sees.
    pub(crate) fn tell_unmatched(&self, spec: &HandlerSpec) {
        let handler = &spec.name;
        if self.metrics.is_empty() && self.log_entries.is_empty() {
            tracing::warn!(%handler, "neither `metrics`, `events` nor `service_checks` has an entry: every instance will be dropped");
        }
        for instance in &spec.instances {
            let name = &*instance.name;
            if !self.by_instance.contains_key(name) && !self.log_entries.contains_key(name) {
                tracing::warn!(%handler, instance = name, "a rule sends an instance for which there is no entry; it will be dropped");
            }
        }
    }
}

fn check_address(text: &str, problems: &mut Problems) -> Option<LineAddress> {
    if text.is_empty() {
        return None;
    }
    let problem = match text.parse() {
        Ok(LineAddress::Tcp { .. }) => {
            "is one that agents do not have; write host:port, unix:///path, unixgram:///path or unixstream:///path"
                .to_owned()
        }
        Ok(address) => return Some(address),
        Err(error) => error.to_string(),
    };
    problems.add("address", problem);
    None
}

fn check_payload(
    bytes: Option<i32>,
    address: Option<&LineAddress>,
    problems: &mut Problems,
) -> Option<usize> {
    let largest = address.map_or_else(|| default_address().largest_payload(), LineAddress::largest_payload);
    let given = bytes?;
    let fits = usize::try_from(given).ok().filter(|bytes| given >= LEAST_PAYLOAD && *bytes <= largest);
    if fits.is_none() {
        problems.add("max_payload_bytes", format!("is {given}; must be {LEAST_PAYLOAD} to {largest}"));
    }
    fits
}

fn check_rate(rate: f64, problems: &mut Problems) -> f64 {
    match rate {
        // Not given.
        0.0 => 1.0,
        rate if rate > 0.0 && rate <= 1.0 => rate,
        rate => {
            problems.add("sample_rate", format!("is {rate}; must be above 0 and at most 1"));
            1.0
        }
    }
}

fn check_style(params: &Params, problems: &mut Problems) -> Style {
    let cardinality = match Cardinality::try_from(params.cardinality) {
        Ok(Cardinality::Default) => None,
        Ok(Cardinality::NoTags) => Some("none"),
        Ok(Cardinality::Low) => Some("low"),
        Ok(Cardinality::Orchestrator) => Some("orchestrator"),
        Ok(Cardinality::High) => Some("high"),
        Err(_) => {
            problems.add("cardinality", "is not DEFAULT, NO_TAGS, LOW, ORCHESTRATOR or HIGH");
            None
        }
    };
    let mut field = |name: &str, text: &str| {
        if matches!(fit_field(text), std::borrow::Cow::Owned(_)) {
            problems.add(name, "must not hold | or control characters");
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    Style {
        tags: FixedTags::of(&params.global_tags),
        container: field("container_id", &params.container_id),
        external_data: field("external_data", &params.external_data),
        cardinality,
    }
}

fn check_metrics(params: &Params, problems: &mut Problems) -> (Vec<Metric>, HashMap<String, usize>) {
    let form = DistributionForm::try_from(params.distribution_form).unwrap_or_else(|_| {
        problems.add("distribution_form", NO_FORM);
        DistributionForm::Auto
    });
    let prefix = match params.prefix.as_deref().unwrap_or(DEFAULT_PREFIX) {
        "" => String::new(),
        prefix => format!("{}.", prefix.strip_suffix('.').unwrap_or(prefix)),
    };
    let (mut metrics, mut by_instance) = (Vec::new(), HashMap::new());
    for (instance, info) in &params.metrics {
        if let Some(metric) = check_metric((&prefix, form), instance, info, problems) {
            by_instance.insert(instance.clone(), metrics.len());
            metrics.push(metric);
        }
    }
    (metrics, by_instance)
}

const NO_FORM: &str = "is not AUTO, HISTOGRAM, TIMING or DISTRIBUTION";

fn check_metric(
    (prefix, form): (&str, DistributionForm),
    instance: &str,
    info: &MetricInfo,
    problems: &mut Problems,
) -> Option<Metric> {
    let before = problems.len();
    let field = format!("metrics[{instance}]");
    let name = fit_name(&format!("{prefix}{}", info.name));
    if info.name.is_empty() {
        problems.add(format!("{field}.name"), "is missing");
    } else if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        problems.add(
            format!("{field}.name"),
            format!("makes {name:?}; Datadog takes names that begin with a letter"),
        );
    } else if name.len() > MAX_NAME {
        let length = name.len();
        problems.add(
            format!("{field}.name"),
            format!("makes a name of {length} characters with the prefix; Datadog takes {MAX_NAME}"),
        );
    }
    let kind = match Type::try_from(info.r#type) {
        Ok(Type::Counter) => Some(Kind::Counter),
        Ok(Type::Gauge) => Some(Kind::Gauge),
        Ok(Type::Distribution) => Some(Kind::Distribution),
        Ok(Type::Set) => Some(Kind::Set),
        Ok(Type::UnknownType) | Err(_) => {
            problems.add(format!("{field}.type"), "is not COUNTER, GAUGE, DISTRIBUTION or SET");
            None
        }
    };
    let form = match info.distribution_form.map(DistributionForm::try_from) {
        None => form,
        Some(Ok(form)) => form,
        Some(Err(_)) => {
            problems.add(format!("{field}.distribution_form"), NO_FORM);
            form
        }
    };
    let kind = kind.filter(|_| problems.len() == before)?;
    Some(Metric { head: format!("{name}:"), kind, form, tags: FixedTags::of(&info.tags) })
}
