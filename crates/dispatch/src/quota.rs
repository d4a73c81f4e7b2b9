//! Quota allocation: every rule that applies and sends the quota's instance to a handler takes part.

use std::time::Duration;

use futures::future::join_all;
use mixer_adapter_api::{HandlerError, QuotaCall, QuotaResult, Status, code};
use mixer_attribute::{Bag, Referenced};
use tokio::time::Instant;

use crate::check::{Ask, DEFAULT_VALID_DURATION, Failures};
use crate::matching::{Look, MatchScratch};
use crate::outcome::{QuotaOutcome, QuotaRequest};
use crate::runtime::{Plan, Runtime, Step};

/// One quota with what it leads to.
struct Prepared<'q> {
    request: &'q QuotaRequest<'q>,
    referenced: Referenced,
    /// `None` when no rule of the request's namespaces knows the quota.
    plan: Option<Plan>,
}

impl Runtime {
    /// Allocates the quotas, all at the same time. `referenced` is what preprocessing read.
    pub(crate) async fn quotas(
        &self,
        ask: &Ask<'_>,
        bag: &Bag,
        referenced: &Referenced,
        scratch: &mut MatchScratch,
    ) -> Vec<(String, QuotaOutcome)> {
        let prepare = |request| self.prepare(request, bag, referenced.clone(), scratch);
        let prepared: Vec<Prepared<'_>> = ask.quotas.iter().map(prepare).collect();
        let allocations = prepared.into_iter().map(|prepared| async {
            let name = prepared.request.name.to_owned();
            (name, self.allocate(prepared, ask).await)
        });
        join_all(allocations).await
    }

    fn prepare<'q>(
        &self,
        request: &'q QuotaRequest<'q>,
        bag: &Bag,
        mut referenced: Referenced,
        scratch: &mut MatchScratch,
    ) -> Prepared<'q> {
        let namespace = self.routes.namespace(bag, &mut referenced);
        let rules = self.routes.quotas.get(&*request.name.to_lowercase());
        let tables = rules.map(|scoped| scoped.of(namespace)).filter(|tables| !tables.is_empty());
        let plan = tables.map(|tables| {
            // What is read belongs to this quota alone, so nothing is remembered from another one.
            scratch.memo.begin(self.snapshot.conditions.len());
            self.plan(tables, &mut Look { bag, referenced: &mut referenced, scratch })
        });
        Prepared { request, referenced, plan }
    }

    async fn allocate(&self, prepared: Prepared<'_>, ask: &Ask<'_>) -> QuotaOutcome {
        let Prepared { request, referenced, plan } = prepared;
        let Some(plan) = plan else { return self.unknown(request, referenced) };
        // An id is only good for the quota that it came with.
        let dedup_id = match ask.dedup_id {
            "" => String::new(),
            id => format!("{id}{}", request.name),
        };
        let own = Ask { quotas: std::slice::from_ref(request), dedup_id: &dedup_id, caller: ask.caller };
        let calls = plan.steps.iter().map(|step| self.allocate_one(&plan, step, request, &own));
        let results = join_all(calls).await;
        let mut merge = Merge::default();
        let mut failures = Failures::new();
        for (step, result) in plan.steps.iter().zip(results) {
            let (_, slot) = self.destination(&step.target);
            match result {
                Ok(result) => {
                    if !merge.add(&slot.name, result) {
                        self.skipped(&slot.name, request);
                    }
                }
                Err(error) => failures.extend(self.settle(&step.target, error)),
            }
        }
        let failure = failures.first().map(|(_, error)| error.kind);
        if failure.is_some() {
            let texts: Vec<&str> = failures.iter().map(|(_, error)| error.message.as_str()).collect();
            let status = Status::new(code::UNAVAILABLE, texts.join("; "));
            return QuotaOutcome { status, amount: 0, valid_duration: Duration::ZERO, referenced, failure };
        }
        match merge.finish() {
            Some(QuotaResult { status, valid_duration, amount }) => {
                QuotaOutcome { status, amount, valid_duration, referenced, failure: None }
            }
            None => granted(request, referenced),
        }
    }

    async fn allocate_one(
        &self,
        plan: &Plan,
        step: &Step,
        request: &QuotaRequest<'_>,
        ask: &Ask<'_>,
    ) -> Result<QuotaResult, HandlerError> {
        let (running, call, deadline) = self.begin(plan, step, ask.caller)?;
        let size = call.bytes.len();
        let QuotaRequest { amount, best_effort, .. } = *request;
        let quota = QuotaCall { call, amount, best_effort, dedup_id: ask.dedup_id };
        let start = Instant::now();
        let result = running.call(size, deadline, |handler| handler.quota(quota)).await;
        self.destination(&step.target).0.metrics.count(result.is_err(), start.elapsed());
        result
    }

    /// Proxies ask for names that only some namespaces define.
    fn unknown(&self, request: &QuotaRequest<'_>, referenced: Referenced) -> QuotaOutcome {
        let refused = self.options.strict_quota;
        let outcome = if refused { "refused" } else { "granted" };
        self.metrics.losses.unknown_quotas.with_label_values(&[outcome]).inc();
        if let Some(suppressed) = self.logs.unknown_quotas.permit() {
            let quota = request.name;
            tracing::warn!(quota, outcome, suppressed, "no rule of the request's namespaces has this quota");
        }
        if !refused {
            return granted(request, referenced);
        }
        let message = format!("quota {:?} is not configured for the namespace of the request", request.name);
        let status = Status::new(code::NOT_FOUND, message);
        QuotaOutcome { status, amount: 0, valid_duration: Duration::ZERO, referenced, failure: None }
    }

    fn skipped(&self, handler: &str, request: &QuotaRequest<'_>) {
        self.metrics.losses.skipped_grants.with_label_values(&[handler]).inc();
        if let Some(suppressed) = self.logs.skipped_grants.permit() {
            let quota = request.name;
            tracing::warn!(
                quota,
                handler,
                suppressed,
                "the result of an earlier rule counts; let one rule only allocate this quota"
            );
        }
    }
}

/// No rule had a part in it: the full amount for a minute.
fn granted(request: &QuotaRequest<'_>, referenced: Referenced) -> QuotaOutcome {
    QuotaOutcome {
        status: Status::ok(),
        amount: request.amount,
        valid_duration: DEFAULT_VALID_DURATION,
        referenced,
        failure: None,
    }
}

/// From the results of several handlers to one, in merge order.
#[derive(Debug, Default)]
struct Merge {
    result: Option<QuotaResult>,
    refusal: Option<Status>,
}

impl Merge {
    /// Adds a result: the first that says anything counts. False when this one does not.
    fn add(&mut self, handler: &str, result: QuotaResult) -> bool {
        if !result.status.is_ok() {
            let text = format!("{handler}:{}", result.status.message);
            match &mut self.refusal {
                None => self.refusal = Some(Status { message: text, ..result.status.clone() }),
                Some(refusal) => {
                    refusal.message.push_str(", ");
                    refusal.message.push_str(&text);
                }
            }
        }
        let is_free = self.result.as_ref().is_none_or(|result| *result == QuotaResult::default());
        if is_free {
            self.result = Some(result);
        }
        is_free
    }

    fn finish(self) -> Option<QuotaResult> {
        let result = self.result?;
        Some(QuotaResult { status: self.refusal.unwrap_or_default(), ..result })
    }
}

#[cfg(test)]
mod tests;
