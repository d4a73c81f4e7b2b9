//! Takes instances of three templates, each into the queue of its signal.

use std::sync::Arc;
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::http::Credential;
use mixer_adapter_sdk::delivery::otlp::{Exporter, ExporterOptions, Header, Item, Signal};
use mixer_adapter_sdk::delivery::{
    BatchLimits, Breaker, BreakerPolicy, DeliveryMetrics, EngineOptions, NoRoom, Pending, Pipeline,
    PipelineOptions, RequestId,
};
use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::typed::{DropReason, HandleReport, TypedReport};
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{BuildError, HandlerError, HandlerSpec, ReportOutcome};

use crate::config::{Config, Destination, HeaderSource};
use crate::map::log::Logs;
use crate::map::metric::{Common, Metrics};
use crate::map::span::{NoSpan, Spans};

/// Name of the instrumentation scope.
const SCOPE: &str = "mixer.adapter.otlp";

/// Sends what the instances of one handler tell.
pub(crate) struct OtlpHandler {
    metrics: Pipeline<Metrics, Exporter>,
    logs: Pipeline<Pending<Item>, Exporter>,
    traces: Pipeline<Pending<Item>, Exporter>,
    map_logs: Logs,
    map_spans: Spans,
}

/// Why an instance is not sent.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    NoSpan(#[from] NoSpan),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(error) => DropReason::reason(error),
            Self::NoSpan(error) => DropReason::reason(error),
            Self::NoRoom(error) => DropReason::reason(error),
        }
    }
}

impl OtlpHandler {
    pub(crate) async fn build(config: Config, spec: &HandlerSpec) -> Result<Self, BuildError> {
        if config.metrics.is_empty() {
            tracing::info!(handler = %spec.name, "`metrics` is empty: instances of metric will be dropped");
        }
        let Config { destinations, delivery, metrics_period, .. } = config;
        let names = Arc::new(config.names);
        let common = Common {
            names: names.clone(),
            instance_id: config.instance_id.unwrap_or_else(|| RequestId::random().to_string()),
            temporality: config.temporality,
            idle: config.idle,
        };
        let [metrics, logs, traces] = Signal::ALL.map(|signal| {
            let destination = destinations.iter().find(|(of, _)| *of == signal);
            destination.map(|(_, destination)| (signal, destination))
        });
        let missing = || BuildError("a signal has no destination".to_owned());
        let of_metrics = PipelineOptions { harvest_period: metrics_period, ..delivery.clone() };
        let series = Metrics::new(config.metrics, common, SystemTime::now());
        let list = || Pending::new(delivery.engine.queue);
        Ok(Self {
            metrics: start(metrics.ok_or_else(missing)?, series, of_metrics).await?,
            logs: start(logs.ok_or_else(missing)?, list(), delivery.clone()).await?,
            traces: start(traces.ok_or_else(missing)?, list(), delivery.clone()).await?,
            map_logs: Logs { names: names.clone(), logs: config.logs, severities: config.severities },
            map_spans: Spans { names, rewrite: config.rewrite },
        })
    }

    /// Sends what was collected since the last harvest, and what waits.
    pub(crate) async fn close(&self) {
        tokio::join!(self.metrics.close(), self.logs.close(), self.traces.close());
    }

    /// Sends one marked thing of each signal.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        crate::self_test::run(&self.metrics, &self.logs, &self.traces).await
    }
}

async fn start<C: mixer_adapter_sdk::delivery::Collector<Item = Item>>(
    (signal, destination): (Signal, &Destination),
    collector: C,
    options: PipelineOptions,
) -> Result<Pipeline<C, Exporter>, BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError(error.to_string());
    let backend = exporter(signal, destination).await?;
    let most = destination.protocol.max_bytes();
    let origin = destination.url.origin().ascii_serialization();
    let PipelineOptions { engine, .. } = &options;
    let engine = EngineOptions {
        // What is put around the items is little; a request that is too large is split before it is sent.
        batch: BatchLimits { bytes: most / 8 * 7, ..engine.batch },
        payload_bytes: most,
        breaker: Breaker::for_destination(&origin, &backend.account(), BreakerPolicy::default()),
        // The client's own limit comes first, and says more.
        attempt_timeout: destination.options.timeout * 2,
        ..engine.clone()
    };
    let options = PipelineOptions { name: signal.name(), engine, ..options };
    let metrics = DeliveryMetrics::shared().map_err(|error| failed(&error))?.of(backend_of(signal));
    Pipeline::start(collector, backend, options, metrics).await
}

async fn exporter(signal: Signal, destination: &Destination) -> Result<Exporter, BuildError> {
    let mut headers = Vec::new();
    for (name, source) in &destination.headers {
        let header = match source {
            HeaderSource::Value(value) => Header::Value(value.clone()),
            HeaderSource::File(file) => {
                let failed = |error| BuildError(format!("{}: {error}", signal.name()));
                Header::Credential(Arc::new(Credential::from_file(file).await.map_err(failed)?))
            }
        };
        headers.push((name.clone(), header));
    }
    let Destination { url, protocol, gzip, options, .. } = destination.clone();
    Exporter::new(signal, ExporterOptions { url, protocol, gzip, headers, http: options, scope: SCOPE })
}

/// The name by which deliveries are counted.
fn backend_of(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "otlp-metrics",
        Signal::Logs => "otlp-logs",
        Signal::Traces => "otlp-traces",
    }
}

impl HandleReport<Metric> for OtlpHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        let metrics = self.metrics.collector();
        self.metrics.accept(&report, |name, view, at| metrics.record(name, &view, at)).await
    }
}

impl HandleReport<LogEntry> for OtlpHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let list = self.logs.collector();
        let take = |name: &str, view: mixer_adapter_sdk::view::LogEntryView<'_>, at: SystemTime| {
            push(list, self.map_logs.item(name, &view, at)?)
        };
        self.logs.accept(&report, take).await
    }
}

impl HandleReport<TraceSpan> for OtlpHandler {
    async fn report(&self, report: TypedReport<'_, TraceSpan>) -> Result<ReportOutcome, HandlerError> {
        let list = self.traces.collector();
        let take = |_: &str, view: mixer_adapter_sdk::view::TraceSpanView<'_>, _: SystemTime| {
            push(list, self.map_spans.item(&view)?)
        };
        self.traces.accept(&report, take).await
    }
}

fn push(list: &Pending<Item>, item: Item) -> Result<(), Refusal> {
    let bytes = item.size();
    Ok(list.push(item, bytes)?)
}
