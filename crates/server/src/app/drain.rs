//! The orderly end: not ready, no new connections, no new calls, flush, force. Whoever is late is named.

use std::sync::Arc;
use std::time::Duration;

use mixer_dispatch::Engine;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::options::Timing;
use crate::front::Front;
use crate::grpc::{Goaway, RpcMetrics};
use crate::readiness::Readiness;
use crate::stop::Stop;

/// What takes part in the end.
pub(super) struct Drain {
    pub(super) readiness: Readiness,
    pub(super) goaway: Goaway,
    pub(super) metrics: Arc<RpcMetrics>,
    pub(super) front: Arc<Front>,
    pub(super) engine: Engine,
    pub(super) timing: Timing,
}

impl Drain {
    /// Ends the port, which is served by `served`.
    pub(super) async fn run(self, stop: &Stop, served: JoinHandle<()>) {
        self.readiness.drain();
        tracing::info!("draining: not ready, connections are still taken for {:?}", self.timing.drain);
        tokio::select! {
            () = tokio::time::sleep(self.timing.drain) => {}
            () = stop.requested(2) => {}
        }
        let start = Instant::now();
        let deadline = start + self.timing.termination;
        tracing::info!("closing: no new connections, running calls may finish");
        self.goaway.send();
        // The last quarter belongs to the handlers, which hold what the calls left with them.
        self.finish_calls(stop, served, start + self.timing.termination * 3 / 4).await;
        self.finish_handlers(stop, deadline).await;
    }

    async fn finish_calls(&self, stop: &Stop, mut served: JoinHandle<()>, deadline: Instant) {
        let finished = async {
            // An error is a panic, which has been logged; either way nothing is served any more.
            let _ = (&mut served).await;
            self.front.reports_done().await;
        };
        tokio::select! {
            () = finished => return,
            () = sleep_until(deadline) => {}
            () = stop.requested(3) => {}
        }
        for (method, count) in self.metrics.running() {
            tracing::warn!("cut off: {count} calls of {method} are still running");
        }
        let reports = self.front.reports_running();
        if reports > 0 {
            tracing::warn!("cut off: {reports} reports are still being dispatched");
        }
        if !served.is_finished() {
            served.abort();
            let _ = served.await;
        }
    }

    async fn finish_handlers(&self, stop: &Stop, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        tokio::select! {
            late = self.engine.shutdown((Instant::now() + left).into_std()) => {
                for handler in late {
                    tracing::warn!("cut off: handler {handler} did not close in time; what it had buffered is lost");
                }
            }
            () = stop.requested(3) => tracing::warn!("cut off: handlers were not waited for"),
        }
    }
}
