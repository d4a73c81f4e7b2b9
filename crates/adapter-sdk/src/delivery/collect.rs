//! Where a handler keeps what came until the next harvest: series of samples, or a plain list.

use std::fmt;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::aggregate::{Aggregator, Harvest};
use super::queue::{NoRoom, QueueLimits};
use super::spool::is_replaying;

/// About what one series takes in memory and in a payload, for collectors that do not know better.
const SERIES_BYTES: usize = 256;

/// Keeps what a handler has taken since the last harvest, within bounds of its own.
pub trait Collector: Send + Sync + 'static {
    /// What is delivered.
    type Item: Send + Sync + 'static;

    /// Takes what came since the last time. One task at a time calls it. With a spool no call adds anything meanwhile; without one, what
    /// is added meanwhile is part of this harvest or the next.
    fn take(&self, now: SystemTime) -> Vec<Self::Item>;

    /// About how many items a harvest would give now, and their bytes.
    fn level(&self) -> (usize, usize);

    /// Whether a harvest should come early, as [`PipelineOptions::early_bytes`](super::PipelineOptions::early_bytes) says.
    fn is_due(&self, early_bytes: usize) -> bool {
        self.level().1 >= early_bytes
    }

    /// Whether nothing more can be kept, whatever comes. Reports are refused then before they are looked at.
    fn is_full(&self) -> bool {
        false
    }
}

/// A plain list that is bounded in items and in bytes: for spans, log entries and whatever else is sent one by one.
#[derive(Debug)]
pub struct Pending<T> {
    limits: QueueLimits,
    state: Mutex<(Vec<T>, usize)>,
}

impl<T> Pending<T> {
    /// An empty list.
    pub fn new(limits: QueueLimits) -> Self {
        Self { limits, state: Mutex::new((Vec::new(), 0)) }
    }

    /// Adds an item that takes about this many bytes.
    ///
    /// # Errors
    ///
    /// There is no room; the item is gone. Given as the reason of an instance it is counted as `queue_full`.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), NoRoom> {
        let (items, held) = &mut *self.state.lock();
        // An item that is larger than all that may be kept goes alone, as it does in a batch.
        let fits = items.is_empty() || held.saturating_add(bytes) <= self.limits.bytes;
        // What stands on disk has been accepted already, and comes in small parts.
        if (items.len() >= self.limits.items || !fits) && !is_replaying() {
            return Err(NoRoom::Full);
        }
        items.push(item);
        *held += bytes;
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Collector for Pending<T> {
    type Item = T;

    fn take(&self, _: SystemTime) -> Vec<T> {
        std::mem::take(&mut *self.state.lock()).0
    }

    fn level(&self) -> (usize, usize) {
        let (items, bytes) = &*self.state.lock();
        (items.len(), *bytes)
    }

    fn is_full(&self) -> bool {
        let (items, bytes) = &*self.state.lock();
        items.len() >= self.limits.items || *bytes >= self.limits.bytes
    }
}

/// Series of samples, and how a harvest of them becomes items.
pub struct Aggregated<I> {
    aggregator: Aggregator,
    items: Box<dyn Fn(Harvest) -> Vec<I> + Send + Sync>,
}

impl<I> Aggregated<I> {
    /// Series whose harvests become the items that `items` makes of them.
    pub fn new(aggregator: Aggregator, items: impl Fn(Harvest) -> Vec<I> + Send + Sync + 'static) -> Self {
        Self { aggregator, items: Box::new(items) }
    }

    /// Where samples are recorded.
    pub fn aggregator(&self) -> &Aggregator {
        &self.aggregator
    }
}

impl<I: Send + Sync + 'static> Collector for Aggregated<I> {
    type Item = I;

    fn take(&self, now: SystemTime) -> Vec<I> {
        (self.items)(self.aggregator.harvest(now))
    }

    fn level(&self) -> (usize, usize) {
        let series = self.aggregator.len();
        (series, series.saturating_mul(SERIES_BYTES))
    }

    fn is_due(&self, _: usize) -> bool {
        // Series are as many after a harvest as before it, soon.
        false
    }
}

impl<I> fmt::Debug for Aggregated<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregated").field("aggregator", &self.aggregator).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
