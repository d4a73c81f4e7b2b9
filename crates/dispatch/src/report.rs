//! A report: instances of many bags, sent as one call for each handler and template.

use std::sync::Arc;

use foldhash::fast::RandomState;
use futures::future::join_all;
use hashbrown::HashMap;
use mixer_adapter_api::{Batch, BatchBuilder, ErrorKind, HandlerError, ReportCall, ReportOutcome};
use mixer_attribute::Bag;
use prometheus::local::LocalHistogram;
use tokio::time::Instant;

use crate::handler::HandlerSlot;
use crate::matching::Look;
use crate::outcome::{AddOutcome, DroppedInstances, ReportSummary};
use crate::route::{Destination, Entry, Target};
use crate::runtime::Runtime;
use crate::scratch::Scratch;

/// Larger buffers are not kept for the next report.
const KEPT_BYTES: usize = 512 << 10;

/// So many error texts are kept for the answer.
const KEPT_TEXTS: usize = 20;

/// Instances that wait to be sent, by destination. Kept from report to report for its buffers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    places: HashMap<u32, usize, RandomState>,
    batches: Vec<PendingBatch>,
}

#[derive(Debug)]
struct PendingBatch {
    destination: u32,
    builder: BatchBuilder,
    not_built: u64,
    // The last bag that added something, for the count of destinations per bag.
    last_bag: u64,
}

impl Pending {
    fn batch(&mut self, destination: u32) -> &mut PendingBatch {
        let next = self.batches.len();
        let place = *self.places.entry(destination).or_insert(next);
        if place == next {
            let builder = BatchBuilder::new();
            self.batches.push(PendingBatch { destination, builder, not_built: 0, last_bag: 0 });
        }
        &mut self.batches[place]
    }

    fn clear(&mut self) {
        for batch in &mut self.batches {
            batch.not_built = 0;
            batch.last_bag = 0;
            if !batch.builder.is_empty() {
                drop(batch.builder.finish());
            }
        }
    }
}

/// Collects the instances of one Report call.
#[derive(Debug)]
pub struct Reporter {
    runtime: Arc<Runtime>,
    // Given back to the runtime when dropped.
    scratch: Option<Scratch>,
    caller: Option<Instant>,
    fan_out: FanOut,
    summary: ReportSummary,
}

/// How many destinations and instances the bags led to, added to the histograms at the end.
#[derive(Debug)]
struct FanOut {
    destinations: LocalHistogram,
    instances: LocalHistogram,
}

/// What one bag led to.
#[derive(Debug, Default)]
struct BagCount {
    destinations: usize,
    outcome: AddOutcome,
}

impl Reporter {
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        let metrics = &runtime.metrics;
        let fan_out = FanOut {
            destinations: metrics.destinations_per_request.local(),
            instances: metrics.instances_per_request.local(),
        };
        let scratch = Some(runtime.pool.take());
        Self { runtime, scratch, caller: None, fan_out, summary: ReportSummary::default() }
    }

    /// The runtime that the whole report uses.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Says when the caller stops waiting.
    #[must_use]
    pub fn until(mut self, deadline: Option<std::time::Instant>) -> Self {
        self.caller = deadline.map(Instant::from_std);
        self
    }

    /// Adds the instances of one bag: attribute generation, rules, encoding. What goes wrong is counted and
    /// named and leaves the other instances and bags alone. Generated attributes are gone from the bag
    /// afterwards, so that it can be changed into the next one.
    pub async fn add(&mut self, bag: &mut Bag) -> AddOutcome {
        self.summary.bags += 1;
        let runtime = self.runtime.clone();
        let Some(scratch) = &mut self.scratch else { return AddOutcome::default() };
        scratch.referenced.clear();
        let Scratch { matching, referenced, .. } = scratch;
        if let Err(failures) = runtime.preprocess(bag, referenced, matching, self.caller).await {
            for (handler, error) in failures {
                self.error(&error.message);
                self.summary.failed.push((handler, error));
            }
            runtime.metrics.losses.dropped_bags.with_label_values(&["preprocess"]).inc();
            bag.clear_derived();
            return AddOutcome { dropped: true, errors: 1, instances: 0 };
        }
        let count = self.encode(bag);
        self.fan_out.destinations.observe(count.destinations as f64);
        self.fan_out.instances.observe(count.outcome.instances as f64);
        if bag.has_derived() {
            bag.clear_derived();
        }
        count.outcome
    }

    fn encode(&mut self, bag: &Bag) -> BagCount {
        let runtime = &*self.runtime;
        let mut count = BagCount::default();
        let Some(scratch) = &mut self.scratch else { return count };
        let Scratch { matching, referenced, pending, encoding } = scratch;
        let mut encoding = encoding.bag(bag);
        matching.memo.begin(runtime.snapshot.conditions.len());
        let bag_number = self.summary.bags;
        let mut errors: Vec<HandlerError> = Vec::new();
        let tables = runtime.routes.reports.of(runtime.routes.namespace(bag, referenced));
        let visit = |entry: &Entry, applies: Result<(), HandlerError>, _: &mut _| {
            if let Err(error) = applies {
                runtime.count_dropped_targets(entry, &error);
                errors.push(error);
                return;
            }
            for target in &entry.targets {
                let batch = pending.batch(target.destination);
                count.destinations += usize::from(batch.last_bag != bag_number);
                batch.last_bag = bag_number;
                if runtime.destination(target).1.serving.is_err() {
                    batch.not_built += 1;
                    continue;
                }
                let instance = runtime.instance(target.instance);
                let encode = |buffer: &mut Vec<u8>| instance.encoder.encode_cached(&mut encoding, buffer);
                match batch.builder.push_with(&instance.name, encode) {
                    Ok(true) => count.outcome.instances += 1,
                    Ok(false) => errors.push(runtime.batch_full(target)),
                    Err(error) => errors.push(runtime.instance_failed(target.instance, &error)),
                }
            }
        };
        let mut look = Look { bag, referenced, scratch: matching };
        runtime.matcher.visit(&runtime.snapshot, tables, &mut look, visit);
        count.outcome.errors = errors.len();
        for error in errors {
            self.error(&error.message);
        }
        count
    }

    fn error(&mut self, text: &str) {
        self.summary.errors += 1;
        if self.summary.error_texts.len() < KEPT_TEXTS {
            self.summary.error_texts.push(text.to_owned());
        }
    }

    /// Sends everything: all handlers at the same time, each with its own deadline, none later than `deadline`.
    pub async fn flush(mut self, deadline: Option<std::time::Instant>) -> ReportSummary {
        self.fan_out.destinations.flush();
        self.fan_out.instances.flush();
        let caller = deadline.map(Instant::from_std).or(self.caller);
        let runtime = self.runtime.clone();
        let Some(mut scratch) = self.scratch.take() else { return std::mem::take(&mut self.summary) };
        let mut calls: Vec<(usize, Batch)> = Vec::new();
        for (place, pending) in scratch.pending.batches.iter_mut().enumerate() {
            let not_built = std::mem::take(&mut pending.not_built);
            if not_built > 0 {
                self.not_built(pending.destination, not_built);
            }
            if !pending.builder.is_empty() {
                calls.push((place, pending.builder.finish()));
            }
        }
        let sent = calls.iter().map(|(place, batch)| {
            let destination =
                &runtime.routes.destinations[scratch.pending.batches[*place].destination as usize];
            runtime.send_split(destination, batch, caller)
        });
        for (slot, results) in join_all(sent).await {
            for (batch, result) in results {
                self.settle(slot, &batch, result);
            }
        }
        for (place, batch) in calls {
            scratch.pending.batches[place].builder.reclaim(batch, KEPT_BYTES);
        }
        self.scratch = Some(scratch);
        std::mem::take(&mut self.summary)
    }

    fn not_built(&mut self, destination: u32, count: u64) {
        let runtime = self.runtime.clone();
        let slot = &runtime.handlers[runtime.routes.destinations[destination as usize].handler];
        if let Err(error) = slot.running() {
            self.drop_instances(slot, error.kind.reason(), count, &error.message);
        }
    }

    fn settle(&mut self, slot: &HandlerSlot, batch: &Batch, result: Result<ReportOutcome, HandlerError>) {
        let count = batch.len() as u64;
        match result {
            Ok(outcome) => {
                self.summary.dispatched += count;
                for dropped in outcome.dropped {
                    self.drop_instances(slot, dropped.reason, dropped.count, &dropped.detail);
                }
            }
            Err(error) => {
                self.drop_instances(slot, error.kind.reason(), count, &error.message);
                self.summary.failed.push((slot.name.clone(), error));
            }
        }
    }

    fn drop_instances(&mut self, slot: &HandlerSlot, reason: &'static str, count: u64, detail: &str) {
        self.runtime.count_dropped(slot, reason, count, detail);
        if self.summary.error_texts.len() < KEPT_TEXTS {
            self.summary.error_texts.push(detail.to_owned());
        }
        let dropped = &mut self.summary.dropped;
        match dropped.iter_mut().find(|dropped| dropped.handler == slot.name && dropped.reason == reason) {
            Some(dropped) => dropped.count += count,
            None => dropped.push(DroppedInstances { handler: slot.name.clone(), reason, count }),
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(mut scratch) = self.scratch.take() {
            scratch.pending.clear();
            self.runtime.pool.give_back(scratch);
        }
    }
}

impl Runtime {
    /// Sends a batch, in several calls when it is too large for one.
    async fn send_split(
        &self,
        destination: &Destination,
        batch: &Batch,
        caller: Option<Instant>,
    ) -> (&HandlerSlot, Vec<(Batch, Result<ReportOutcome, HandlerError>)>) {
        let parts = if batch.framed().len() > self.options.max_batch_bytes {
            batch.split(self.options.max_batch_bytes)
        } else {
            vec![batch.clone()]
        };
        let sent = parts.into_iter().map(|part| async {
            let result = self.send(destination, part.clone(), caller).await;
            (part, result)
        });
        (&self.handlers[destination.handler], join_all(sent).await)
    }

    async fn send(
        &self,
        destination: &Destination,
        batch: Batch,
        caller: Option<Instant>,
    ) -> Result<ReportOutcome, HandlerError> {
        let running = self.handlers[destination.handler].running()?;
        let start = Instant::now();
        let deadline = running.deadline(start, caller);
        let size = batch.framed().len();
        let template = destination.template.name();
        let call = ReportCall { template, batch, deadline: Some(deadline.into_std()) };
        let result = running.call(size, deadline, |handler| handler.report(call)).await;
        destination.metrics.count(result.is_err(), start.elapsed());
        result
    }

    /// A batch holds no more bytes than 32 bits can address.
    fn batch_full(&self, target: &Target) -> HandlerError {
        let (_, slot) = self.destination(target);
        let message =
            format!("handler {}: a report has more than 4 GiB of instances; send smaller ones", slot.name);
        self.count_dropped(slot, ErrorKind::QueueFull.reason(), 1, &message);
        HandlerError::new(ErrorKind::QueueFull, message)
    }

    /// Instances of a rule whose condition could not be evaluated.
    fn count_dropped_targets(&self, entry: &Entry, error: &HandlerError) {
        for target in &entry.targets {
            let (_, slot) = self.destination(target);
            self.count_dropped(slot, error.kind.reason(), 1, &error.message);
        }
    }

    fn count_dropped(&self, slot: &HandlerSlot, reason: &str, count: u64, detail: &str) {
        self.metrics.losses.dropped_instances.with_label_values(&[&*slot.name, reason]).inc_by(count);
        if let Some(suppressed) = slot.log.permit() {
            tracing::warn!(handler = %slot.name, reason, count, suppressed, "instances are lost: {detail}");
        }
    }
}
