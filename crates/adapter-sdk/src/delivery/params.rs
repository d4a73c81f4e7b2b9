//! What the configurations of all adapters that send to a backend have in common, from the fields of each one's own
//! message to checked values. Problems carry the names of fields as they are listed here; an adapter names its own fields
//! the same.

use std::path::PathBuf;
use std::time::Duration;

use super::engine::EngineOptions;
use super::http::{ClientCertificate, HttpOptions, ProxySettings, Url};
use super::pipeline::{PipelineOptions, SpoolUse};
use super::queue::QueueLimits;
use super::retry::RetryPolicy;
use crate::Secret;
use crate::params::Problems;

/// The shortest time that any field may say.
const SHORTEST: Duration = Duration::from_millis(1);

/// Fields that say how a backend is reached. An empty text and an absent number are the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionParams<'a> {
    /// `ca_file`: certificates of the only authorities to trust, PEM. Default: those of the system.
    pub ca_file: &'a str,
    /// `client_certificate_file`: our certificate with everything up to the authority, PEM.
    pub client_certificate_file: &'a str,
    /// `client_key_file`: its private key, PEM.
    pub client_key_file: &'a str,
    /// `proxy_url`: a proxy for every host but those of NO_PROXY. Default: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY of the
    /// environment.
    pub proxy_url: &'a str,
    /// `request_timeout`: how long a request may take in all. Default 15 s.
    pub request_timeout: Option<&'a prost_types::Duration>,
    /// `connect_timeout`: how long a connection may take to be made. Default 5 s.
    pub connect_timeout: Option<&'a prost_types::Duration>,
}

impl ConnectionParams<'_> {
    /// The checked values. `user_agent` is what an adapter calls itself: `concat!("mixer-x-adapter/",
    /// env!("CARGO_PKG_VERSION"))`. Names of fields get the prefix, such as `connection.`, when they stand in a message
    /// of their own.
    pub fn check(&self, prefix: &str, user_agent: &str, problems: &mut Problems) -> HttpOptions {
        let default = HttpOptions::default();
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let own = (path(self.client_certificate_file), path(self.client_key_file));
        let client_certificate = match own {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                problems.add(format!("{prefix}client_key_file"), "is missing beside client_certificate_file");
                None
            }
            (None, Some(_)) => {
                problems.add(format!("{prefix}client_certificate_file"), "is missing beside client_key_file");
                None
            }
        };
        let mut time =
            |field: &str, value, default| positive(problems, &format!("{prefix}{field}"), value, default);
        HttpOptions {
            timeout: time("request_timeout", self.request_timeout, default.timeout),
            connect_timeout: time("connect_timeout", self.connect_timeout, default.connect_timeout),
            ca_file: path(self.ca_file),
            client_certificate,
            proxy: self.proxy(prefix, problems),
            user_agent: user_agent.to_owned(),
            ..default
        }
    }

    fn proxy(&self, prefix: &str, problems: &mut Problems) -> ProxySettings {
        let environment = ProxySettings::from_env();
        if self.proxy_url.is_empty() {
            return environment;
        }
        if !self.proxy_url.parse::<Url>().is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
            // The text may hold a password and is not repeated.
            problems
                .add(format!("{prefix}proxy_url"), "is not a URL of a proxy; write it as http://host:port");
        }
        let proxy = Some(Secret::from(self.proxy_url));
        ProxySettings { http: proxy.clone(), https: proxy, no_proxy: environment.no_proxy }
    }
}

/// Fields that say how items are kept, and how long they are tried. An absent one is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryParams<'a> {
    /// `harvest_period`: time between two harvests. Default 5 s, at least 0.1 s.
    pub harvest_period: Option<&'a prost_types::Duration>,
    /// `max_queue_items`: items that wait at most. Default 100,000.
    pub max_queue_items: Option<i64>,
    /// `max_queue_bytes`: their bytes at most. Default 32 MiB.
    pub max_queue_bytes: Option<i64>,
    /// `max_in_flight`: payloads that are under way at the same time. Default 4.
    pub max_in_flight: Option<i64>,
    /// `give_up_after`: how long a payload is tried while there is no spool. Default 10 min.
    pub give_up_after: Option<&'a prost_types::Duration>,
    /// `spool_max_age`: how long a payload is tried and kept in the spool. Default 48 h.
    pub spool_max_age: Option<&'a prost_types::Duration>,
}

/// The shortest time between two harvests.
const SHORTEST_HARVEST: Duration = Duration::from_millis(100);

impl DeliveryParams<'_> {
    /// The checked values over the adapter's own defaults, which say the limits of the backend.
    pub fn check(&self, prefix: &str, defaults: PipelineOptions, problems: &mut Problems) -> PipelineOptions {
        let period = self.harvest_period;
        let field = format!("{prefix}harvest_period");
        let harvest_period = problems.duration(&field, period, defaults.harvest_period);
        // A time below zero has been told already.
        if harvest_period < SHORTEST_HARVEST {
            problems.add(field, "must be at least 0.1s");
        }
        let PipelineOptions { engine, spool, .. } = &defaults;
        let mut count = |field: &str, number, default: usize| {
            let default = i64::try_from(default).unwrap_or(i64::MAX);
            let number = problems.at_least(&format!("{prefix}{field}"), number, 1, default);
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        let queue = QueueLimits {
            items: count("max_queue_items", self.max_queue_items, engine.queue.items),
            bytes: count("max_queue_bytes", self.max_queue_bytes, engine.queue.bytes),
        };
        let in_flight = count("max_in_flight", self.max_in_flight, engine.in_flight);
        let mut time =
            |field: &str, value, default| positive(problems, &format!("{prefix}{field}"), value, default);
        let give_up_after = time("give_up_after", self.give_up_after, engine.retry.give_up_after);
        let max_age = time("spool_max_age", self.spool_max_age, spool.max_age);
        let retry = RetryPolicy { give_up_after, ..engine.retry };
        PipelineOptions {
            harvest_period,
            spool: SpoolUse { max_age, ..*spool },
            engine: EngineOptions { queue, in_flight, retry, ..defaults.engine },
            ..defaults
        }
    }
}

fn positive(
    problems: &mut Problems,
    field: &str,
    value: Option<&prost_types::Duration>,
    default: Duration,
) -> Duration {
    let before = problems.len();
    let time = problems.duration(field, value, default);
    if time < SHORTEST && problems.len() == before {
        problems.add(field, "must be more than 0s");
    }
    time
}

#[cfg(test)]
mod tests;
