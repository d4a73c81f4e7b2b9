//! An immutable runtime: one snapshot with its routes and handlers. A request uses one from start to end.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use mixer_adapter_api::{Call, ErrorKind, HandlerError};
use mixer_attribute::{Referenced, Vocabulary};
use mixer_config::snapshot::{FailurePolicy, HandlerId, InstanceConfig, InstanceId, Snapshot};
use mixer_template::EncodeError;
use prometheus::IntCounter;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::RateLimitedLog;
use crate::handler::{HandlerSlot, Running};
use crate::matching::{Look, Matcher};
use crate::metrics::Metrics;
use crate::options::EngineOptions;
use crate::outcome::CallTrace;
use crate::report::Reporter;
use crate::route::{Destination, Routes, Tables, Target};
use crate::scratch::Pool;

/// Configuration at work.
#[derive(Debug)]
pub struct Runtime {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) routes: Routes,
    pub(crate) handlers: Vec<HandlerSlot>,
    pub(crate) matcher: Matcher,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) compat: bool,
    pub(crate) pool: Pool,
    pub(crate) logs: Logs,
    instances: Vec<InstanceRecord>,
    // Dropped last, when the handlers are let go of already.
    _released: Released,
}

/// Lines about single requests.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) values: RateLimitedLog,
    pub(crate) unknown_quotas: RateLimitedLog,
    pub(crate) skipped_grants: RateLimitedLog,
}

/// What is counted and logged about one instance, made when it first happens.
#[derive(Debug, Default)]
struct InstanceRecord {
    absent: OnceLock<IntCounter>,
    failed: OnceLock<IntCounter>,
    log: OnceLock<RateLimitedLog>,
}

/// Tells whoever closes handlers that a runtime is gone.
#[derive(Debug)]
struct Released(Arc<Notify>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// One call that a request leads to, or why it cannot be made.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) rule: u32,
    pub(crate) target: Target,
    /// Where the instance lies in the plan's bytes.
    pub(crate) instance: Result<Range<usize>, HandlerError>,
}

/// The calls that a request leads to, in merge order.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) bytes: Bytes,
}

/// What a runtime is made of.
pub(crate) struct Parts {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) routes: Routes,
    pub(crate) handlers: Vec<HandlerSlot>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: Arc<EngineOptions>,
    pub(crate) compat: bool,
    pub(crate) released: Arc<Notify>,
}

impl Runtime {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { snapshot, routes, handlers, metrics, options, compat, released } = parts;
        let mut instances = Vec::new();
        instances.resize_with(snapshot.instances.len(), InstanceRecord::default);
        Self {
            matcher: Matcher::new(&metrics, snapshot.rules.len(), compat),
            snapshot,
            routes,
            handlers,
            metrics,
            options,
            compat,
            pool: Pool::default(),
            logs: Logs::default(),
            instances,
            _released: Released(released),
        }
    }

    /// The vocabulary that bags for this runtime are made of.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.snapshot.vocabulary
    }

    /// The configuration.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Begins a report.
    pub fn reporter(self: &Arc<Self>) -> Reporter {
        Reporter::new(self.clone())
    }

    /// Names of the rule and the handler of a call.
    pub fn names(&self, call: &CallTrace) -> (&str, &str) {
        let rule = self.snapshot.rules.get(call.rule).map_or("", |rule| &rule.name);
        let handler = self.handlers.get(call.handler.0).map_or("", |handler| &handler.name);
        (rule, handler)
    }

    /// The handlers of the snapshot by name, and for those that do not serve the reason.
    pub fn handlers(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.handlers.iter().map(|slot| (&*slot.name, slot.serving.as_ref().err().map(|reason| &**reason)))
    }

    pub(crate) fn destination(&self, target: &Target) -> (&Destination, &HandlerSlot) {
        let destination = &self.routes.destinations[target.destination as usize];
        (destination, &self.handlers[destination.handler])
    }

    pub(crate) fn handler_id(&self, target: &Target) -> HandlerId {
        HandlerId(self.routes.destinations[target.destination as usize].handler)
    }

    pub(crate) fn instance(&self, id: InstanceId) -> &InstanceConfig {
        &self.snapshot.instances[id.0]
    }

    /// Matches rules and makes their instances.
    pub(crate) fn plan(&self, tables: Tables<'_>, look: &mut Look<'_>) -> Plan {
        let bag = look.bag;
        let mut steps = Vec::new();
        let mut bytes = Vec::new();
        let visit =
            |entry: &crate::route::Entry, applies: Result<(), HandlerError>, referenced: &mut Referenced| {
                for target in &entry.targets {
                    let instance = applies.clone().and_then(|()| {
                        let start = bytes.len();
                        let config = self.instance(target.instance);
                        match config.encoder.encode(bag, referenced, &mut bytes) {
                            Ok(()) => Ok(start..bytes.len()),
                            Err(error) => {
                                bytes.truncate(start);
                                Err(self.instance_failed(target.instance, &error))
                            }
                        }
                    });
                    steps.push(Step { rule: entry.rule, target: *target, instance });
                }
            };
        self.matcher.visit(&self.snapshot, tables, look, visit);
        self.count_fan_out(steps.iter().map(|step| step.target.destination), steps.len());
        Plan { steps, bytes: Bytes::from(bytes) }
    }

    fn count_fan_out(&self, destinations: impl Iterator<Item = u32>, instances: usize) {
        let mut distinct: Vec<u32> = destinations.collect();
        distinct.sort_unstable();
        distinct.dedup();
        self.metrics.destinations_per_request.observe(distinct.len() as f64);
        self.metrics.instances_per_request.observe(instances as f64);
    }

    /// Counts and logs an instance that could not be made.
    pub(crate) fn instance_failed(&self, id: InstanceId, error: &EncodeError) -> HandlerError {
        let name = &self.instance(id).name;
        let reason = if error.is_absent() { "absent" } else { "failed" };
        // The text names the instance.
        let message = error.to_string();
        if let Some(record) = self.instances.get(id.0) {
            let counter = if error.is_absent() { &record.absent } else { &record.failed };
            let make = || self.metrics.losses.instance_errors.with_label_values(&[&**name, reason]);
            counter.get_or_init(make).inc();
            if let Some(suppressed) = record.log.get_or_init(RateLimitedLog::default).permit() {
                tracing::warn!(suppressed, "{message}; the instance is left out where it fails");
            }
        }
        HandlerError::new(ErrorKind::Evaluation, message)
    }

    /// Begins a call of a plan: the running handler, the call and its deadline.
    pub(crate) fn begin<'a>(
        &'a self,
        plan: &Plan,
        step: &Step,
        caller: Option<Instant>,
    ) -> Result<(&'a Arc<Running>, Call<'a>, Instant), HandlerError> {
        let range = step.instance.clone()?;
        let (destination, slot) = self.destination(&step.target);
        let running = slot.running()?;
        let deadline = running.deadline(Instant::now(), caller);
        let call = Call {
            template: destination.template.name(),
            instance: &self.instance(step.target.instance).name,
            bytes: plan.bytes.slice(range),
            deadline: Some(deadline.into_std()),
        };
        Ok((running, call, deadline))
    }

    /// Applies the failure policy: what remains fails the request.
    pub(crate) fn settle(&self, target: &Target, error: HandlerError) -> Option<(Arc<str>, HandlerError)> {
        let (_, slot) = self.destination(target);
        let ignored = slot.policy == FailurePolicy::Ignore;
        if ignored {
            self.metrics.losses.ignored_failures.with_label_values(&[&*slot.name, error.kind.reason()]).inc();
        }
        if let Some(suppressed) = slot.log.permit() {
            tracing::warn!(handler = %slot.name, reason = %error.kind, ignored, suppressed, "{error}");
        }
        (!ignored).then(|| (slot.name.clone(), error))
    }
}
