//! Takes batches from a queue to a backend, a few at the same time: attempts, retries, splits, and an end.

mod attempts;
mod outbox;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, BatchLimits};
use super::breaker::{Breaker, BreakerPolicy};
use super::metrics::BackendMetrics;
use super::outcome::{Outcome, reason};
use super::pipeline::SpoolUse;
use super::queue::{NoRoom, Queue, QueueLimits};
use super::request_id::RequestId;
use super::retry::RetryPolicy;
use super::spool::Outbox;
use crate::serve::throttle::Throttle;
use crate::typed::Refused;

/// At most one line of a kind in this time.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Where items go, and in which form.
pub trait Backend: Send + Sync + 'static {
    /// What is delivered.
    type Item: Send + Sync + 'static;

    /// About how many bytes an item takes, in memory and in a payload that is not compressed.
    fn size(&self, item: &Self::Item) -> usize;

    /// Makes a payload of a batch, compressed if the backend wants that.
    ///
    /// # Errors
    ///
    /// The items have no form that the backend takes. They are tried in smaller parts, and one that cannot be encoded
    /// alone is dropped for the reason.
    fn encode(&self, items: &[Self::Item]) -> Result<Bytes, Refused>;

    /// The items of a payload that [`Backend::encode`] has made: what a payload is split into when it is too large and
    /// comes from the disk, where its items are not kept. None when they cannot be told; such a payload is dropped then.
    fn decode(&self, _body: &Bytes) -> Option<Vec<Self::Item>> {
        None
    }

    /// The halves of such a payload, each with how many of the items it holds: for a backend whose payloads are more easily
    /// divided than taken apart. None when [`Backend::decode`] is to be used.
    fn halves(&self, _body: &Bytes, _items: usize) -> Option<[(Bytes, usize); 2]> {
        None
    }

    /// Sends a payload once. An attempt that takes longer than [`EngineOptions::attempt_timeout`] is given up.
    fn send(&self, payload: &Payload) -> impl Future<Output = Outcome> + Send;
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The encoded items.
    pub body: Bytes,
    /// Stays the same over all attempts.
    pub request_id: RequestId,
    /// How many items it holds.
    pub items: usize,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How an engine delivers.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How much may wait.
    pub queue: QueueLimits,
    /// What is sent together.
    pub batch: BatchLimits,
    /// The largest payload, in bytes as it is sent. A larger one is split before it is sent.
    pub payload_bytes: usize,
    /// When a payload is sent again.
    pub retry: RetryPolicy,
    /// The breaker of the destination. Engines that send to the same one share it.
    pub breaker: Arc<Breaker>,
    /// Payloads that are under way at the same time.
    pub in_flight: usize,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
}

impl Default for EngineOptions {
    /// Four payloads of at most 1,000,000 bytes at a time, 15 seconds for an attempt.
    fn default() -> Self {
        Self {
            queue: QueueLimits::default(),
            batch: BatchLimits::default(),
            payload_bytes: 1_000_000,
            retry: RetryPolicy::default(),
            breaker: Arc::new(Breaker::new(BreakerPolicy::default())),
            in_flight: 4,
            attempt_timeout: Duration::from_secs(15),
        }
    }
}

/// Delivers items to a backend in the background. [`Engine::close`] flushes; an engine that is only dropped loses what
/// waits, and counts it.
pub struct Engine<B: Backend> {
    shared: Arc<Shared<B>>,
    running: Mutex<Option<JoinHandle<()>>>,
}

/// What the tasks of an engine share.
struct Shared<B: Backend> {
    backend: B,
    options: EngineOptions,
    queue: Queue<B::Item>,
    metrics: BackendMetrics,
    /// Items that were received, and neither sent nor dropped yet. Not those that wait on disk.
    pending: AtomicUsize,
    /// What waits on disk.
    outbox: Option<(Arc<Outbox>, SpoolUse)>,
    /// What waits on disk may be delivered.
    begun: CancellationToken,
    closing: CancellationToken,
    full: Throttle,
    lost: Throttle,
    failing: Throttle,
}

impl<B: Backend> Engine<B> {
    /// Starts on the current runtime.
    pub fn start(backend: B, options: EngineOptions, metrics: BackendMetrics) -> Self {
        Self::start_with(backend, options, metrics, None)
    }

    /// Starts with payloads that wait on disk, or without.
    pub(super) fn start_with(
        backend: B,
        options: EngineOptions,
        metrics: BackendMetrics,
        outbox: Option<(Arc<Outbox>, SpoolUse)>,
    ) -> Self {
        let queue = Queue::new(options.queue, metrics.queue.clone());
        let throttle = || Throttle::new(LOG_PERIOD);
        let shared = Arc::new(Shared {
            backend,
            options,
            queue,
            metrics,
            pending: AtomicUsize::new(0),
            outbox,
            begun: CancellationToken::new(),
            closing: CancellationToken::new(),
            full: throttle(),
            lost: throttle(),
            failing: throttle(),
        });
        let running = match shared.outbox {
            None => tokio::spawn(run(shared.clone())),
            Some(_) => tokio::spawn(outbox::run(shared.clone())),
        };
        Self { shared, running: Mutex::new(Some(running)) }
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.shared.backend
    }

    /// Hands an item over.
    ///
    /// # Errors
    ///
    /// There is no room; the item is dropped and counted.
    pub fn offer(&self, item: B::Item) -> Result<(), NoRoom> {
        self.offer_all(vec![item])
    }

    /// Hands items over.
    ///
    /// # Errors
    ///
    /// There is not room for all of them; those that found none are dropped and counted.
    pub fn offer_all(&self, items: Vec<B::Item>) -> Result<(), NoRoom> {
        let shared = &self.shared;
        let count = items.len();
        shared.metrics.received(count);
        // Before an item can be delivered, so that the count never falls below zero.
        shared.pending.fetch_add(count, Ordering::Relaxed);
        let sized = items.into_iter().map(|item| {
            let bytes = shared.backend.size(&item);
            (item, bytes)
        });
        let (pushed, refused) = shared.queue.push_all(sized);
        let Some(error) = refused else { return Ok(()) };
        let lost = count - pushed;
        shared.pending.fetch_sub(lost, Ordering::Relaxed);
        shared.metrics.dropped(error.reason(), lost);
        if let Some(held_back) = shared.full.pass() {
            let backend = shared.metrics.backend();
            tracing::warn!(backend, items = lost, held_back, "items were dropped: {error}");
        }
        Err(error)
    }

    /// Whether so many items of so many bytes would find room now.
    pub fn has_room(&self, items: usize, bytes: usize) -> bool {
        self.shared.queue.has_room(items, bytes)
    }

    /// Items that are neither delivered nor dropped yet.
    pub fn pending(&self) -> usize {
        let on_disk = self.shared.outbox.as_ref().map(|(outbox, _)| outbox.level().1).unwrap_or_default();
        let on_disk = usize::try_from(on_disk).unwrap_or(usize::MAX);
        self.shared.pending.load(Ordering::Relaxed).saturating_add(on_disk)
    }

    /// Takes no more items, delivers what waits, and gives up on the rest after `patience`; what waits on disk stays there.
    /// Returns how many items were given up.
    pub async fn close(&self, patience: Duration) -> usize {
        self.shared.queue.close();
        self.shared.closing.cancel();
        let running = self.running.lock().take();
        if let Some(mut running) = running
            && tokio::time::timeout(patience, &mut running).await.is_err()
        {
            running.abort();
            // Aborting it aborts every delivery; what they held is counted below.
            let _ = running.await;
        }
        self.shared.give_up_rest()
    }
}

impl<B: Backend> Drop for Engine<B> {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(running) = self.running.get_mut().take() {
            running.abort();
            self.shared.give_up_rest();
        }
    }
}

impl<B: Backend> fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("backend", &self.shared.metrics.backend()).finish_non_exhaustive()
    }
}

/// Items as payloads: what fits together, and how many items that is.
pub(super) type Encoded = Vec<(Bytes, usize)>;

/// Until the queue is closed and empty, and everything taken from it is settled.
async fn run<B: Backend>(shared: Arc<Shared<B>>) {
    let room = Arc::new(Semaphore::new(shared.options.in_flight.max(1)));
    let mut deliveries = JoinSet::new();
    // A batch is taken when it can be sent: until then it grows.
    while let Ok(permit) = room.clone().acquire_owned().await {
        let Some(batch) = shared.queue.next(&shared.options.batch).await else { break };
        let shared = shared.clone();
        deliveries.spawn(async move {
            shared.deliver(batch).await;
            drop(permit);
        });
        while deliveries.try_join_next().is_some() {}
    }
    while deliveries.join_next().await.is_some() {}
}

impl<B: Backend> Shared<B> {
    /// Delivers a batch, in parts where it must be.
    async fn deliver(&self, batch: Batch<B::Item>) {
        // The next part is last.
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let Err(why) = self.attempt(&part).await else { continue };
            match part.halves() {
                Ok((first, second)) => parts.extend([second, first]),
                Err(part) => self.lose(part.len(), why.reason, &why.detail),
            }
        }
    }

    fn settle(&self, items: usize) {
        // At the end `give_up_rest` may have counted an item that is settled in the same moment.
        let less = |pending: usize| Some(pending.saturating_sub(items));
        let _ = self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn lose(&self, items: usize, reason: &'static str, detail: &str) {
        self.settle(items);
        self.metrics.dropped(reason, items);
        if let Some(held_back) = self.lost.pass() {
            let backend = self.metrics.backend();
            tracing::error!(backend, items, reason, held_back, "items were lost: {detail}");
        }
    }

    fn give_up_rest(&self) -> usize {
        let rest = self.pending.swap(0, Ordering::Relaxed);
        if rest > 0 {
            self.metrics.dropped(reason::SHUTDOWN, rest);
            let backend = self.metrics.backend();
            tracing::error!(backend, items = rest, "items were not delivered in time for the end");
        }
        rest
    }
}

#[cfg(test)]
mod tests;
