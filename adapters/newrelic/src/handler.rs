//! Takes metric instances into series, and hands a harvest of them to delivery every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::aggregate::{AggregateOptions, Aggregator, Kind, NotRecorded, Recorded};
use mixer_adapter_sdk::delivery::http::{Credential, HttpClient, HttpOptions, ProxySettings};
use mixer_adapter_sdk::delivery::{Collector, DeliveryMetrics, Pipeline, PipelineOptions};
use mixer_adapter_sdk::typed::template::Metric;
use mixer_adapter_sdk::typed::{DropReason, HandleReport, TypedReport};
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{BuildError, HandlerError, HandlerSpec, ReportOutcome};

use crate::api::MetricApi;
use crate::config::Config;
use crate::json;

/// Where the key is when no file is named.
const KEY_VARIABLE: &str = "NEW_RELIC_API_KEY";
/// The largest payload that the API takes, compressed.
const MAX_PAYLOAD: usize = 1_000_000;
/// About what a metric takes as JSON.
const SERIES_BYTES: usize = 300;

pub(crate) struct NewRelicHandler {
    metrics: HashMap<String, (Arc<str>, Kind)>,
    cluster_name: Option<String>,
    pipeline: Pipeline<Metrics, MetricApi>,
}

/// Series of metrics, and what was done to samples since the last harvest.
struct Metrics {
    aggregator: Aggregator,
    /// Samples whose attributes were lost to the limit of series.
    overflowed: AtomicU64,
    /// Attributes that were changed to a form that the API takes.
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
        let mut options =
            PipelineOptions { name: "metrics", harvest_period: config.harvest_period, ..Default::default() };
        options.engine.payload_bytes = MAX_PAYLOAD;
        let api = MetricApi { client, key, target: config.target };
        let aggregates = AggregateOptions { max_series: config.max_series, ..AggregateOptions::default() };
        let collector = Metrics {
            aggregator: Aggregator::new(aggregates, SystemTime::now()),
            overflowed: AtomicU64::new(0),
            changed: AtomicU64::new(0),
        };
        Ok(Self {
            metrics: config.metrics,
            cluster_name: config.cluster_name,
            pipeline: Pipeline::start(collector, api, options, metrics.of("newrelic")).await?,
        })
    }

    /// Sends what was collected since the last harvest, and what waits.
    pub(crate) async fn close(&self) {
        self.pipeline.close().await;
    }

    /// Sends a payload without metrics.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        self.pipeline.self_test(&[]).await
    }

    fn take(&self, instance: &str, view: &MetricView<'_>, now: SystemTime) -> Result<(), Refusal> {
        let (name, kind) = self.metrics.get(instance).ok_or(Refusal::UnknownInstance)?;
        let value = view.value()?.ok_or(Refusal::NoValue)?;
        let number = json::number(&value).ok_or_else(|| Refusal::NotANumber(value.to_string()))?;
        let (attributes, changed) = json::attributes(view.dimensions(), name, self.cluster_name.as_deref())?;
        let series = self.pipeline.collector();
        if series.aggregator.record(name, attributes, (*kind, number), now)? == Recorded::Overflow {
            series.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        series.changed.fetch_add(changed as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl HandleReport<Metric> for NewRelicHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        self.pipeline.accept(&report, |name, view, at| self.take(name, &view, at)).await
    }
}

impl Collector for Metrics {
    type Item = Vec<u8>;

    fn take(&self, now: SystemTime) -> Vec<Vec<u8>> {
        self.log();
        let harvest = self.aggregator.harvest(now);
        harvest.points.iter().map(|point| json::metric(point, harvest.end)).collect()
    }

    fn level(&self) -> (usize, usize) {
        let series = self.aggregator.len();
        (series, series * SERIES_BYTES)
    }

    fn is_due(&self, _: usize) -> bool {
        false
    }
}

impl Metrics {
    fn log(&self) {
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
