//! What every front door shares: the engine, the throttler, and what is cached beside the running configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;
use mixer_dispatch::{Engine, Runtime};
use mixer_wire::{Codec, Compat};
use tokio_util::task::TaskTracker;

use crate::shedding::Throttler;

/// Shared by the front doors.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) engine: Engine,
    pub(crate) throttler: Throttler,
    pub(crate) compat: bool,
    codec: ArcSwap<Codec>,
    /// Reports are finished even when the caller has gone: telemetry that was received is not lost.
    pub(crate) reports: TaskTracker,
}

impl Front {
    /// Front doors before an engine.
    pub(crate) fn new(engine: Engine, throttler: Throttler, compat: bool) -> Self {
        let codec = Self::new_codec(&engine.current(), compat);
        Self { engine, throttler, compat, codec: ArcSwap::from_pointee(codec), reports: TaskTracker::new() }
    }

    /// The running configuration, with the codec of its vocabulary.
    pub(crate) fn current(&self) -> (Arc<Runtime>, Arc<Codec>) {
        let runtime = self.engine.current();
        let codec = self.codec.load();
        if Arc::ptr_eq(codec.vocabulary(), runtime.vocabulary()) {
            return (runtime, Arc::clone(&codec));
        }
        // The first requests after a reload come here, and those that still run on the configuration before.
        let codec = Arc::new(Self::new_codec(&runtime, self.compat));
        self.codec.store(codec.clone());
        (runtime, codec)
    }

    fn new_codec(runtime: &Runtime, compat: bool) -> Codec {
        let compat = if compat { Compat::Istio13 } else { Compat::Fixed };
        Codec::new(runtime.vocabulary().clone(), compat)
    }

    /// Waits until every report that was taken has been dispatched.
    pub(crate) async fn reports_done(&self) {
        self.reports.close();
        self.reports.wait().await;
    }

    /// How many reports are being dispatched.
    pub(crate) fn reports_running(&self) -> usize {
        self.reports.len()
    }
}
