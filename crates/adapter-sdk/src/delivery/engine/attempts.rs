//! One payload: attempts until the backend has decided, or it is time to give up.

use std::ops::ControlFlow;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::{Backend, Payload, Shared};
use crate::delivery::batch::Batch;
use crate::delivery::breaker::Pass;
use crate::delivery::outcome::{Outcome, reason};
use crate::delivery::request_id::RequestId;
use crate::delivery::retry::{Backoff, RetryPolicy};
use crate::typed::Refused;

impl<B: Backend> Shared<B> {
    /// Sends a batch until it is settled.
    ///
    /// # Errors
    ///
    /// It can only be sent in smaller parts, or if it has none, not at all.
    pub(super) async fn attempt(&self, batch: &Batch<B::Item>) -> Result<(), Refused> {
        let body = self.encode(batch.items())?;
        let payload = Payload { body, request_id: RequestId::random(), items: batch.len(), attempt: 0 };
        self.attempt_payload(payload, self.options.retry, None).await
    }

    /// Makes a payload of items.
    ///
    /// # Errors
    ///
    /// As [`Backend::encode`], or it is too large.
    pub(super) fn encode(&self, items: &[B::Item]) -> Result<Bytes, Refused> {
        let body = self.backend.encode(items)?;
        if body.len() > self.options.payload_bytes {
            return Err(too_large(format!(
                "a payload of one item has {} bytes; the backend takes {}",
                body.len(),
                self.options.payload_bytes
            )));
        }
        Ok(body)
    }

    /// Sends a payload until it is settled, or until it has expired.
    ///
    /// # Errors
    ///
    /// It can only be sent in smaller parts.
    pub(super) async fn attempt_payload(
        &self,
        mut payload: Payload,
        retry: RetryPolicy,
        expires: Option<SystemTime>,
    ) -> Result<(), Refused> {
        let mut backoff = Backoff::new(retry);
        loop {
            let pass = self.options.breaker.enter().await;
            if expires.is_some_and(|expires| expires <= SystemTime::now()) {
                let detail = format!("older than spool_max_age after {} attempts", payload.attempt);
                self.lose(payload.items, reason::EXPIRED, &detail);
                return Ok(());
            }
            payload.attempt += 1;
            let outcome = self.send(&payload).await;
            match self.judge(&payload, outcome, pass, &mut backoff) {
                ControlFlow::Continue(wait) => sleep(wait).await,
                ControlFlow::Break(settled) => return settled,
            }
            self.metrics.retried(payload.items);
        }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let began = Instant::now();
        let limit = self.options.attempt_timeout;
        let outcome = timeout(limit, self.backend.send(payload)).await;
        self.metrics.answered(began.elapsed());
        outcome.unwrap_or_else(|_| Outcome::Retry {
            after: None,
            detail: format!("no answer within {} s", limit.as_secs_f64()),
        })
    }

    /// What follows from an outcome: a wait before the next attempt, or the end.
    fn judge(
        &self,
        payload: &Payload,
        outcome: Outcome,
        pass: Pass<'_>,
        backoff: &mut Backoff,
    ) -> ControlFlow<Result<(), Refused>, std::time::Duration> {
        let (asked, detail) = match outcome {
            Outcome::Retry { after, detail } => (after, detail),
            decided => {
                pass.succeeded();
                return ControlFlow::Break(self.decided(payload.items, decided));
            }
        };
        let longest = self.options.retry.longest_asked;
        match asked {
            Some(pause) => pass.paused(pause.min(longest)),
            None => pass.failed(),
        }
        if let Some(wait) = backoff.next(asked) {
            if let Some(held_back) = self.failing.pass() {
                let (backend, attempt) = (self.metrics.backend(), payload.attempt);
                let request_id = payload.request_id;
                tracing::warn!(backend, %request_id, attempt, ?wait, held_back, "a payload is sent again: {detail}");
            }
            return ControlFlow::Continue(wait);
        }
        self.lose(payload.items, reason::GAVE_UP, &format!("after {} attempts: {detail}", payload.attempt));
        ControlFlow::Break(Ok(()))
    }

    /// Counts what the backend decided.
    fn decided(&self, items: usize, outcome: Outcome) -> Result<(), Refused> {
        let sent = match outcome {
            Outcome::Delivered => items,
            Outcome::Partly { refused, reason, detail } => {
                let refused = refused.min(items);
                self.lose(refused, reason, &detail);
                items - refused
            }
            Outcome::Drop { reason, detail } => {
                self.lose(items, reason, &detail);
                0
            }
            // A retry does not come here.
            Outcome::Split | Outcome::Retry { .. } => {
                return Err(too_large("the backend finds one item too large".to_owned()));
            }
        };
        self.settle(sent);
        self.metrics.sent(sent);
        Ok(())
    }
}

fn too_large(detail: String) -> Refused {
    Refused { reason: reason::TOO_LARGE, detail }
}
