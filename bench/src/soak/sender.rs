//! Sends instances to the adapter at a constant rate, whatever becomes of the calls: an outage of the adapter does not
//! make the load smaller, and what was not acknowledged is not sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use http::uri::PathAndQuery;
use mixer_rpc::raw::unary;
use prost_types::Any;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use crate::newrelic::ledger::Shared;
use crate::newrelic::messages::{BATCH, Kind, message};

/// The most calls that are under way; beyond it a call is left out, and counted.
const MOST_CALLS: usize = 256;
/// After this a call is taken for not acknowledged.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a call is answered with while the adapter dies, is away, or cannot keep more.
const AWAY: [Code; 5] =
    [Code::Unavailable, Code::Cancelled, Code::Unknown, Code::DeadlineExceeded, Code::ResourceExhausted];

/// Where it goes, and who is told.
pub(super) struct Sender {
    channel: Channel,
    config: Any,
    ledger: Arc<Shared>,
    next: AtomicU64,
    /// Calls that failed.
    pub(super) failed: AtomicU64,
    /// Calls that were not made, as too many were under way.
    pub(super) left_out: AtomicU64,
}

impl Sender {
    /// Sends to the adapter on this port of loopback, once it listens there.
    ///
    /// # Errors
    /// The port is none.
    pub(super) fn new(port: u16, config: Any, ledger: Arc<Shared>) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy();
        let count = AtomicU64::default;
        Ok(Self { channel, config, ledger, next: count(), failed: count(), left_out: count() })
    }

    /// Sends so many instances of a kind in a second, until it is dropped.
    ///
    /// # Errors
    /// The adapter refused instances that are good.
    pub(super) async fn run(self: Arc<Self>, kind: Kind, rate: u64) -> anyhow::Result<()> {
        let mut ticks = interval(Duration::from_secs_f64(BATCH as f64 / rate.max(1) as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        loop {
            ticks.tick().await;
            while let Some(ended) = calls.try_join_next() {
                ended??;
            }
            if calls.len() >= MOST_CALLS {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let sender = self.clone();
            calls.spawn(async move { sender.call(kind).await });
        }
    }

    fn not_taken(&self) -> anyhow::Result<()> {
        self.failed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// One call.
    ///
    /// # Errors
    /// The adapter does not understand it.
    pub(super) async fn call(&self, kind: Kind) -> anyhow::Result<()> {
        let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
        let (path, message) = message(kind, first, &self.config);
        let mut client = Grpc::new(self.channel.clone());
        let call = unary(&mut client, PathAndQuery::from_static(path), Request::new(message));
        let answer = match timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => answer,
            // The adapter is away, or has no room.
            Err(_) => return self.not_taken(),
            Ok(Err(status)) if AWAY.contains(&status.code()) => return self.not_taken(),
            Ok(Err(status)) => return Err(status).with_context(|| format!("a call of {path}")),
        };
        anyhow::ensure!(
            answer.get_ref().is_empty(),
            "{path} is answered with {} bytes",
            answer.get_ref().len()
        );
        let mut ledger = self.ledger.lock();
        let items = match kind {
            Kind::Metrics => {
                ledger.calls.acknowledged.add(first / BATCH);
                return Ok(());
            }
            Kind::Spans => &mut ledger.spans,
            Kind::Logs => &mut ledger.logs,
        };
        for number in first..first + BATCH {
            items.acknowledged.add(number);
        }
        Ok(())
    }
}
