//! Which instances become which metrics, and where they go, checked: every problem of a configuration at once.

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::delivery::datagram::{LineAddress, LineOptions};
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::text_template::{Part, TextTemplate};
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::metric_info::Type;
use crate::generated::params::{IntegerDistribution, MetricInfo};
use crate::line;

const DEFAULT_ADDRESS: &str = "localhost:8125";
const DEFAULT_FLUSH: Duration = Duration::from_millis(300);
const SHORTEST_FLUSH: Duration = Duration::from_millis(1);
const DEFAULT_PAYLOAD: usize = 512;
const DEFAULT_QUEUE: i64 = 4 << 20;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) options: LineOptions,
    pub(crate) style: Style,
    /// What becomes of each instance, by its full name.
    pub(crate) metrics: HashMap<String, Metric>,
}

/// How lines are written.
#[derive(Debug)]
pub(crate) struct Style {
    /// Above 0, at most 1.
    pub(crate) rate: f32,
    pub(crate) integers: IntegerDistribution,
    /// None without Graphite's tags, else those of every metric: `;key=value`, and the keys.
    pub(crate) tags: Option<(String, Vec<String>)>,
}

/// What becomes of one instance.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) kind: Kind,
    /// The name with its prefix.
    pub(crate) name: TextTemplate,
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
    const MESSAGE: &'static str = "adapter.statsd.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let mut metrics = HashMap::new();
        for (instance, info) in &params.metrics {
            if let Some(metric) = check_metric(&params.prefix, instance, info, &mut problems) {
                metrics.insert(instance.clone(), metric);
            }
        }
        let options = check_options(&params, &mut problems);
        let style = check_style(&params, &mut problems);
        problems.unless_any(Self { options, style, metrics })
    }
}

fn check_metric(prefix: &str, instance: &str, info: &MetricInfo, problems: &mut Problems) -> Option<Metric> {
    let field = format!("metrics[{instance}]");
    let kind = match Type::try_from(info.r#type) {
        Ok(Type::Counter) => Some(Kind::Counter),
        Ok(Type::Gauge) => Some(Kind::Gauge),
        Ok(Type::Distribution) => Some(Kind::Distribution),
        Ok(Type::Set) => Some(Kind::Set),
        Ok(Type::Unknown) | Err(_) => {
            problems.add(format!("{field}.type"), "is not COUNTER, GAUGE, DISTRIBUTION or SET");
            None
        }
    };
    let name = match info.name_template.parse::<TextTemplate>() {
        Ok(template) if template.parts().is_empty() => literal(instance),
        Ok(template) => template,
        Err(error) => {
            problems.add(format!("{field}.name_template"), format!("failed to parse template: {error}"));
            return None;
        }
    };
    let head = match prefix.strip_suffix('.').unwrap_or(prefix) {
        "" => literal(""),
        prefix => literal(&format!("{prefix}.")),
    };
    // What stands there for every instance is made fit once.
    let clean = |part: &Part| match part {
        Part::Text(text) => Part::Text(line::clean(text).0.into_owned()),
        value => value.clone(),
    };
    let name = TextTemplate::of(head.parts().iter().chain(name.parts()).map(clean));
    Some(Metric { kind: kind?, name })
}

fn literal(text: &str) -> TextTemplate {
    TextTemplate::of([Part::Text(text.to_owned())])
}

fn check_address(text: &str, problems: &mut Problems) -> LineAddress {
    let text = if text.is_empty() { DEFAULT_ADDRESS } else { text };
    let problem = match text.parse::<LineAddress>() {
        Ok(LineAddress::UnixStream(_) | LineAddress::Unix(_)) => {
            "is one for DogStatsD only; write host:port, tcp://host:port or unixgram:///path".to_owned()
        }
        Ok(address) => return address,
        Err(error) => error.to_string(),
    };
    problems.add("address", problem);
    LineAddress::Udp { host: "localhost".to_owned(), port: 8125 }
}

fn check_options(params: &Params, problems: &mut Problems) -> LineOptions {
    let address = check_address(&params.address, problems);
    let flush = problems.duration("flush_duration", params.flush_duration.as_ref(), DEFAULT_FLUSH);
    let largest = address.largest_payload();
    let payload = match usize::try_from(params.flush_bytes) {
        Ok(0) => DEFAULT_PAYLOAD,
        Ok(bytes) if bytes <= largest => bytes,
        _ => {
            problems.add("flush_bytes", format!("is {}; must be 0 to {largest}", params.flush_bytes));
            DEFAULT_PAYLOAD
        }
    };
    let queue = problems.at_least("max_queue_bytes", params.max_queue_bytes, payload as i64, DEFAULT_QUEUE);
    LineOptions {
        payload_bytes: payload,
        // As in the original, 0 is the default.
        flush_interval: if flush.is_zero() { DEFAULT_FLUSH } else { flush.max(SHORTEST_FLUSH) },
        queue_bytes: usize::try_from(queue).unwrap_or(usize::MAX),
        ..LineOptions::new(address)
    }
}

fn check_style(params: &Params, problems: &mut Problems) -> Style {
    let rate = match params.sampling_rate {
        0.0 => 1.0,
        rate if rate > 0.0 && rate <= 1.0 => rate,
        rate => {
            problems.add("sampling_rate", format!("is {rate}; must be above 0 and at most 1"));
            1.0
        }
    };
    let integers = IntegerDistribution::try_from(params.integer_distribution).unwrap_or_else(|_| {
        problems.add("integer_distribution", "is not AS_COUNTER, AS_TIMING or AS_HISTOGRAM");
        IntegerDistribution::AsCounter
    });
    if !params.graphite_tags && !params.global_tags.is_empty() {
        problems.add("global_tags", "needs graphite_tags: true");
    }
    let tags = params.graphite_tags.then(|| {
        let mut written = Vec::new();
        for (key, value) in &params.global_tags {
            if line::tag(&mut written, key, value).is_none() {
                problems.add(format!("global_tags[{key}]"), "has an empty key or value");
            }
        }
        let keys = params.global_tags.keys().map(|key| line::clean(key).0.into_owned()).collect();
        (String::from_utf8_lossy(&written).into_owned(), keys)
    });
    Style { rate, integers, tags }
}
