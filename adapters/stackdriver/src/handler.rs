//! Takes instances to where their kind belongs: points, entries and spans, each with a pipeline of its own.

mod build;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::{BackendMetrics, Pending, Pipeline};
use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::typed::{HandleReport, TypedReport};
use mixer_adapter_sdk::view::{LogEntryView, MetricView, TraceSpanView};
use mixer_adapter_sdk::{ErrorKind, HandlerError, ReportOutcome};

use crate::config;
use crate::logging::Logging;
use crate::logs::Entries;
use crate::monitoring::Monitoring;
use crate::refusal::Refusal;
use crate::series::{Labelling, Sample, Store};
use crate::spans::Spans;
use crate::tracing_api::Traces;

pub(crate) struct StackdriverHandler {
    metrics: HashMap<String, Arc<config::Metric>>,
    logs: HashMap<String, Arc<config::Log>>,
    labelling: Labelling,
    entries: Entries,
    /// None when no spans are wanted.
    spans: Option<Spans>,
    points: Pipeline<Store, Monitoring>,
    entry_list: Pipeline<Pending<Vec<u8>>, Logging>,
    span_list: Pipeline<Pending<Vec<u8>>, Traces>,
    trace_metrics: BackendMetrics,
}

impl StackdriverHandler {
    /// Sends what was collected, and what waits.
    pub(crate) async fn close(&self) {
        let points = async {
            let store = self.points.collector();
            tokio::time::sleep(store.until_last_push()).await;
            store.close();
            self.points.close().await;
        };
        tokio::join!(points, self.entry_list.close(), self.span_list.close());
    }

    /// Writes one marked point, and says what the API answered.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        let item = build::test_point(&self.labelling);
        let answer = self.points.backend().self_test(item).await;
        let answer = answer.map_err(|detail| HandlerError::new(ErrorKind::Unavailable, detail))?;
        tracing::info!(
            metric = build::TEST_METRIC,
            project = %self.labelling.place.project_id,
            "one point was written: {answer}"
        );
        Ok(())
    }

    fn take_metric(&self, instance: &str, view: &MetricView<'_>) -> Result<(), Refusal> {
        let metric = self.metrics.get(instance).ok_or(Refusal::UnknownInstance("metric_info"))?;
        let value = view.value()?.ok_or(Refusal::NoValue)?;
        let sample = Sample::of(metric, &value)?;
        let form = form(instance, view, &sample);
        let identities = || self.labelling.identities(metric, sample.value_type(), view);
        self.points.collector().record(metric, form, identities, &sample)
    }

    fn take_log(
        &self,
        instance: &str,
        view: &LogEntryView<'_>,
        place: (SystemTime, usize),
    ) -> Result<(), Refusal> {
        let log = self.logs.get(instance).ok_or(Refusal::UnknownInstance("log_info"))?;
        let entry = self.entries.entry(log, view, place)?;
        let bytes = entry.len();
        Ok(self.entry_list.collector().push(entry, bytes)?)
    }

    fn take_span(&self, view: &TraceSpanView<'_>) -> Result<(), Refusal> {
        let spans = self.spans.as_ref().ok_or(Refusal::TracesOff)?;
        let Some(span) = spans.span(view)? else {
            // Wanted so, but seen.
            self.trace_metrics.dropped("not_sampled", 1);
            return Ok(());
        };
        let bytes = span.len();
        Ok(self.span_list.collector().push(span, bytes)?)
    }
}

/// The bytes by which an instance of a known series is known again.
fn form(instance: &str, view: &MetricView<'_>, sample: &Sample) -> Vec<u8> {
    let (dimensions, resource) = (view.dimensions().to_raw(), view.monitored_resource_dimensions().to_raw());
    let kind = view.monitored_resource_type();
    let mut form = Vec::with_capacity(instance.len() + dimensions.len() + kind.len() + resource.len() + 24);
    for part in [instance.as_bytes(), &dimensions, kind.as_bytes(), &resource] {
        form.extend_from_slice(&(part.len() as u64).to_le_bytes());
        form.extend_from_slice(part);
    }
    form.push(sample.value_type() as u8);
    form
}

impl HandleReport<Metric> for StackdriverHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        self.points.accept(&report, |name, view, _| self.take_metric(name, &view)).await
    }
}

impl HandleReport<LogEntry> for StackdriverHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let mut index = 0;
        let take = |name: &str, view: LogEntryView<'_>, at| {
            index += 1;
            self.take_log(name, &view, (at, index))
        };
        self.entry_list.accept(&report, take).await
    }
}

impl HandleReport<TraceSpan> for StackdriverHandler {
    async fn report(&self, report: TypedReport<'_, TraceSpan>) -> Result<ReportOutcome, HandlerError> {
        self.span_list.accept(&report, |_, view, _| self.take_span(&view)).await
    }
}
