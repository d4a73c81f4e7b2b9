//! Turns instances into lines and hands them to the writer.

use std::future::ready;

use mixer_adapter_sdk::view::{LogEntryView, MetricView};
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{
    BoxFuture, Dropped, Handler, HandlerError, Instance, ReportCall, ReportOutcome, Timestamp,
};

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
    fn log_entry(&self, instance: &Instance<'_>, lines: &mut Lines) -> Result<(), Malformed> {
        let view = LogEntryView::parse(instance.bytes)?;
        let level = self.levels.of_severity(view.severity());
        if level < self.levels.least {
            return Ok(());
        }
        let variables = view.variables().sorted()?;
        let time = view.timestamp().or_else(|| Timestamp::from_proto(NO_TIME, 0)).unwrap_or_default();
        lines.begin(level, time, instance.name);
        for (name, value) in variables {
            lines.field(name, value);
        }
        lines.end();
        Ok(())
    }

    fn metric(&self, instance: &Instance<'_>, now: Timestamp, lines: &mut Lines) -> Result<(), Malformed> {
        let view = MetricView::parse(instance.bytes)?;
        let value = view.value()?;
        let dimensions = view.dimensions().sorted()?;
        lines.begin(self.levels.metric, now, instance.name);
        lines.field("value", value);
        for (name, value) in dimensions {
            lines.field(name, value);
        }
        lines.end();
        Ok(())
    }

    fn write(&self, call: &ReportCall<'_>) -> Result<ReportOutcome, HandlerError> {
        let mut outcome = ReportOutcome::complete();
        let room = call.batch.framed().len() + call.batch.len() * ROOM_PER_LINE;
        let mut lines = Lines::with_capacity(self.form, room);
        let mut write_each = |write: &dyn Fn(&Instance<'_>, &mut Lines) -> Result<(), Malformed>| {
            for instance in call.batch.iter() {
                if let Err(error) = write(&instance, &mut lines) {
                    outcome.drop_one(Malformed::REASON, || format!("{}: {error}", instance.name));
                }
            }
        };
        match call.template {
            "logentry" => write_each(&|instance, lines| self.log_entry(instance, lines)),
            "metric" if self.levels.metric < self.levels.least => {}
            "metric" => {
                let now = Timestamp::now();
                write_each(&|instance, lines| self.metric(instance, now, lines));
            }
            other => return Err(HandlerError::unimplemented(other)),
        }
        outcome.dropped.extend(self.lane.take_losses());
        let (bytes, count) = lines.finish();
        if let Err(refused) = self.lane.send(bytes) {
            let (reason, detail) = (refused.reason(), self.lane.describe(refused));
            outcome.dropped.push(Dropped { reason, count, detail });
        }
        Ok(outcome)
    }
}

impl Handler for StdioHandler {
    /// Done when the lines are queued: waiting for a slow reader of the output is the writer's business.
    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        Box::pin(ready(self.write(&call)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.lane.close())
    }
}
