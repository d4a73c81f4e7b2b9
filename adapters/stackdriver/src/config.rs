//! What becomes of which instance, and where it goes, checked: every problem of a configuration at once.

mod log;
mod metric;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::delivery::PipelineOptions;
use mixer_adapter_sdk::delivery::http::{HttpOptions, Url};
use mixer_adapter_sdk::delivery::params::{ConnectionParams, DeliveryParams};
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::{Creds, Trace};

pub(crate) use log::{HttpMapping, Log};
pub(crate) use metric::{Buckets, Form, Kind, Metric, ValueType};

const DEFAULT_PUSH_INTERVAL: Duration = Duration::from_secs(60);
/// A series takes one point in five seconds.
pub(crate) const SHORTEST_PUSH_INTERVAL: Duration = Duration::from_secs(5);
const DEFAULT_SERIES_EXPIRY: Duration = Duration::from_secs(600);
const DEFAULT_MAX_SERIES: i64 = 10_000;
const DEFAULT_HARVEST: Duration = Duration::from_secs(1);
/// The API takes no points that are older than 25 hours.
const DEFAULT_SPOOL_AGE: Duration = Duration::from_secs(24 * 3600);
const MAX_LABEL_KEY: usize = 100;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// What becomes of each metric instance, by its full name.
    pub(crate) metrics: HashMap<String, Arc<Metric>>,
    /// What becomes of each log instance, by its full name.
    pub(crate) logs: HashMap<String, Arc<Log>>,
    /// Part of the traces that is sent; none when no spans are wanted.
    pub(crate) sample_probability: Option<f64>,
    pub(crate) credentials: CredentialChoice,
    pub(crate) self_signed_jwt: bool,
    pub(crate) endpoints: Endpoints,
    pub(crate) place: Place,
    pub(crate) quota_project: Option<String>,
    pub(crate) replica_label: ReplicaLabel,
    pub(crate) push_interval: Duration,
    pub(crate) series_expiry: Duration,
    pub(crate) max_series: usize,
    pub(crate) http: HttpOptions,
    /// How entries and spans are delivered.
    pub(crate) delivery: PipelineOptions,
}

/// Which credentials are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialChoice {
    /// Those that are found by the rules for applications.
    Default,
    /// Those of a file.
    File(PathBuf),
}

/// Addresses of the APIs, which end in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) monitoring: Url,
    pub(crate) logging: Url,
    pub(crate) trace: Url,
}

/// What is said about the place where the mesh runs; what is missing comes from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) project_id: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) mesh_uid: Option<String>,
}

/// How series of several replicas are kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplicaLabel {
    /// By `mixer_replica`, on metrics whose descriptor is ours.
    OnOurs,
    /// By this label on every metric.
    Named(String),
    /// Not at all.
    Off,
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.stackdriver.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let metrics = params.metric_info.iter().filter_map(|(instance, info)| {
            Some((instance.clone(), Arc::new(metric::check(instance, info, &mut problems)?)))
        });
        let metrics: HashMap<_, _> = metrics.collect();
        let logs = params.log_info.iter().filter_map(|(instance, info)| {
            Some((instance.clone(), Arc::new(log::check(instance, info, &mut problems)?)))
        });
        let logs = logs.collect();
        let push_interval =
            problems.duration("push_interval", params.push_interval.as_ref(), DEFAULT_PUSH_INTERVAL);
        // The original took none for the default.
        let push_interval = if push_interval.is_zero() { DEFAULT_PUSH_INTERVAL } else { push_interval };
        if push_interval < SHORTEST_PUSH_INTERVAL {
            problems.add("push_interval", "must be at least 5s: a series takes one point in five seconds");
        }
        let series_expiry =
            problems.duration("series_expiry", params.series_expiry.as_ref(), DEFAULT_SERIES_EXPIRY);
        if series_expiry < push_interval {
            problems.add("series_expiry", "must not be less than push_interval");
        }
        let max_series = problems.at_least("max_series", params.max_series, 1, DEFAULT_MAX_SERIES);
        let sample_probability = check_trace(params.trace.as_ref(), &mut problems);
        let credentials = check_credentials(params.creds.as_ref(), &mut problems);
        let replica_label = check_replica_label(params.replica_label.as_deref(), &mut problems);
        let endpoints = check_endpoints(&params, &mut problems);
        let (http, delivery) = check_delivery(&params, &mut problems);
        check_same_types(&metrics, &mut problems);
        let Some(endpoints) = endpoints else {
            return problems.unless_any(()).and(Err(Vec::new()));
        };
        let some = |text: String| (!text.is_empty()).then_some(text);
        problems.unless_any(Self {
            metrics,
            logs,
            sample_probability,
            credentials,
            self_signed_jwt: params.self_signed_jwt,
            endpoints,
            place: Place {
                project_id: some(params.project_id),
                location: some(params.location),
                cluster_name: some(params.cluster_name),
                mesh_uid: some(params.mesh_uid),
            },
            quota_project: some(params.quota_project_id),
            replica_label,
            push_interval,
            series_expiry,
            max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
            http,
            delivery,
        })
    }
}

fn check_delivery(params: &Params, problems: &mut Problems) -> (HttpOptions, PipelineOptions) {
    let connection = ConnectionParams {
        ca_file: &params.ca_file,
        proxy_url: &params.proxy_url,
        request_timeout: params.request_timeout.as_ref(),
        connect_timeout: params.connect_timeout.as_ref(),
        ..ConnectionParams::default()
    };
    let user_agent = concat!("mixer-stackdriver-adapter/", env!("CARGO_PKG_VERSION"));
    let http = connection.check("", user_agent, problems);
    let delivery = DeliveryParams {
        harvest_period: params.harvest_period.as_ref(),
        max_queue_items: params.max_queue_items,
        max_queue_bytes: params.max_queue_bytes,
        max_in_flight: params.max_in_flight,
        give_up_after: params.give_up_after.as_ref(),
        spool_max_age: params.spool_max_age.as_ref(),
    };
    let mut defaults = PipelineOptions { harvest_period: DEFAULT_HARVEST, ..PipelineOptions::default() };
    defaults.spool.max_age = DEFAULT_SPOOL_AGE;
    (http, delivery.check("", defaults, problems))
}

/// Instances may share a metric, but not say different things about it.
fn check_same_types(metrics: &HashMap<String, Arc<Metric>>, problems: &mut Problems) {
    let mut sorted: Vec<_> = metrics.iter().collect();
    sorted.sort_by_key(|(instance, _)| *instance);
    let mut known: HashMap<&str, (&str, &Metric)> = HashMap::new();
    for (instance, metric) in sorted {
        match known.get(metric.metric_type.as_str()) {
            Some((other, same)) if **same != **metric => problems.add(
                format!("metric_info[{instance}].metric_type"),
                format!("{} is also the type of {other}, with other settings", metric.metric_type),
            ),
            Some(_) => {}
            None => drop(known.insert(&metric.metric_type, (instance, metric))),
        }
    }
}

fn check_trace(trace: Option<&Trace>, problems: &mut Problems) -> Option<f64> {
    let probability = trace?.sample_probability;
    if !(0.0..=1.0).contains(&probability) {
        problems.add("trace.sample_probability", format!("is {probability}; must be from 0 to 1"));
    }
    Some(probability)
}

fn check_credentials(creds: Option<&Creds>, problems: &mut Problems) -> CredentialChoice {
    match creds {
        Some(Creds::ServiceAccountPath(path)) if !path.is_empty() => {
            CredentialChoice::File(PathBuf::from(path))
        }
        Some(Creds::ApiKey(_)) => {
            problems.add(
                "api_key",
                "these APIs take no API keys, they want to know who writes; use app_credentials or service_account_path",
            );
            CredentialChoice::Default
        }
        Some(Creds::ServiceAccountPath(_) | Creds::AppCredentials(_)) | None => CredentialChoice::Default,
    }
}

fn check_replica_label(label: Option<&str>, problems: &mut Problems) -> ReplicaLabel {
    match label {
        None => ReplicaLabel::OnOurs,
        Some("") => ReplicaLabel::Off,
        Some(label) => {
            if !is_label_key(label) {
                problems.add("replica_label", "is no name of a label: a letter, then letters, digits and _");
            }
            ReplicaLabel::Named(label.to_owned())
        }
    }
}

/// Whether the API takes it as the name of a label.
pub(crate) fn is_label_key(key: &str) -> bool {
    key.len() <= MAX_LABEL_KEY
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_endpoints(params: &Params, problems: &mut Problems) -> Option<Endpoints> {
    let common = ("endpoint", params.endpoint.as_str());
    let mut endpoint = |field: &'static str, own: &str, host: &str| {
        let (field, text) = match (own, common.1) {
            ("", "") => ("endpoint", host),
            ("", text) => (common.0, text),
            (own, _) => (field, own),
        };
        match parse_endpoint(text) {
            Ok(url) => Some(url),
            Err(message) => {
                problems.add(field, message);
                None
            }
        }
    };
    let monitoring =
        endpoint("monitoring_endpoint", &params.monitoring_endpoint, "monitoring.googleapis.com");
    let logging = endpoint("logging_endpoint", &params.logging_endpoint, "logging.googleapis.com");
    let trace = endpoint("trace_endpoint", &params.trace_endpoint, "cloudtrace.googleapis.com");
    Some(Endpoints { monitoring: monitoring?, logging: logging?, trace: trace? })
}

/// `https://host[:port][/path]`, or as the original took it `host[:port]`.
pub(crate) fn parse_endpoint(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let with_slash = if with_scheme.ends_with('/') { with_scheme } else { format!("{with_scheme}/") };
    let url: Url =
        with_slash.parse().map_err(|_| "is not an address; write it as https://host".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" if !host.is_empty() => Ok(url),
        "http" if loopback => Ok(url),
        "http" => {
            Err("is not https: everyone on the way could read the token; http is for loopback only"
                .to_owned())
        }
        _ => Err("is not an address; write it as https://host".to_owned()),
    }
}

#[cfg(test)]
mod tests;
