//! Payloads that wait on disk: taken in order, a few at the same time and at a bounded rate, tried until they are too old.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Backend, Encoded, Engine, Payload, Shared};
use crate::delivery::pipeline::SpoolUse;
use crate::delivery::request_id::RequestId;
use crate::delivery::retry::RetryPolicy;
use crate::delivery::spool::{EntryId, Outbox, Record};
use crate::typed::Refused;

/// A disk that fails is tried again after this time.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Longer than any payload lives: on disk the age decides, not the time of trying.
const EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<B: Backend> Engine<B> {
    /// Lets what waits on disk be delivered.
    pub(in crate::delivery) fn begin(&self) {
        self.shared.begun.cancel();
    }

    /// Makes payloads of items, as few as the limits allow. An item that has no form is dropped and counted.
    pub(in crate::delivery) async fn encode_all(&self, items: &[B::Item]) -> Encoded {
        let shared = &self.shared;
        shared.metrics.received(items.len());
        let mut encoded = Vec::new();
        for batch in shared.batches(items) {
            // The next part is last.
            let mut parts = vec![batch];
            while let Some(part) = parts.pop() {
                match shared.encode(part) {
                    Ok(body) => encoded.push((body, part.len())),
                    Err(_) if part.len() > 1 => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                    Err(why) => shared.lose(part.len(), why.reason, &why.detail),
                }
                // Compressing takes its time.
                tokio::task::yield_now().await;
            }
        }
        encoded
    }
}

/// Until the engine is closed and nothing waits.
pub(super) async fn run<B: Backend>(shared: Arc<Shared<B>>) {
    let Some((outbox, limits)) = shared.outbox.clone() else { return };
    shared.begun.cancelled().await;
    let room = Arc::new(Semaphore::new(shared.options.in_flight.max(1)));
    let mut deliveries = JoinSet::new();
    let pause = Duration::from_secs(1) / limits.per_second.max(1);
    while let Ok(permit) = room.clone().acquire_owned().await {
        let earliest = Instant::now() + pause;
        match outbox.next().await {
            Ok(Some((entry, record))) => {
                let (shared, outbox) = (shared.clone(), outbox.clone());
                deliveries.spawn(async move {
                    shared.deliver_record(&outbox, limits, entry, record).await;
                    drop(permit);
                });
                sleep_until(earliest).await;
            }
            Ok(None) if shared.closing.is_cancelled() => {
                drop(permit);
                // One that is under way may still be split.
                if deliveries.join_next().await.is_none() {
                    break;
                }
            }
            Ok(None) => {
                tokio::select! {
                    () = outbox.changed() => {}
                    () = shared.closing.cancelled() => {}
                }
            }
            Err(error) => {
                if let Some(held_back) = shared.failing.pass() {
                    tracing::error!(%error, held_back, "what waits on disk cannot be read; it is tried again");
                }
                sleep(DISK_PAUSE).await;
            }
        }
        while deliveries.try_join_next().is_some() {}
    }
}

impl<B: Backend> Shared<B> {
    /// Cuts items into batches.
    fn batches<'a>(&self, items: &'a [B::Item]) -> Vec<&'a [B::Item]> {
        let limits = &self.options.batch;
        let (mut batches, mut first, mut bytes) = (Vec::new(), 0, 0usize);
        for (index, item) in items.iter().enumerate() {
            let size = self.backend.size(item);
            let full = index - first >= limits.items || bytes.saturating_add(size) > limits.bytes;
            if full && index > first {
                batches.extend(items.get(first..index));
                (first, bytes) = (index, 0);
            }
            bytes = bytes.saturating_add(size);
        }
        batches.extend(items.get(first..).filter(|rest| !rest.is_empty()));
        batches
    }

    async fn deliver_record(&self, outbox: &Outbox, limits: SpoolUse, entry: EntryId, record: Record) {
        let Record { request_id, since, items, payload: body } = record;
        let items = items as usize;
        let payload = Payload { body: body.clone(), request_id, items, attempt: 0 };
        let expires = since.checked_add(limits.max_age);
        let retry = RetryPolicy { give_up_after: EVER, ..self.options.retry };
        if let Err(why) = self.attempt_payload(payload, retry, expires).await
            && !self.split(outbox, &body, (since, items), why).await
        {
            return;
        }
        if let Err(error) = outbox.settle(entry).await
            && let Some(held_back) = self.failing.pass()
        {
            tracing::error!(%error, %request_id, held_back, "a payload that is settled will come again after a restart");
        }
    }

    /// Puts the halves of a payload in its place, under ids of their own that they keep, too. False when they cannot be
    /// kept: the payload stays.
    async fn split(
        &self,
        outbox: &Outbox,
        body: &Bytes,
        (since, count): (SystemTime, usize),
        why: Refused,
    ) -> bool {
        let Some(parts) = self.parts(body, count) else {
            self.lose(count, why.reason, &why.detail);
            return true;
        };
        let record = |(payload, items): (Bytes, usize)| Record {
            request_id: RequestId::random(),
            since,
            items: u32::try_from(items).unwrap_or(u32::MAX),
            payload,
        };
        let parts: Arc<[Record]> = parts.into_iter().map(record).collect();
        while let Err(error) = outbox.append(parts.clone(), 0).await {
            if let Some(held_back) = self.failing.pass() {
                tracing::error!(%error, held_back, "the halves of a payload cannot be kept; it is tried again");
            }
            if self.closing.is_cancelled() {
                return false;
            }
            sleep(DISK_PAUSE).await;
        }
        true
    }

    /// Both halves of a payload, as far as they have a form; none when it has no halves.
    fn parts(&self, body: &Bytes, count: usize) -> Option<Encoded> {
        if count < 2 {
            return None;
        }
        if let Some(halves) = self.backend.halves(body, count) {
            return Some(halves.into());
        }
        let items = self.backend.decode(body).filter(|items| items.len() > 1)?;
        let mut parts = Vec::new();
        let (first, second) = items.split_at(items.len() / 2);
        for part in [first, second] {
            match self.encode(part) {
                Ok(payload) => parts.push((payload, part.len())),
                Err(why) => self.lose(part.len(), why.reason, &why.detail),
            }
        }
        Some(parts)
    }
}
