//! Takes metric instances into series, tracespan and logentry instances into lists, and hands a harvest of each to its
//! API every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mixer_adapter_sdk::delivery::aggregate::{AggregateOptions, Aggregator, Harvest, Kind, Recorded};
use mixer_adapter_sdk::delivery::{
    Aggregated, BackendMetrics, Breaker, BreakerPolicy, DeliveryMetrics, Pending, Pipeline, PipelineOptions,
};
use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::typed::{HandleReport, TypedReport};
use mixer_adapter_sdk::view::{LogEntryView, MetricView, TraceSpanView};
use mixer_adapter_sdk::{BuildError, HandlerError, HandlerSpec, ReportOutcome};

use crate::attributes::{Changes, METRIC, SPAN};
use crate::config::Config;
use crate::config::logs::{LogRule, Place};
use crate::connect::Connector;
use crate::defaults::Defaults;
use crate::endpoints::Api;
use crate::entry::{Around, entry};
use crate::generated::params::spans::RewriteClientSpanIds;
use crate::noted::Noted;
use crate::refusal::Refusal;
use crate::split::{joined, split};
use crate::time::{Window, millis};
use crate::transport::{Form, Item, Transport};
use crate::{metric, self_test, span};

/// The most events of a request.
const MAX_EVENTS: usize = 2000;
/// A pause that New Relic asks for counts for the account, whatever API it was about. A failure counts for nobody else: while
/// one API is away, the others are not, and each request waits longer from try to try.
const BREAKER: BreakerPolicy = BreakerPolicy { failures: u32::MAX, open_for: Duration::ZERO };

type List = Pipeline<Pending<Item>, Transport>;

pub(crate) struct NewRelicHandler {
    rules: HandlerRules,
    noted: Arc<Noted>,
    metrics: Pipeline<Aggregated<Item>, Transport>,
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
    form: Form,
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
        let connector = Connector::new(&config, defaults).await?;
        let metrics = DeliveryMetrics::shared().map_err(|error| failed(&error))?;
        let mut options = config.delivery.clone();
        options.engine.breaker = Breaker::for_destination("newrelic", connector.account().expose(), BREAKER);
        if let Some(period) = defaults.harvest_period.filter(|_| !config.chosen_period) {
            options.harvest_period = period;
        }
        let list = async |api: Api, name: &'static str| {
            let mut options = PipelineOptions { name, ..options.clone() };
            if api == Api::Event {
                options.engine.batch.items = MAX_EVENTS;
            }
            let (list, metrics) = (Pending::new(options.engine.queue), metrics.of(api.backend()));
            Pipeline::start(list, connector.transport(api)?, options, metrics).await
        };
        let noted = Arc::new(Noted::new(&metrics));
        let spans = list(Api::Trace, "spans").await?;
        let logs = list(Api::Log, "logs").await?;
        let events = list(Api::Event, "events").await?;
        let form = connector.form();
        let backend = metrics.of(Api::Metric.backend());
        let series = series((config.max_series, form.clone()), noted.clone(), backend.clone());
        let options = PipelineOptions { name: "metrics", ..options };
        let metrics = Pipeline::start(series, connector.transport(Api::Metric)?, options, backend).await?;
        let rules = HandlerRules {
            metrics: config.metrics,
            logs: config.logs,
            other_logs: LogRule::default(),
            rewrite: config.rewrite,
            common: connector.common,
            names_spans: config.names_spans,
            form,
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
            ((Api::Trace, self.spans.backend()), rules.names_spans),
            ((Api::Log, self.logs.backend()), rules.logs.len() > events),
            ((Api::Event, self.events.backend()), events > 0),
        ];
        let others = in_use.iter().filter(|(_, used)| *used).map(|(api, _)| *api);
        let metrics = (!rules.metrics.is_empty() || in_use.iter().all(|(_, used)| !used))
            .then(|| (Api::Metric, self.metrics.backend()));
        self_test::run(metrics.into_iter().chain(others), &rules.form).await
    }
}

/// Series, and how a harvest of them becomes metrics.
fn series((max_series, form): (usize, Form), noted: Arc<Noted>, metrics: BackendMetrics) -> Aggregated<Item> {
    let options = AggregateOptions { max_series, ..AggregateOptions::default() };
    let aggregator = Aggregator::new(options, SystemTime::now());
    Aggregated::new(aggregator, move |harvest: Harvest| {
        noted.tell();
        // Each metric has a form in OTLP.
        let metric = |point| form.item(Api::Metric, metric::metric(point, harvest.end)?).ok();
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
            self.noted.overflow();
        }
        self.noted.change(Api::Metric, changes);
        Ok(())
    }

    fn take_span(&self, view: &TraceSpanView<'_>) -> Result<(), Refusal> {
        let room = SPAN.count.saturating_sub(self.rules.common.len());
        let mut changes = Changes::default();
        let now = millis(SystemTime::now());
        let span = span::span(view, self.rules.rewrite, (room, now), &mut changes)?;
        self.push(&self.spans, Api::Trace, span)?;
        self.noted.change(Api::Trace, changes);
        Ok(())
    }

    fn push(&self, list: &List, api: Api, json: Vec<u8>) -> Result<(), Refusal> {
        let item = self.rules.form.item(api, json)?;
        let bytes = item.size();
        Ok(list.collector().push(item, bytes)?)
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
        let rule = self.rules.log(instance);
        let entry = entry(instance, view, rule, around, &mut changes)?;
        let api = if matches!(rule.place, Place::Event(_)) { Api::Event } else { Api::Log };
        self.push(list, api, entry)?;
        self.noted.change(api, changes);
        Ok(())
    }
}

impl HandlerRules {
    fn log(&self, instance: &str) -> &LogRule {
        self.logs.get(instance).unwrap_or(&self.other_logs)
    }
}
