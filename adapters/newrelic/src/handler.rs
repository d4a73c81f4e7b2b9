//! Takes metric instances into series, and hands a harvest of them to delivery every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mixer_adapter_sdk::delivery::aggregate::{AggregateOptions, Aggregator, Kind, NotRecorded, Recorded};
use mixer_adapter_sdk::delivery::http::{Credential, HttpClient, HttpOptions, ProxySettings};
use mixer_adapter_sdk::delivery::{
    Backend as _, BatchLimits, DeliveryMetrics, Engine, EngineOptions, Outcome, Payload, RequestId,
};
use mixer_adapter_sdk::typed::template::Metric;
use mixer_adapter_sdk::typed::{DropReason, HandleReport, TypedReport};
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{BuildError, ErrorKind, HandlerError, HandlerSpec, ReportOutcome};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use crate::api::MetricApi;
use crate::config::Config;
use crate::json;

/// Where the key is when no file is named.
const KEY_VARIABLE: &str = "NEW_RELIC_API_KEY";
/// The largest payload that the API takes, compressed.
const MAX_PAYLOAD: usize = 1_000_000;
/// How long delivery may take at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);
/// A harvest comes whole; it waits for no other one.
const BATCH_AGE: Duration = Duration::from_millis(50);

pub(crate) struct NewRelicHandler {
    shared: Arc<Shared>,
    harvesting: AbortOnDropHandle<()>,
}

struct Shared {
    metrics: HashMap<String, (Arc<str>, Kind)>,
    cluster_name: Option<String>,
    aggregator: Aggregator,
    engine: Engine<MetricApi>,
    /// Samples whose attributes were lost to the limit of series, since the last harvest.
    overflowed: AtomicU64,
    /// Attributes that were changed to a form that the API takes, since the last harvest.
    changed: AtomicU64,
}

/// Why an instance is not used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no entry of `metrics` names this instance")]
    UnknownInstance,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it has no value")]
    NoValue,
    #[error("the value {0} is not a number")]
    NotANumber(String),
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoValue => "no_value",
            Self::NotANumber(_) => "not_a_number",
            Self::NotRecorded(error) => error.reason(),
        }
    }
}

impl NewRelicHandler {
    pub(crate) async fn build(config: Config, spec: &HandlerSpec) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError(error.to_string());
        if config.metrics.is_empty() {
            tracing::warn!(handler = %spec.name, "`metrics` is empty: every instance will be dropped");
        }
        let key = match &config.api_key_file {
            Some(file) => Credential::from_file(file).await,
            None => Credential::from_env(KEY_VARIABLE),
        };
        let key = key.map_err(|error| failed(&error))?;
        let client = HttpClient::new(&HttpOptions {
            ca_file: config.ca_file,
            proxy: ProxySettings::from_env(),
            user_agent: concat!("mixer-newrelic-adapter/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..HttpOptions::default()
        });
        let client = client.map_err(|error| failed(&error))?;
        let metrics = DeliveryMetrics::shared().map_err(|error| failed(&error))?;
        let options = EngineOptions {
            batch: BatchLimits { age: BATCH_AGE, ..BatchLimits::default() },
            payload_bytes: MAX_PAYLOAD,
            ..EngineOptions::default()
        };
        let api = MetricApi { client, key, target: config.target };
        let aggregates = AggregateOptions { max_series: config.max_series, ..AggregateOptions::default() };
        let shared = Arc::new(Shared {
            metrics: config.metrics,
            cluster_name: config.cluster_name,
            aggregator: Aggregator::new(aggregates, SystemTime::now()),
            engine: Engine::start(api, options, metrics.of("newrelic")),
            overflowed: AtomicU64::new(0),
            changed: AtomicU64::new(0),
        });
        let harvesting = tokio::spawn(harvest(shared.clone(), config.harvest_period));
        Ok(Self { shared, harvesting: AbortOnDropHandle::new(harvesting) })
    }

    /// Sends what was collected since the last harvest, and what waits.
    pub(crate) async fn close(&self) {
        self.harvesting.abort();
        self.shared.harvest();
        self.shared.engine.close(CLOSE_PATIENCE).await;
    }

    /// Sends a payload without metrics.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        let api = self.shared.engine.backend();
        let failed = |detail: String| HandlerError::new(ErrorKind::Unavailable, detail);
        let body = api.encode(&[]).map_err(|error| failed(error.detail))?;
        let payload = Payload { body, request_id: RequestId::random(), items: 0, attempt: 1 };
        match api.send(&payload).await {
            Outcome::Delivered => Ok(()),
            Outcome::Retry { detail, .. } | Outcome::Drop { detail, .. } => Err(failed(detail)),
            Outcome::Split | Outcome::Partly { .. } => Err(failed("an empty payload was refused".to_owned())),
        }
    }
}

impl HandleReport<Metric> for NewRelicHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        let now = SystemTime::now();
        Ok(report.each(|name, view| self.shared.take(name, &view, now)))
    }
}

impl Shared {
    fn take(&self, instance: &str, view: &MetricView<'_>, now: SystemTime) -> Result<(), Refusal> {
        let (name, kind) = self.metrics.get(instance).ok_or(Refusal::UnknownInstance)?;
        let value = view.value()?.ok_or(Refusal::NoValue)?;
        let number = json::number(&value).ok_or_else(|| Refusal::NotANumber(value.to_string()))?;
        let (attributes, changed) = json::attributes(view.dimensions(), name, self.cluster_name.as_deref())?;
        if self.aggregator.record(name, attributes, (*kind, number), now)? == Recorded::Overflow {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        self.changed.fetch_add(changed as u64, Ordering::Relaxed);
        Ok(())
    }

    fn harvest(&self) {
        let harvest = self.aggregator.harvest(SystemTime::now());
        for point in &harvest.points {
            // What finds no room is counted and logged by the engine.
            let _ = self.engine.offer(json::metric(point, harvest.end));
        }
        let overflowed = self.overflowed.swap(0, Ordering::Relaxed);
        if overflowed > 0 {
            tracing::warn!(
                samples = overflowed,
                "there are more series than max_series; samples went into series without attributes"
            );
        }
        let changed = self.changed.swap(0, Ordering::Relaxed);
        if changed > 0 {
            tracing::debug!(
                attributes = changed,
                "attributes were renamed, cut or left out, as New Relic would not take them"
            );
        }
    }
}

async fn harvest(shared: Arc<Shared>, period: Duration) {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        shared.harvest();
    }
}
