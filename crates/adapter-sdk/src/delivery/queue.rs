//! A queue that is bounded in items and in bytes. What is taken from it counts until it is delivered or dropped, so that
//! the bounds hold for everything that is in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::batch::{Batch, BatchLimits};
use super::metrics::QueueGauges;
use super::outcome::reason;
use crate::typed::DropReason;

/// How much a queue may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// The most items.
    pub items: usize,
    /// The most bytes.
    pub bytes: usize,
}

impl Default for QueueLimits {
    /// 100,000 items of together 32 MiB.
    fn default() -> Self {
        Self { items: 100_000, bytes: 32 << 20 }
    }
}

/// An item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The queue is full.
    #[error("the queue is full; is the backend reachable, and fast enough?")]
    Full,
    /// The queue is closed.
    #[error("the handler is closed")]
    Closed,
}

impl NoRoom {
    /// The word for the counter.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Full => reason::QUEUE_FULL,
            Self::Closed => reason::CLOSED,
        }
    }
}

impl DropReason for NoRoom {
    fn reason(&self) -> &'static str {
        Self::reason(*self)
    }
}

/// The queue. Many may push; one takes batches.
#[derive(Debug)]
pub struct Queue<T> {
    limits: QueueLimits,
    state: Mutex<State<T>>,
    changed: Notify,
    used: Arc<Used>,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<Entry<T>>,
    waiting_bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    bytes: usize,
    since: Instant,
}

/// What is held, in the queue and taken from it.
#[derive(Debug)]
struct Used {
    level: Mutex<(usize, usize)>,
    gauges: QueueGauges,
}

impl Used {
    fn release(&self, items: usize, bytes: usize) {
        let mut level = self.level.lock();
        *level = (level.0.saturating_sub(items), level.1.saturating_sub(bytes));
        self.gauges.sub(items, bytes);
    }
}

impl<T> Queue<T> {
    /// An empty queue, whose level the gauges show.
    pub fn new(limits: QueueLimits, gauges: QueueGauges) -> Self {
        let state = State { waiting: VecDeque::new(), waiting_bytes: 0, closed: false };
        let used = Arc::new(Used { level: Mutex::default(), gauges });
        Self { limits, state: Mutex::new(state), changed: Notify::new(), used }
    }

    /// Adds an item that takes this many bytes.
    ///
    /// # Errors
    ///
    /// The queue is full or closed; the item is gone.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), NoRoom> {
        match self.push_all([(item, bytes)]) {
            (1, _) => Ok(()),
            (_, error) => Err(error.unwrap_or(NoRoom::Full)),
        }
    }

    /// Adds items that take this many bytes each: how many found room, and why the others did not, which are gone.
    pub fn push_all(&self, items: impl IntoIterator<Item = (T, usize)>) -> (usize, Option<NoRoom>) {
        let since = Instant::now();
        let (mut pushed, mut refused) = (0, None);
        let mut state = self.state.lock();
        let mut level = self.used.level.lock();
        let before = *level;
        for (item, bytes) in items {
            if state.closed {
                refused = Some(NoRoom::Closed);
            } else if level.0 >= self.limits.items || level.1.saturating_add(bytes) > self.limits.bytes {
                refused = Some(NoRoom::Full);
            } else {
                *level = (level.0 + 1, level.1 + bytes);
                state.waiting.push_back(Entry { item, bytes, since });
                pushed += 1;
            }
        }
        let bytes = level.1 - before.1;
        self.used.gauges.add(pushed, bytes);
        drop(level);
        state.waiting_bytes += bytes;
        drop(state);
        if pushed > 0 {
            self.changed.notify_one();
        }
        (pushed, refused)
    }

    /// Items and bytes that wait or were taken and are not finished.
    pub fn level(&self) -> (usize, usize) {
        *self.used.level.lock()
    }

    /// Whether so much more may be pushed. What is larger than the whole queue has to wait until nothing is in it.
    pub fn has_room(&self, items: usize, bytes: usize) -> bool {
        let (held_items, held_bytes) = self.level();
        let fits = |held: usize, more, limit| held == 0 || held.saturating_add(more) <= limit;
        fits(held_items, items, self.limits.items) && fits(held_bytes, bytes, self.limits.bytes)
    }

    /// Takes no more items; what waits is handed out at once.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// The next batch, as soon as one is large or old enough. None when the queue is closed and empty.
    pub async fn next(&self, limits: &BatchLimits) -> Option<Batch<T>> {
        loop {
            let due = {
                let mut state = self.state.lock();
                let oldest = state.waiting.front().map(|entry| entry.since + limits.age);
                match oldest {
                    None if state.closed => return None,
                    Some(due)
                        if state.closed
                            || state.waiting.len() >= limits.items
                            || state.waiting_bytes >= limits.bytes
                            || due <= Instant::now() =>
                    {
                        return Some(self.take(&mut state, limits));
                    }
                    oldest => oldest,
                }
            };
            // A permit of `notify_one` stays, so no change between the look and the wait is missed.
            match due {
                None => self.changed.notified().await,
                Some(due) => {
                    tokio::select! {
                        () = self.changed.notified() => {}
                        () = sleep_until(due) => {}
                    }
                }
            }
        }
    }

    /// As much as one batch may hold; at least one item.
    fn take(&self, state: &mut State<T>, limits: &BatchLimits) -> Batch<T> {
        let (mut items, mut sizes, mut total) = (Vec::new(), Vec::new(), 0usize);
        while let Some(entry) = state.waiting.front() {
            let full = items.len() >= limits.items || total.saturating_add(entry.bytes) > limits.bytes;
            if full && !items.is_empty() {
                break;
            }
            let Some(entry) = state.waiting.pop_front() else { break };
            total += entry.bytes;
            items.push(entry.item);
            sizes.push(entry.bytes);
        }
        state.waiting_bytes -= total;
        let lease = Lease { used: self.used.clone(), items: items.len(), bytes: total };
        Batch::new(items, sizes, lease)
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.used.release(state.waiting.len(), state.waiting_bytes);
    }
}

/// The room that taken items still occupy.
#[derive(Debug)]
pub(super) struct Lease {
    used: Arc<Used>,
    items: usize,
    bytes: usize,
}

impl Lease {
    /// Gives a part of the room to another lease.
    pub(super) fn split_off(&mut self, items: usize, bytes: usize) -> Self {
        self.items -= items;
        self.bytes -= bytes;
        Self { used: self.used.clone(), items, bytes }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.used.release(self.items, self.bytes);
    }
}

#[cfg(test)]
mod tests;
