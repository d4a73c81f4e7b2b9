//! A check: everything that matching rules ask of adapters, at the same time, merged in rule order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use mixer_adapter_api::{CheckResult, ErrorKind, HandlerError};
use mixer_attribute::{Bag, Cell, Referenced};
use mixer_config::snapshot::OutputSlots;
use mixer_template::Variety;
use tokio::time::Instant;

use self::merge::Merge;
use crate::matching::{Look, MatchScratch};
use crate::outcome::{CallTrace, CheckError, CheckOutcome, QuotaRequest, Stage};
use crate::runtime::{Plan, Runtime, Step};

mod directive;
mod merge;

pub use self::merge::http_status;

/// How long an answer holds that no adapter had a part in.
pub(crate) const DEFAULT_VALID_DURATION: Duration = Duration::from_secs(60);

/// How often an answer holds that no adapter had a part in.
pub(crate) const DEFAULT_VALID_USE_COUNT: i32 = 10_000;

/// What a caller asks besides the check itself.
pub(crate) struct Ask<'q> {
    pub(crate) quotas: &'q [QuotaRequest<'q>],
    pub(crate) dedup_id: &'q str,
    pub(crate) caller: Option<Instant>,
}

/// What a check adapter answered.
struct Answer {
    result: CheckResult,
    output: Option<Bytes>,
}

impl Runtime {
    /// Decides one request: attribute generation, the check, then, when it is OK, header operations and quotas.
    /// `dedup_id` makes repeated calls one quota allocation; `deadline` is when the caller stops waiting.
    ///
    /// # Errors
    /// A handler whose policy is `Fail` failed.
    pub async fn check(
        &self,
        bag: &mut Bag,
        quotas: &[QuotaRequest<'_>],
        dedup_id: &str,
        deadline: Option<std::time::Instant>,
    ) -> Result<CheckOutcome, CheckError> {
        let mut scratch = self.pool.take();
        let caller = deadline.map(Instant::from_std);
        let ask = Ask { quotas, dedup_id, caller };
        let result = self.decide(bag, &ask, &mut scratch.matching).await;
        self.pool.give_back(scratch);
        result
    }

    async fn decide(
        &self,
        bag: &mut Bag,
        ask: &Ask<'_>,
        scratch: &mut MatchScratch,
    ) -> Result<CheckOutcome, CheckError> {
        let mut referenced = Referenced::with_capacity(self.vocabulary().len());
        let prepared = self.preprocess(bag, &mut referenced, scratch, ask.caller).await;
        if let Err(failures) = prepared {
            return Err(CheckError { stage: Stage::Preprocess, failures, referenced });
        }
        let of_preprocessing = (!ask.quotas.is_empty()).then(|| referenced.clone());
        let mut outcome = self.ask(bag, referenced, scratch, ask.caller).await?;
        if outcome.status.is_ok() {
            self.add_directive(bag, &mut outcome, scratch);
            if let Some(referenced) = of_preprocessing {
                outcome.quotas = self.quotas(ask, bag, &referenced, scratch).await;
            }
        }
        Ok(outcome)
    }

    /// The check alone. Outputs of adapters are in the bag afterwards.
    async fn ask(
        &self,
        bag: &mut Bag,
        mut referenced: Referenced,
        scratch: &mut MatchScratch,
        caller: Option<Instant>,
    ) -> Result<CheckOutcome, CheckError> {
        scratch.memo.begin(self.snapshot.conditions.len());
        let tables = self.routes.checks.of(self.routes.namespace(bag, &mut referenced));
        let plan = self.plan(tables, &mut Look { bag, referenced: &mut referenced, scratch });
        let answers = self.ask_all(&plan, caller).await;
        let mut merge = Merge::new(self.compat);
        let mut failures = Vec::new();
        let mut calls = Vec::with_capacity(plan.steps.len());
        for (step, answer) in plan.steps.iter().zip(answers) {
            let (_, slot) = self.destination(&step.target);
            let taken = answer.and_then(|answer| {
                self.take_check_output(step, &answer, bag)?;
                Ok(answer.result)
            });
            let handler = self.handler_id(&step.target);
            let mut trace = CallTrace { rule: step.rule as usize, handler, ok: false };
            match taken {
                Ok(result) => {
                    trace.ok = result.status.is_ok();
                    merge.add(&slot.name, result);
                }
                Err(error) => failures.extend(self.settle(&step.target, error)),
            }
            calls.push(trace);
        }
        if !failures.is_empty() {
            return Err(CheckError { stage: Stage::Check, failures, referenced });
        }
        Ok(merge.finish(referenced, calls))
    }

    async fn ask_all(&self, plan: &Plan, caller: Option<Instant>) -> Vec<Result<Answer, HandlerError>> {
        match plan.steps.as_slice() {
            [] => Vec::new(),
            [step] => vec![self.ask_one(plan, step, caller).await],
            steps => join_all(steps.iter().map(|step| self.ask_one(plan, step, caller))).await,
        }
    }

    async fn ask_one(
        &self,
        plan: &Plan,
        step: &Step,
        caller: Option<Instant>,
    ) -> Result<Answer, HandlerError> {
        let (running, call, deadline) = self.begin(plan, step, caller)?;
        let destination = self.destination(&step.target).0;
        let size = call.bytes.len();
        let start = Instant::now();
        let result = match destination.template.variety() {
            Variety::CheckWithOutput => running
                .call(size, deadline, |handler| handler.check_with_output(call))
                .await
                .map(|(result, output)| Answer { result, output: Some(output) }),
            _ => running
                .call(size, deadline, |handler| handler.check(call))
                .await
                .map(|result| Answer { result, output: None }),
        };
        destination.metrics.count(result.is_err(), start.elapsed());
        result
    }

    /// Puts what an adapter answered besides its decision where the header operations of the rule read it. Of
    /// two instances of one action the first counts.
    fn take_check_output(&self, step: &Step, answer: &Answer, bag: &mut Bag) -> Result<(), HandlerError> {
        let Some(output) = &answer.output else { return Ok(()) };
        let Some(OutputSlots { decoder, slots }) = self.output_slots(step) else { return Ok(()) };
        let free: Vec<bool> = slots.iter().map(|slot| matches!(bag.cell(*slot), Cell::Absent)).collect();
        let decoded = decoder.decode(output, |index, value| {
            if let (Some(slot), Some(true)) = (slots.get(index), free.get(index)) {
                bag.set_value(*slot, &value);
            }
        });
        decoded.map_err(|error| {
            let instance = &self.instance(step.target.instance).name;
            HandlerError::new(ErrorKind::Failed, format!("instance {instance}: {error}"))
        })
    }

    fn output_slots(&self, step: &Step) -> Option<&OutputSlots> {
        let rule = self.snapshot.rules.get(step.rule as usize)?;
        rule.actions.get(step.target.action as usize)?.output.as_ref()
    }
}

/// A status detail with its type, when it is one of `type_name`.
fn detail<'s>(status: &'s mixer_adapter_api::Status, type_name: &str) -> Option<&'s Bytes> {
    let is_it = |any: &&mixer_adapter_api::Any| any.type_url.rsplit('/').next() == Some(type_name);
    status.details.iter().find(is_it).map(|any| &any.value)
}

/// Handler names and errors, as [`CheckError::failures`] has them.
pub(crate) type Failures = Vec<(Arc<str>, HandlerError)>;
