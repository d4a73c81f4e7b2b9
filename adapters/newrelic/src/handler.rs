//! Takes metric instances into series, tracespan and logentry instances into lists, and hands a harvest of each to its
//! API every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mixer_adapter_sdk::delivery::aggregate::{AggregateOptions, Aggregator, Harvest, Kind, Recorded};
use mixer_adapter_sdk::delivery::http::{Credential, HttpClient};
use mixer_adapter_sdk::delivery::{
    Aggregated, BackendMetrics, Breaker, BreakerPolicy, DeliveryMetrics, Pending, Pipeline, PipelineOptions,
};
use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::typed::{HandleReport, TypedReport};
use mixer_adapter_sdk::view::{LogEntryView, MetricView, TraceSpanView};
use mixer_adapter_sdk::{BuildError, HandlerError, HandlerSpec, ReportOutcome};

use crate::api::Ingest;
use crate::attributes::{ChangeCounters, Changes, METRIC, SPAN};
use crate::config::logs::{LogRule, Place};
use crate::config::{Config, KeySource};
use crate::defaults::Defaults;
use crate::endpoints::{Api, Target};
use crate::entry::{Around, entry};
use crate::generated::params::Region;
use crate::generated::params::spans::RewriteClientSpanIds;
use crate::refusal::Refusal;
use crate::split::{joined, split};
use crate::time::{Window, millis};
use crate::{metric, self_test, span};

/// Where the key is when nobody says anything.
const KEY_VARIABLE: &str = "NEW_RELIC_API_KEY";
/// The most events of a request.
const MAX_EVENTS: usize = 2000;
/// A pause that New Relic asks for counts for the account, whatever API it was about. A failure counts for nobody else: while
/// one API is away, the others are not, and each request waits longer from try to try.
const BREAKER: BreakerPolicy = BreakerPolicy { failures: u32::MAX, open_for: Duration::ZERO };

type List = Pipeline<Pending<Vec<u8>>, Ingest>;

pub(crate) struct NewRelicHandler {
    rules: HandlerRules,
    noted: Arc<Noted>,
    metrics: Pipeline<Aggregated<Vec<u8>>, Ingest>,
    spans: List,
    logs: List,
    events: List,
}

/// What becomes of instances.
struct HandlerRules {
    metrics: HashMap<String, (Arc<str>, Kind)>,
    logs: HashMap<String, LogRule>,
    other_logs: LogRule,
    rewrite: RewriteClientSpanIds,
    common: Vec<(Box<str>, Box<str>)>,
    names_spans: bool,
}

/// What was noticed since the last harvest.
#[derive(Debug, Default)]
struct Noted {
    /// Samples whose attributes were lost to the limit of series.
    overflowed: AtomicU64,
    /// Attributes that did not stay as they were.
    changed: ChangeCounters,
}

impl NewRelicHandler {
    pub(crate) async fn build(
        config: Config,
        defaults: &Defaults,
        spec: &HandlerSpec,
    ) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError(error.to_string());
        if config.metrics.is_empty() {
            tracing::warn!(handler = %spec.name, "`metrics` is empty: every metric instance will be dropped");
        }
        let key = Arc::new(key(&config, defaults).await?);
        let client = HttpClient::new(&config.http).map_err(|error| failed(&error))?;
        let metrics = DeliveryMetrics::shared().map_err(|error| failed(&error))?;
        let common = config.common(defaults.cluster_name.as_deref());
        let ingest = |api: Api, target: &Target, default: Option<&_>| {
            let target = match (target, default) {
                (Target::Region(Region::Auto), Some(url)) => Target::Url(Clone::clone(url)),
                (target, _) => target.clone(),
            };
            Ingest::new(api, client.clone(), key.clone(), target, &common)
        };
        let mut options = config.delivery.clone();
        options.engine.breaker = Breaker::for_destination("newrelic", key.get().expose(), BREAKER);
        if let Some(period) = defaults.harvest_period.filter(|_| !config.chosen_period) {
            options.harvest_period = period;
        }
        let list = async |ingest: Ingest, name: &'static str| {
            let mut options = PipelineOptions { name, ..options.clone() };
            if ingest.api == Api::Event {
                options.engine.batch.items = MAX_EVENTS;
            }
            let metrics = metrics.of(ingest.api.backend());
            Pipeline::start(Pending::new(options.engine.queue), ingest, options, metrics).await
        };
        let noted = Arc::new(Noted::default());
        let targets = &config.targets;
        let spans = list(ingest(Api::Trace, &targets.spans, defaults.spans_url.as_ref()), "spans").await?;
        let logs = list(ingest(Api::Log, &targets.logs, None), "logs").await?;
        let events = list(ingest(Api::Event, &targets.events, None), "events").await?;
        let ingest = ingest(Api::Metric, &targets.metrics, defaults.metrics_url.as_ref());
        let backend = metrics.of(Api::Metric.backend());
        let series = series(config.max_series, noted.clone(), backend.clone());
        let options = PipelineOptions { name: "metrics", ..options };
        let metrics = Pipeline::start(series, ingest, options, backend).await?;
        let rules = HandlerRules {
            metrics: config.metrics,
            logs: config.logs,
            other_logs: LogRule::default(),
            rewrite: config.rewrite,
            common,
            names_spans: config.names_spans,
        };
        Ok(Self { rules, noted, metrics, spans, logs, events })
    }

    /// Sends what was collected since the last harvest, and what waits.
    pub(crate) async fn close(&self) {
        tokio::join!(self.metrics.close(), self.spans.close(), self.logs.close(), self.events.close());
    }

    /// Sends one marked item to each API that the configuration speaks of, and tells what was answered.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        let rules = &self.rules;
        let events = rules.logs.values().filter(|rule| matches!(rule.place, Place::Event(_))).count();
        let in_use = [
            (self.spans.backend(), rules.names_spans),
            (self.logs.backend(), rules.logs.len() > events),
            (self.events.backend(), events > 0),
        ];
        let others = in_use.iter().filter(|(_, used)| *used).map(|(ingest, _)| *ingest);
        let metrics = (!rules.metrics.is_empty() || in_use.iter().all(|(_, used)| !used))
            .then(|| self.metrics.backend());
        self_test::run(metrics.into_iter().chain(others)).await
    }
}

async fn key(config: &Config, defaults: &Defaults) -> Result<Credential, BuildError> {
    let key = match (&config.key, &defaults.api_key) {
        (KeySource::File(file), _) => Credential::from_file(file).await,
        (KeySource::Variable(name), _) => Credential::from_env(name),
        (KeySource::Process, Some(key)) => Ok(Credential::from(key.clone())),
        (KeySource::Process, None) => Credential::from_env(KEY_VARIABLE),
    };
    key.map_err(|error| BuildError(error.to_string()))
}

/// Series, and how a harvest of them becomes metrics.
fn series(max_series: usize, noted: Arc<Noted>, metrics: BackendMetrics) -> Aggregated<Vec<u8>> {
    let options = AggregateOptions { max_series, ..AggregateOptions::default() };
    let aggregator = Aggregator::new(options, SystemTime::now());
    Aggregated::new(aggregator, move |harvest: Harvest| {
        noted.tell();
        let metric = |point| metric::metric(point, harvest.end);
        let items: Vec<_> = harvest.points.iter().filter_map(metric).collect();
        let lost = harvest.points.len() - items.len();
        if lost > 0 {
            metrics.dropped("not_finite", lost);
            tracing::warn!(series = lost, "series were dropped whose sum is no number any more");
        }
        items
    })
}

impl HandleReport<Metric> for NewRelicHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        self.metrics.accept(&report, |name, view, came| self.take_metric(name, &view, came)).await
    }
}

impl HandleReport<TraceSpan> for NewRelicHandler {
    async fn report(&self, report: TypedReport<'_, TraceSpan>) -> Result<ReportOutcome, HandlerError> {
        self.spans.accept(&report, |_, view, _| self.take_span(&view)).await
    }
}

impl HandleReport<LogEntry> for NewRelicHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let is_event = |name: &str| matches!(self.rules.log(name).place, Place::Event(_));
        let to = async |list: &List, report: &TypedReport<'_, LogEntry>| {
            list.accept(report, |name, view, came| self.take_entry(name, &view, came, list)).await
        };
        let events = report.iter().filter(|instance| is_event(instance.name)).count();
        if events == 0 {
            return to(&self.logs, &report).await;
        }
        if events == report.len() {
            return to(&self.events, &report).await;
        }
        let [events, logs] = split(&report, is_event);
        let outcomes = [to(&self.events, &events).await, to(&self.logs, &logs).await];
        let [of_events, of_logs] = outcomes;
        joined([(of_events, events.len()), (of_logs, logs.len())])
    }
}

impl NewRelicHandler {
    fn take_metric(&self, instance: &str, view: &MetricView<'_>, came: SystemTime) -> Result<(), Refusal> {
        let (name, kind) = self.rules.metrics.get(instance).ok_or(Refusal::UnknownInstance)?;
        Window::USUAL.check(millis(came), millis(SystemTime::now()))?;
        let value = view.value()?.ok_or(Refusal::NoValue)?;
        let number = metric::number(&value).ok_or_else(|| Refusal::NotANumber(value.to_string()))?;
        let room = METRIC.count.saturating_sub(self.rules.common.len());
        let mut changes = Changes::default();
        let dimensions = view.dimensions();
        let attributes = || {
            let attributes = metric::attributes(dimensions, name, room, &mut changes)?;
            // What is changed is counted each time.
            let lasting = changes == Changes::default() && dimensions.is_sorted();
            Ok::<_, Refusal>((attributes, lasting))
        };
        let series = self.metrics.collector().aggregator();
        let recorded = series.record_encoded((name, dimensions.raw()), (*kind, number), came, attributes)?;
        if recorded == Recorded::Overflow {
            self.noted.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        self.noted.changed.add(changes);
        Ok(())
    }

    fn take_span(&self, view: &TraceSpanView<'_>) -> Result<(), Refusal> {
        let room = SPAN.count.saturating_sub(self.rules.common.len());
        let mut changes = Changes::default();
        let now = millis(SystemTime::now());
        let span = span::span(view, self.rules.rewrite, (room, now), &mut changes)?;
        push(&self.spans, span)?;
        self.noted.changed.add(changes);
        Ok(())
    }

    fn take_entry(
        &self,
        instance: &str,
        view: &LogEntryView<'_>,
        came: SystemTime,
        list: &List,
    ) -> Result<(), Refusal> {
        let mut changes = Changes::default();
        let now = millis(SystemTime::now());
        let around = Around { common: &self.rules.common, came: millis(came), now };
        let entry = entry(instance, view, self.rules.log(instance), around, &mut changes)?;
        push(list, entry)?;
        self.noted.changed.add(changes);
        Ok(())
    }
}

fn push(list: &List, item: Vec<u8>) -> Result<(), Refusal> {
    let bytes = item.len() + 1;
    Ok(list.collector().push(item, bytes)?)
}

impl HandlerRules {
    fn log(&self, instance: &str) -> &LogRule {
        self.logs.get(instance).unwrap_or(&self.other_logs)
    }
}

impl Noted {
    /// Tells what was noticed, at most once for each harvest.
    fn tell(&self) {
        let overflowed = self.overflowed.swap(0, Ordering::Relaxed);
        if overflowed > 0 {
            tracing::warn!(
                samples = overflowed,
                "there are more series than max_series; samples went into series without attributes"
            );
        }
        let Changes { renamed, cut, left_out } = self.changed.take();
        if left_out > 0 {
            tracing::warn!(
                left_out,
                cut,
                renamed,
                "there were more attributes than New Relic takes of one item"
            );
        } else if cut + renamed > 0 {
            tracing::debug!(cut, renamed, "attributes were changed to a form that New Relic takes");
        }
    }
}
