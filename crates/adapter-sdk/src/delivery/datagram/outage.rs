//! What the log says about a receiver that cannot be reached: when it begins, now and then, and when it is over.

use std::time::Duration;

use super::address::LineAddress;
use super::failure::Failure;
use crate::serve::throttle::Throttle;

/// Time between two lines about the same outage.
const PERIOD: Duration = Duration::from_secs(60);

/// The current outage, if there is one.
#[derive(Debug)]
pub(super) struct Outage {
    backend: String,
    /// One for all outages: a receiver that comes and goes must not fill the log.
    throttle: Throttle,
    current: Option<Current>,
}

#[derive(Debug, Default)]
struct Current {
    items: usize,
    told: bool,
}

impl Outage {
    pub(super) fn new(backend: &str) -> Self {
        Self { backend: backend.to_owned(), throttle: Throttle::new(PERIOD), current: None }
    }

    /// A payload with so many items was lost, or a first look found nobody.
    pub(super) fn lost(&mut self, address: &LineAddress, items: usize, failure: &Failure) {
        let current = self.current.get_or_insert_default();
        current.items += items;
        if self.throttle.pass().is_some() {
            current.told = true;
            let (backend, reason, lost) = (&self.backend, failure.reason, current.items);
            tracing::warn!(
                backend, %address, reason, lost,
                "lines cannot be sent, and are lost until they can: {}; does the daemon run, and is this its address?",
                failure.detail
            );
        }
    }

    /// A payload was sent.
    pub(super) fn over(&mut self, address: &LineAddress) {
        if let Some(Current { items, told: true }) = self.current.take() {
            tracing::info!(backend = self.backend, %address, lost = items, "lines are sent again");
        }
    }
}
