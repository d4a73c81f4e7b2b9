//! Turns instances into lines and hands them to the writer.

use mixer_adapter_sdk::typed::template::{LogEntry, Metric};
use mixer_adapter_sdk::typed::{HandleReport, Template, TypedReport};
use mixer_adapter_sdk::view::{LogEntryView, MetricView};
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{Dropped, HandlerError, ReportOutcome, Timestamp};

use crate::config::{Form, Levels};
use crate::line::Lines;
use crate::writer::Lane;

/// Room for what a line says beyond the bytes of its instance.
const ROOM_PER_LINE: usize = 128;

/// What a log entry without a timestamp has: Go's zero time, the first second of year 1.
const NO_TIME: i64 = -62_135_596_800;

pub(crate) struct StdioHandler {
    pub(crate) form: Form,
    pub(crate) levels: Levels,
    pub(crate) lane: Lane,
}

impl StdioHandler {
    fn log_entry(&self, name: &str, view: LogEntryView<'_>, lines: &mut Lines) -> Result<(), Malformed> {
        let level = self.levels.of_severity(view.severity());
        if level < self.levels.least {
            return Ok(());
        }
        let variables = view.variables().sorted()?;
        let time = view.timestamp().or_else(|| Timestamp::from_proto(NO_TIME, 0)).unwrap_or_default();
        lines.begin(level, time, name);
        for (name, value) in variables {
            lines.field(name, value);
        }
        lines.end();
        Ok(())
    }

    fn metric(
        &self,
        name: &str,
        view: MetricView<'_>,
        now: Timestamp,
        lines: &mut Lines,
    ) -> Result<(), Malformed> {
        let value = view.value()?;
        let dimensions = view.dimensions().sorted()?;
        lines.begin(self.levels.metric, now, name);
        lines.field("value", value);
        for (name, value) in dimensions {
            lines.field(name, value);
        }
        lines.end();
        Ok(())
    }

    fn lines<T: Template>(&self, report: &TypedReport<'_, T>) -> Lines {
        let room = report.size() + report.len() * ROOM_PER_LINE;
        Lines::with_capacity(self.form, room)
    }

    /// Done when the lines are queued: waiting for a slow reader of the output is the writer's business.
    fn send(&self, lines: Lines, mut outcome: ReportOutcome) -> ReportOutcome {
        outcome.dropped.extend(self.lane.take_losses());
        let (bytes, count) = lines.finish();
        if let Err(refused) = self.lane.send(bytes) {
            let (reason, detail) = (refused.reason(), self.lane.describe(refused));
            outcome.dropped.push(Dropped { reason, count, detail });
        }
        outcome
    }
}

impl HandleReport<LogEntry> for StdioHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let mut lines = self.lines(&report);
        let outcome = report.each(|name, view| self.log_entry(name, view, &mut lines));
        Ok(self.send(lines, outcome))
    }
}

impl HandleReport<Metric> for StdioHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        let mut lines = self.lines(&report);
        let outcome = match self.levels.metric < self.levels.least {
            true => ReportOutcome::complete(),
            false => {
                let now = Timestamp::now();
                report.each(|name, view| self.metric(name, view, now, &mut lines))
            }
        };
        Ok(self.send(lines, outcome))
    }
}
