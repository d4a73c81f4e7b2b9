//! How much work one handler may hold: calls in flight, calls that wait for a place, and the bytes of both.

use std::sync::atomic::{AtomicUsize, Ordering};

use mixer_adapter_api::{ErrorKind, HandlerError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The bounds of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Calls at the same time.
    pub(crate) in_flight: usize,
    /// Calls that wait for a place.
    pub(crate) queued: usize,
    /// Bytes of all of them. A call that is larger is taken when nothing else is held.
    pub(crate) bytes: usize,
}

/// Keeps a slow handler from holding more than its bounds.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    places: Semaphore,
    queued: AtomicUsize,
    bytes: AtomicUsize,
}

/// The right to one call; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    _bytes: Held<'a>,
    _place: SemaphorePermit<'a>,
}

/// Gives an amount back when dropped, also when the wait for a place is cancelled.
#[derive(Debug)]
struct Held<'a> {
    counter: &'a AtomicUsize,
    amount: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.amount, Ordering::AcqRel);
    }
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Semaphore::new(limits.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            queued: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// `QueueFull` at once when too many calls wait or too many bytes are held.
    pub(crate) async fn acquire(&self, bytes: usize) -> Result<Permit<'_>, HandlerError> {
        let held = self.hold(&self.bytes, bytes, self.limits.bytes).ok_or_else(|| {
            full(format!("calls with {} bytes are under way, the bound of one handler", self.limits.bytes))
        })?;
        if let Ok(place) = self.places.try_acquire() {
            return Ok(Permit { _bytes: held, _place: place });
        }
        let waiting = self.hold(&self.queued, 1, self.limits.queued).ok_or_else(|| {
            let Limits { in_flight, queued, .. } = self.limits;
            full(format!("{in_flight} calls are in flight and {queued} wait, the bounds of one handler"))
        })?;
        let place = self.places.acquire().await.map_err(|_| full("the handler is closed".to_owned()))?;
        drop(waiting);
        Ok(Permit { _bytes: held, _place: place })
    }

    fn hold<'a>(&self, counter: &'a AtomicUsize, amount: usize, limit: usize) -> Option<Held<'a>> {
        let before = counter.fetch_add(amount, Ordering::AcqRel);
        // Dropped when refused, which gives the amount back.
        let held = Held { counter, amount };
        let alone = before == 0 && limit > 0;
        (alone || before.saturating_add(amount) <= limit).then_some(held)
    }
}

fn full(what: String) -> HandlerError {
    HandlerError::new(ErrorKind::QueueFull, format!("{what}; the adapter is slower than its load"))
}

#[cfg(test)]
mod tests;
