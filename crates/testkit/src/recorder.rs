//! The recording adapter, hosted.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_api::{
    Adapter, AdapterInfo, BoxFuture, BuildError, Call, CheckResult, FieldProblem, Handler, HandlerError,
    HandlerSpec, QuotaCall, QuotaResult, Registry, ReportCall, ReportOutcome,
};
use parking_lot::Mutex;

use crate::{Event, Recorded, Script};

static INFO: AdapterInfo = AdapterInfo {
    name: "recording",
    aliases: &["recorder"],
    description: "Records what it is asked and answers by script.",
    templates: &[
        "apikey",
        "authorization",
        "checknothing",
        "edge",
        "kubernetes",
        "listentry",
        "logentry",
        "lookup",
        "metric",
        "quota",
        "reportnothing",
        "tracespan",
    ],
    config_descriptor: &[],
    config_message: "",
};

/// What happened, and what is to be answered, by name of handler. All clones are one recorder.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<State>);

#[derive(Debug, Default)]
struct State {
    events: Mutex<Vec<Event>>,
    scripts: Mutex<HashMap<String, Script>>,
}

impl Recorder {
    /// Nothing happened yet; every handler answers by the default script.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry with the adapter alone; handlers name it `recording`.
    pub fn registry(&self) -> Registry {
        Registry::new(vec![self.adapter()])
    }

    /// The adapter.
    pub fn adapter(&self) -> Arc<dyn Adapter> {
        Arc::new(RecordingAdapter(self.clone()))
    }

    /// Changes what a handler does from now on.
    pub fn script(&self, handler: &str, change: impl FnOnce(&mut Script)) {
        change(self.0.scripts.lock().entry(handler.to_owned()).or_default());
    }

    /// What a handler does.
    pub fn script_of(&self, handler: &str) -> Script {
        self.0.scripts.lock().get(handler).cloned().unwrap_or_default()
    }

    /// What happened since the last time it was taken.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.events.lock())
    }

    /// The calls among [`Recorder::take`].
    pub fn take_calls(&self) -> Vec<Recorded> {
        let called = |event| match event {
            Event::Called(recorded) => Some(recorded),
            _ => None,
        };
        self.take().into_iter().filter_map(called).collect()
    }

    pub(crate) fn record(&self, event: Event) {
        self.0.events.lock().push(event);
    }
}

struct RecordingAdapter(Recorder);

impl Adapter for RecordingAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        let recorder = self.0.clone();
        let handler = spec.name.to_string();
        Box::pin(async move {
            if let Some(reason) = recorder.script_of(&handler).build {
                return Err(BuildError(reason));
            }
            recorder.record(Event::Built { handler: handler.clone() });
            Ok(Arc::new(RecordingHandler { recorder, handler }) as Arc<dyn Handler>)
        })
    }
}

struct RecordingHandler {
    recorder: Recorder,
    handler: String,
}

impl RecordingHandler {
    async fn answer(&self, recorded: Recorded) -> Script {
        let script = self.recorder.script_of(&self.handler);
        self.recorder.record(Event::Called(Recorded { handler: self.handler.clone(), ..recorded }));
        script.before().await;
        script
    }
}

fn of_call(method: &'static str, call: &Call<'_>) -> Recorded {
    Recorded {
        method,
        template: call.template.to_owned(),
        instances: vec![(call.instance.to_owned(), call.bytes.clone())],
        deadline: call.deadline,
        ..Recorded::default()
    }
}

impl Handler for RecordingHandler {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        Box::pin(async move { self.answer(of_call("check", &call)).await.check })
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        let owned = |instance: mixer_adapter_api::Instance<'_>| {
            (instance.name.to_owned(), Bytes::copy_from_slice(instance.bytes))
        };
        let recorded = Recorded {
            method: "report",
            template: call.template.to_owned(),
            instances: call.batch.iter().map(owned).collect(),
            deadline: call.deadline,
            ..Recorded::default()
        };
        Box::pin(async move { self.answer(recorded).await.report })
    }

    fn quota<'a>(&'a self, quota: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        let recorded = Recorded {
            amount: quota.amount,
            best_effort: quota.best_effort,
            dedup_id: quota.dedup_id.to_owned(),
            ..of_call("quota", &quota.call)
        };
        Box::pin(async move { self.answer(recorded).await.quota })
    }

    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        Box::pin(async move { self.answer(of_call("generate", &call)).await.output })
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        Box::pin(async move {
            let script = self.answer(of_call("check_with_output", &call)).await;
            Ok((script.check?, script.output?))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.recorder.script_of(&self.handler).hang_on_close {
                std::future::pending::<()>().await;
            }
            self.recorder.record(Event::Closed { handler: self.handler.clone() });
        })
    }
}
