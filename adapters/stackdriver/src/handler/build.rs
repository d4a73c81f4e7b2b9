//! Makes a handler: finds credentials and the project, asks where the mesh runs, and starts the pipelines.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use mixer_adapter_sdk::delivery::http::{HttpClient, Url};
use mixer_adapter_sdk::delivery::{
    BatchLimits, Breaker, BreakerPolicy, DeliveryMetrics, Pending, Pipeline, PipelineOptions,
};
use mixer_adapter_sdk::{BuildError, HandlerSpec};

use super::StackdriverHandler;
use crate::api::Api;
use crate::config::{Config, Kind, Metric, Place, ValueType};
use crate::credentials::Tokens;
use crate::environment::Environment;
use crate::logging::Logging;
use crate::logs::Entries;
use crate::metadata::MetadataServer;
use crate::monitoring::{Descriptor, Monitoring};
use crate::resource::Where;
use crate::series::{CALL_SERIES, Labelling, SeriesItem, Store, StoreOptions, Value, test_item};
use crate::spans::Spans;
use crate::tracing_api::Traces;

/// The metric that a self-test writes.
pub(super) const TEST_METRIC: &str = "custom.googleapis.com/mixer/self_test";
/// The largest call of each API, with room to spare.
const MAX_PAYLOAD: usize = 8_000_000;
/// The most entries, or spans, of a call.
const MAX_ITEMS: usize = 1000;

impl StackdriverHandler {
    pub(crate) async fn build(
        config: Config,
        spec: &HandlerSpec,
        environment: &Environment,
    ) -> Result<Self, BuildError> {
        if config.metrics.is_empty() && config.logs.is_empty() && config.sample_probability.is_none() {
            tracing::warn!(handler = %spec.name, "`metric_info`, `log_info` and `trace` are empty: every instance will be dropped");
        }
        let failed = |error: &dyn std::fmt::Display| BuildError(error.to_string());
        let client = HttpClient::new(&config.http).map_err(|error| failed(&error))?;
        let metadata = MetadataServer::new(environment).map_err(|error| failed(&error))?;
        let clients = (client.clone(), metadata.clone());
        let tokens = Tokens::find(&config.credentials, config.self_signed_jwt, environment, clients).await;
        let tokens = Arc::new(tokens.map_err(|error| failed(&error))?);
        let (own, quota) = tokens.projects().await;
        let project_id = project(&config.place, environment, own, &metadata).await?;
        let Place { location, cluster_name, mesh_uid, .. } = config.place.clone();
        let place = Where { project_id, location, cluster_name, mesh_uid };
        let place = match config.metrics.is_empty() && config.logs.is_empty() {
            true => place,
            false => place.complete(&metadata).await,
        };
        let quota_project = match config.quota_project.clone().or(quota) {
            Some(project) => Some(HeaderValue::from_str(&project).map_err(|_| {
                BuildError(
                    "quota_project_id cannot be sent in a header; is it the id of a project?".to_owned(),
                )
            })?),
            None => None,
        };
        Started { config, environment, client, tokens, quota_project, place }.start().await
    }
}

/// What is known when everything was found.
struct Started<'a> {
    config: Config,
    environment: &'a Environment,
    client: HttpClient,
    tokens: Arc<Tokens>,
    quota_project: Option<HeaderValue>,
    place: Where,
}

impl Started<'_> {
    async fn start(self) -> Result<StackdriverHandler, BuildError> {
        let metrics = DeliveryMetrics::shared().map_err(|error| BuildError(error.to_string()))?;
        let endpoints = &self.config.endpoints;
        let project = self.place.project_id.as_str();
        let unusable = |error: url::ParseError| {
            BuildError(format!("project {project:?} makes no URL of an API: {error}"))
        };
        let api = |name, role| self.api(name, role);
        let monitoring = api("https://monitoring.googleapis.com/", "roles/monitoring.metricWriter");
        let monitoring = Monitoring::new(monitoring, &endpoints.monitoring, project).map_err(unusable)?;
        let logging = api("https://logging.googleapis.com/", "roles/logging.logWriter");
        let logging = Logging::new(logging, &endpoints.logging).map_err(unusable)?;
        let traces = api("https://cloudtrace.googleapis.com/", "roles/cloudtrace.agent");
        let traces = Traces::new(traces, &endpoints.trace, project).map_err(unusable)?;

        let store = Store::new(StoreOptions {
            push_interval: self.config.push_interval,
            expiry: self.config.series_expiry,
            max_series: self.config.max_series,
        });
        let queue = self.config.delivery.engine.queue;
        let points = self.options("metrics", &endpoints.monitoring);
        let points = Pipeline::start(store, monitoring, points, metrics.of("cloud_monitoring")).await?;
        let options = self.options("logs", &endpoints.logging);
        let entry_list = Pending::new(queue);
        let entry_list = Pipeline::start(entry_list, logging, options, metrics.of("cloud_logging")).await?;
        let options = self.options("spans", &endpoints.trace);
        let span_list = Pipeline::start(Pending::new(queue), traces, options, metrics.of("cloud_trace"));
        let span_list = span_list.await?;

        let replica = self.environment.get("POD_NAME").or_else(|| self.environment.get("HOSTNAME"));
        let replica = replica.unwrap_or_else(|| "unknown".to_owned());
        let project_id = self.place.project_id.clone();
        let spans = self.config.sample_probability;
        Ok(StackdriverHandler {
            metrics: self.config.metrics,
            logs: self.config.logs,
            entries: Entries::new(self.place.clone(), &replica),
            labelling: Labelling { place: self.place, replica_label: self.config.replica_label, replica },
            spans: spans.map(|sample_probability| Spans { project_id, sample_probability }),
            points,
            entry_list,
            span_list,
            trace_metrics: metrics.of("cloud_trace"),
        })
    }

    fn api(&self, audience: &'static str, role: &'static str) -> Api {
        let (client, tokens) = (self.client.clone(), self.tokens.clone());
        Api { client, tokens, audience, quota_project: self.quota_project.clone(), role }
    }

    fn options(&self, name: &'static str, destination: &Url) -> PipelineOptions {
        let mut options = PipelineOptions { name, ..self.config.delivery.clone() };
        let engine = &mut options.engine;
        engine.payload_bytes = MAX_PAYLOAD;
        engine.attempt_timeout = self.config.http.timeout;
        engine.batch = BatchLimits { items: MAX_ITEMS, bytes: MAX_PAYLOAD, ..engine.batch };
        let account = format!("{name} {}", self.tokens.describe());
        engine.breaker = Breaker::for_destination(destination.as_str(), &account, BreakerPolicy::default());
        if name == "metrics" {
            // Points of a series must come in order; calls are handed out over the push interval.
            engine.in_flight = 1;
            engine.batch.items = CALL_SERIES;
            let tick = self.config.push_interval / 60;
            options.harvest_period = tick.clamp(Duration::from_millis(250), Duration::from_secs(1));
        }
        options
    }
}

/// The project that the data belongs to.
async fn project(
    place: &Place,
    environment: &Environment,
    own: Option<String>,
    metadata: &MetadataServer,
) -> Result<String, BuildError> {
    let known = place.project_id.clone().or_else(|| environment.get("GOOGLE_CLOUD_PROJECT")).or(own);
    match known {
        Some(project) => Ok(project),
        None => metadata.project_id().await.map_err(|error| {
            BuildError(format!(
                "the project is not known; set `project_id`, or GOOGLE_CLOUD_PROJECT ({error})"
            ))
        }),
    }
}

/// The point that a self-test writes.
pub(super) fn test_point(labelling: &Labelling) -> SeriesItem {
    let metric = Metric {
        metric_type: TEST_METRIC.to_owned(),
        kind: Kind::Gauge,
        value: Some(ValueType::Int64),
        buckets: None,
        unit: "1".to_owned(),
        description: "Written by the self-test of mixer-stackdriver-adapter.".to_owned(),
        display_name: String::new(),
    };
    let labels = [("mixer_replica".to_owned(), labelling.replica.clone())].into();
    let keys = BTreeSet::from(["mixer_replica".to_owned()]);
    let descriptor = Descriptor::new(&metric, ValueType::Int64, &keys);
    let item = test_item(&metric, labels, &labelling.place.global(), (&Value::Int(1), SystemTime::now()));
    SeriesItem { descriptor: Some(Arc::new(descriptor)), ..item }
}
