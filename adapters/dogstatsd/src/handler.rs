//! Makes lines of instances and hands them to the sender, at once or put together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::delivery::datagram::{
    LineNumber, LineOptions, LineSender, LineSource, Lines, NoNumber, PayloadCounts, probe,
};
use mixer_adapter_sdk::delivery::{DeliveryMetrics, change, reason};
use mixer_adapter_sdk::typed::template::{LogEntry, Metric as MetricTemplate};
use mixer_adapter_sdk::typed::{HandleReport, TypedReport};
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::{LogEntryView, MetricView};
use mixer_adapter_sdk::{BuildError, ErrorKind, HandlerError, HandlerSpec, ReportOutcome};

use crate::aggregate::{Aggregator, Limits, Value};
use crate::config::{Config, Kind, Metric};
use crate::environment::Environment;
use crate::generated::params::{Aggregation, DistributionForm};
use crate::line::{MetricLine, Refusal, Style};
use crate::log_entry::Entry;
use crate::tags;
use crate::telemetry::{self, Received, Told};
use crate::{config, origin};

/// How long sending may take at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// How often Datadog's clients tell about themselves.
const TELEMETRY: Duration = Duration::from_secs(10);

pub(crate) struct DogstatsdHandler {
    shared: Arc<Shared>,
    sender: LineSender,
}

struct Shared {
    config: Config,
    style: Style,
    /// None when nothing is put together.
    aggregator: Option<Aggregator>,
    received: Received,
}

impl DogstatsdHandler {
    pub(crate) fn build(
        mut config: Config,
        environment: Environment,
        spec: &HandlerSpec,
    ) -> Result<Self, BuildError> {
        for warning in &environment.warnings {
            tracing::warn!(handler = %spec.name, "the environment is not followed: {warning}");
        }
        config.tell_unmatched(spec);
        let address = config.address.take().or_else(|| environment.address.clone());
        let address = address.unwrap_or_else(config::default_address);
        let style = style(&mut config, environment);
        let defaults = LineOptions::new(address);
        let options = LineOptions {
            payload_bytes: config.payload_bytes.unwrap_or(defaults.payload_bytes),
            payload_lines: config.payload_lines,
            flush_interval: config.flush_interval,
            queue_bytes: config.queue_bytes,
            report_interval: config.telemetry.then_some(TELEMETRY),
            ..defaults
        };
        // The rest of a line beside name, values and tags.
        let room = style.container.as_ref().map_or(0, String::len)
            + style.external_data.as_ref().map_or(0, String::len)
            + 80;
        let limits = Limits { series: config.max_series, line: options.payload_bytes.saturating_sub(room) };
        let aggregator =
            (config.aggregation != Aggregation::None).then(|| Aggregator::new(config.metrics.len(), limits));
        let metrics = DeliveryMetrics::shared().map_err(|error| BuildError(error.to_string()))?;
        let shared = Arc::new(Shared { config, style, aggregator, received: Received::default() });
        let source = Source { shared: shared.clone(), told: Told::default(), stamped: 0 };
        let sender = LineSender::start(options, metrics.of("dogstatsd"), source);
        Ok(Self { shared, sender })
    }

    /// Sends what waits.
    pub(crate) async fn close(&self) {
        self.sender.close(CLOSE_PATIENCE).await;
        // Something is left when there was no time for a last flush.
        let rest = self.shared.aggregator.as_ref().map_or(0, Aggregator::abandon);
        if rest > 0 {
            self.sender.metrics().dropped(reason::SHUTDOWN, rest);
            tracing::error!(items = rest, "values that were put together were not sent in time for the end");
        }
    }

    /// Looks whether somebody listens.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        let address = &self.sender.options().address;
        probe(address).await.map_err(|error| HandlerError::new(ErrorKind::Unavailable, error))
    }

    fn hand_over(&self, lines: &Lines, (taken, changed): (usize, usize)) {
        self.sender.metrics().collected(taken);
        self.sender.metrics().received(taken);
        if changed > 0 {
            self.sender.metrics().changed(change::UNFIT, changed);
        }
        self.sender.send(lines);
    }
}

fn style(config: &mut Config, environment: Environment) -> Style {
    let mut style = std::mem::take(&mut config.style);
    for tag in &environment.tags {
        style.tags.add(tag);
    }
    let field = |text: String| tags::fit_field(&text).into_owned();
    style.external_data = style.external_data.or(environment.external_data).map(field);
    if style.container.is_none() && config.origin_detection && !environment.no_origin_detection {
        style.container = origin::container_id();
    }
    style
}

impl HandleReport<MetricTemplate> for DogstatsdHandler {
    async fn report(&self, report: TypedReport<'_, MetricTemplate>) -> Result<ReportOutcome, HandlerError> {
        let mut batch = Batch { lines: Lines::with_capacity(report.size()), ..Batch::default() };
        let outcome = report.each(|name, view| self.shared.metric(name, &view, &mut batch));
        self.shared.received.metrics.fetch_add(batch.taken as u64, Ordering::Relaxed);
        self.hand_over(&batch.lines, (batch.taken - batch.left_out, batch.changed));
        Ok(outcome)
    }
}

impl HandleReport<LogEntry> for DogstatsdHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let mut batch = Batch { lines: Lines::with_capacity(report.size()), ..Batch::default() };
        let outcome = report.each(|name, view| self.shared.log_entry(name, &view, &mut batch));
        self.hand_over(&batch.lines, (batch.taken, batch.changed));
        Ok(outcome)
    }
}

/// What one report comes to.
#[derive(Default)]
struct Batch {
    lines: Lines,
    tags: Vec<u8>,
    taken: usize,
    /// By the sample rate.
    left_out: usize,
    changed: usize,
}

impl Shared {
    fn metric(&self, instance: &str, view: &MetricView<'_>, batch: &mut Batch) -> Result<(), Refusal> {
        let index = *self.config.by_instance.get(instance).ok_or(Refusal::UnknownMetric)?;
        let metric = self.config.metrics.get(index).ok_or(Refusal::UnknownMetric)?;
        let read = view.value()?;
        let text = match metric.kind {
            Kind::Set => Some(read.as_ref().ok_or(NoNumber::Missing)?.text()),
            _ => None,
        };
        let fit = text.as_deref().map(tags::fit);
        let value = match &fit {
            Some(text) => Value::Set(text),
            None => number(metric, read)?,
        };
        batch.tags.clear();
        let changed = self.style.instance_tags(&mut batch.tags, view.dimensions(), &metric.tags, |_| true)?;
        batch.changed += changed + usize::from(matches!(fit, Some(std::borrow::Cow::Owned(_))));
        batch.taken += 1;
        let packs = self.config.aggregation == Aggregation::Extended;
        let sampled = match value {
            Value::Count(_) => self.aggregator.is_none(),
            Value::Sample(..) => true,
            Value::Gauge(_) | Value::Set(_) => false,
        };
        let rate = if sampled { self.config.rate } else { 1.0 };
        if rate < 1.0 && fastrand::f64() >= rate {
            batch.left_out += 1;
            return Ok(());
        }
        let Batch { lines, tags, .. } = batch;
        if let Some(aggregator) = &self.aggregator
            && (packs || !matches!(value, Value::Sample(..)))
        {
            let full = |values: &str, kind: &'static str, items: usize| {
                self.line(lines, items, &row(metric, values, kind, (rate, tags)));
            };
            if aggregator.record((index, metric), tags, value, full) {
                return Ok(());
            }
        }
        self.at_once(lines, metric, value, (rate, tags));
        Ok(())
    }

    fn at_once(&self, lines: &mut Lines, metric: &Metric, value: Value<'_>, (rate, tags): (f64, &[u8])) {
        let (kind, number) = match value {
            Value::Count(number) => ("c", number),
            Value::Gauge(number) => ("g", number),
            Value::Sample(kind, number) => (kind, number),
            Value::Set(text) => {
                return self.line(lines, 1, &row(metric, text, "s", (rate, tags)));
            }
        };
        self.line(lines, 1, &row(metric, number, kind, (rate, tags)));
    }

    fn line<V: std::fmt::Display>(&self, lines: &mut Lines, items: usize, line: &MetricLine<'_, V>) {
        lines.add(items, |out| self.style.metric(out, line));
    }

    fn log_entry(&self, instance: &str, view: &LogEntryView<'_>, batch: &mut Batch) -> Result<(), Refusal> {
        let entries = self.config.log_entries.get(instance).ok_or(Refusal::UnknownLogEntry)?;
        for entry in entries {
            let mut changed = 0;
            batch.lines.try_add(1, |out| {
                changed = entry.write(out, &self.style, view)?;
                Ok::<_, Refusal>(())
            })?;
            let counter = match entry {
                Entry::Event(_) => &self.received.events,
                Entry::ServiceCheck(_) => &self.received.service_checks,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            batch.taken += 1;
            batch.changed += changed;
        }
        Ok(())
    }
}

fn row<'a, V>(
    metric: &'a Metric,
    value: V,
    kind: &'a str,
    (rate, tags): (f64, &'a [u8]),
) -> MetricLine<'a, V> {
    MetricLine { head: &metric.head, value, kind, rate, tags, timestamp: None }
}

fn number(metric: &Metric, value: Option<ValueView<'_>>) -> Result<Value<'static>, Refusal> {
    let number = LineNumber::of(value)?;
    let kind = match (metric.form, number) {
        (DistributionForm::Auto, LineNumber::Nanos(_)) | (DistributionForm::Timing, _) => "ms",
        (DistributionForm::Auto | DistributionForm::Histogram, _) => "h",
        (DistributionForm::Distribution, _) => "d",
    };
    Ok(match metric.kind {
        Kind::Counter => Value::Count(number),
        Kind::Gauge => Value::Gauge(number),
        Kind::Distribution | Kind::Set => Value::Sample(kind, number),
    })
}

/// Lines that come about by time.
struct Source {
    shared: Arc<Shared>,
    told: Told,
    /// The second with which counters and gauges were sent last.
    stamped: u64,
}

impl LineSource for Source {
    fn flush(&mut self, lines: &mut Lines, last: bool) {
        let Shared { config, style, aggregator: Some(aggregator), .. } = &*self.shared else { return };
        let timestamp = if config.timestamps {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            // A second that is over; at the end the one that is not, which nobody else has had.
            let second = if last { now } else { now.saturating_sub(1) };
            if second <= self.stamped && !last {
                return;
            }
            self.stamped = second;
            Some(second)
        } else {
            None
        };
        aggregator.flush(lines, (style, &config.metrics, config.rate), timestamp);
    }

    fn report(&mut self, counts: &PayloadCounts, transport: &str) -> Option<Vec<u8>> {
        self.told = self.shared.received.now();
        let tags = telemetry::tags(transport, &self.shared.style.tags.to_string());
        Some(telemetry::payload(self.told, counts, &tags).into_bytes())
    }

    fn reported(&mut self) {
        self.shared.received.forget(std::mem::take(&mut self.told));
    }
}
