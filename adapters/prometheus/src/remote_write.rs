//! Sends series to receivers of Prometheus's remote write. What goes to the same address under the same external labels has
//! one sender, whichever handlers it belongs to: samples of a series go one after the other, and an edit of a
//! handler does not begin anew.

mod body;
mod encode;
mod message;
mod receiver;
mod snapshot;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mixer_adapter_sdk::BuildError;
use mixer_adapter_sdk::delivery::{
    BackendMetrics, BatchLimits, Breaker, BreakerPolicy, DeliveryMetrics, EngineOptions, Pipeline,
    PipelineOptions,
};
use parking_lot::Mutex;

use crate::config::{Destination, Identity};
use crate::store::Store;
use receiver::Receiver;
use snapshot::{Snapshots, Source};

/// Items of a snapshot come all at once; a request waits for no others.
const BATCH_AGE: Duration = Duration::from_millis(50);

/// What is counted of remote write.
pub(crate) fn metrics() -> Result<BackendMetrics, BuildError> {
    let metrics = DeliveryMetrics::shared().map_err(|error| BuildError(error.to_string()))?;
    Ok(metrics.of("prometheus"))
}

/// All senders of an adapter.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    senders: Mutex<HashMap<Identity, Weak<Sender>>>,
}

/// Sends the series of some handlers to one destination.
#[derive(Debug)]
struct Sender {
    snapshots: Arc<Snapshots>,
    /// Held while it begins, changes or ends.
    running: tokio::sync::Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    destination: Destination,
    pipeline: Pipeline<Source, Receiver>,
}

/// The part of one build of a handler in a sender.
#[derive(Debug)]
pub(crate) struct SenderLease {
    sender: Arc<Sender>,
    registration: u64,
}

impl Senders {
    /// Sends the metrics of a build of a handler to a destination, too, until the lease is released.
    pub(crate) async fn lease(
        &self,
        store: &Arc<Store>,
        registration: u64,
        destination: &Destination,
    ) -> Result<SenderLease, BuildError> {
        let identity = destination.identity(&replica());
        let sender = self.find(store, identity);
        let mut running = sender.running.lock().await;
        let is_same = running.as_ref().is_some_and(|running| running.destination.raw == destination.raw);
        if !is_same {
            // Made first: what is running stays when the new one cannot be.
            let metrics = metrics()?;
            let receiver = Receiver::new(destination, metrics.clone()).await?;
            if let Some(old) = running.take() {
                old.pipeline.close().await;
            }
            let source = Source(sender.snapshots.clone());
            let pipeline = Pipeline::start(source, receiver, options(destination), metrics).await?;
            *running = Some(Running { destination: destination.clone(), pipeline });
        }
        sender.snapshots.add(registration);
        drop(running);
        Ok(SenderLease { sender, registration })
    }

    fn find(&self, store: &Arc<Store>, identity: Identity) -> Arc<Sender> {
        let mut senders = self.senders.lock();
        senders.retain(|_, sender| sender.strong_count() > 0);
        if let Some(known) = senders.get(&identity).and_then(Weak::upgrade) {
            return known;
        }
        let snapshots = Snapshots::new(store.clone(), identity.external_labels.clone());
        let sender =
            Arc::new(Sender { snapshots: Arc::new(snapshots), running: tokio::sync::Mutex::default() });
        senders.insert(identity, Arc::downgrade(&sender));
        sender
    }
}

impl SenderLease {
    /// What tries the destination.
    pub(crate) fn tester(&self) -> Tester {
        Tester(self.sender.clone())
    }

    /// Sends the metrics no more. The last one to go sends them once more, and then that there will be no more.
    pub(crate) async fn release(self) {
        let sender = &self.sender;
        let mut running = sender.running.lock().await;
        if !sender.snapshots.is_last(self.registration) {
            return;
        }
        sender.snapshots.set_ended(true);
        if let Some(running) = running.take() {
            running.pipeline.close().await;
        }
        sender.snapshots.set_ended(false);
    }
}

/// Tries a destination.
#[derive(Debug)]
pub(crate) struct Tester(Arc<Sender>);

impl Tester {
    /// Sends one marked sample, and tells in the log what the receiver answered.
    ///
    /// # Errors
    ///
    /// The receiver did not write it; the text says why.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let running = self.0.running.lock().await;
        let Some(Running { destination, pipeline }) = &*running else {
            return Err("the handler is closed".to_owned());
        };
        let limit = destination.http.timeout;
        let tried = pipeline.backend().self_test(self.0.snapshots.test_item());
        let answer = tokio::time::timeout(limit, tried).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs_f64())));
        let answer = answer.map_err(|error| format!("remote_write to {}: {error}", destination.url))?;
        tracing::info!(url = %destination.url, "one sample of mixer_self_test was written: the receiver answered {answer}");
        Ok(())
    }
}

impl Drop for SenderLease {
    fn drop(&mut self) {
        self.sender.snapshots.remove(self.registration);
    }
}

fn options(destination: &Destination) -> PipelineOptions {
    PipelineOptions {
        name: "remote_write",
        harvest_period: destination.period,
        engine: EngineOptions {
            queue: Source::QUEUE,
            batch: BatchLimits { items: destination.max_series, age: BATCH_AGE, ..BatchLimits::default() },
            // Receivers limit what comes out of a request, not how it is sent.
            payload_bytes: usize::MAX,
            // Samples of a series have to come in order.
            in_flight: 1,
            attempt_timeout: destination.http.timeout,
            breaker: Breaker::for_destination(
                destination.url.as_str(),
                &format!("{:?}", destination.auth),
                BreakerPolicy::default(),
            ),
            ..EngineOptions::default()
        },
        ..PipelineOptions::default()
    }
}

/// What tells this process apart from its replicas: the name of the pod, or of the host.
fn replica() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = variable("POD_NAME").or_else(|| variable("HOSTNAME")).or_else(kernel).unwrap_or_default();
    name.trim().to_owned()
}
