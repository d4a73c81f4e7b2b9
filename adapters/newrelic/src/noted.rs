//! What was noticed of instances that were taken: counted at once, and told at most once for each harvest.

use std::sync::atomic::{AtomicU64, Ordering};

use mixer_adapter_sdk::delivery::{BackendMetrics, DeliveryMetrics, change};

use crate::attributes::{ChangeCounters, Changes};
use crate::endpoints::Api;

/// What was noticed since the last harvest.
#[derive(Debug)]
pub(crate) struct Noted {
    /// Samples whose attributes were lost to the limit of series.
    overflowed: AtomicU64,
    /// Attributes that did not stay as they were.
    changed: ChangeCounters,
    metrics: [(Api, BackendMetrics); 4],
}

impl Noted {
    pub(crate) fn new(metrics: &DeliveryMetrics) -> Self {
        let metrics = Api::ALL.map(|api| (api, metrics.of(api.backend())));
        Self { overflowed: AtomicU64::default(), changed: ChangeCounters::default(), metrics }
    }

    /// A sample found no room for its series.
    pub(crate) fn overflow(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    /// Attributes of an item did not stay as they were.
    pub(crate) fn change(&self, api: Api, changes: Changes) {
        if changes == Changes::default() {
            return;
        }
        self.changed.add(changes);
        let Changes { renamed, cut, left_out } = changes;
        let Some((_, metrics)) = self.metrics.iter().find(|(of, _)| *of == api) else { return };
        let counts = [(change::RENAMED, renamed), (change::CUT, cut), (change::LEFT_OUT, left_out)];
        for (reason, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            metrics.changed(reason, usize::try_from(count).unwrap_or(usize::MAX));
        }
    }

    /// Tells what was noticed.
    pub(crate) fn tell(&self) {
        let overflowed = self.overflowed.swap(0, Ordering::Relaxed);
        if overflowed > 0 {
            tracing::warn!(
                samples = overflowed,
                "there are more series than max_series; samples went into series without attributes"
            );
        }
        let Changes { renamed, cut, left_out } = self.changed.take();
        if left_out > 0 {
            tracing::warn!(
                left_out,
                cut,
                renamed,
                "there were more attributes than New Relic takes of one item"
            );
        } else if cut + renamed > 0 {
            tracing::debug!(cut, renamed, "attributes were changed to a form that New Relic takes");
        }
    }
}
