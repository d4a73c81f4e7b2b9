//! What delivery tells about itself.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Bounds of the time that a backend takes to answer, in seconds.
const LATENCY_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The metrics of all backends of a process.
#[derive(Clone, Debug)]
pub struct DeliveryMetrics {
    collected: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    retried: IntCounterVec,
    dropped: IntCounterVec,
    changed: IntCounterVec,
    queue_items: IntGaugeVec,
    queue_bytes: IntGaugeVec,
    spool_bytes: IntGaugeVec,
    spool_entries: IntGaugeVec,
    spool_corrupt: IntCounterVec,
    spool_left: IntGaugeVec,
    reloads: IntCounterVec,
    latency: HistogramVec,
}

impl DeliveryMetrics {
    /// Metrics that are shown nowhere yet.
    ///
    /// # Errors
    ///
    /// A name or a label is not one: a defect.
    pub fn new() -> Result<Self, Error> {
        let counter =
            |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["backend"]);
        let own = &["backend"];
        let collected = "Instances that were collected for the next harvest.";
        let received = "Items that were to be delivered.";
        let retried = "Items that were sent again, each time they were.";
        let dropped = "Items that were lost on the way to the backend, by reason.";
        let changed = "Names and texts that were changed or left out, because the backend cannot take them as they are, by reason.";
        let items = "Items that wait or are being delivered.";
        let bytes = "Bytes of the items that wait or are being delivered.";
        let spool = "Bytes of journals and outboxes on disk.";
        let entries = "Payloads on disk that are not delivered yet.";
        let left = "Bytes on disk that no handler of the configuration uses any more, by adapter and why.";
        let left = Opts::new("mixer_adapter_delivery_spool_left_bytes", left);
        let corrupt = "Segments on disk that were set aside because bytes in them had changed.";
        let reloads = "Changed files of certificates towards backends: ok, or failed when the last good ones stay in use.";
        let latency = "Time from sending a payload to the backend's answer.";
        let latency = HistogramOpts::new("mixer_adapter_delivery_duration_seconds", latency);
        let latency = latency.buckets(LATENCY_BUCKETS.to_vec());
        Ok(Self {
            collected: counter("mixer_adapter_delivery_collected_total", collected, own)?,
            received: counter("mixer_adapter_delivery_received_total", received, own)?,
            sent: counter("mixer_adapter_delivery_sent_total", "Items that the backend took.", own)?,
            retried: counter("mixer_adapter_delivery_retried_total", retried, own)?,
            dropped: counter("mixer_adapter_delivery_dropped_total", dropped, &["backend", "reason"])?,
            changed: counter("mixer_adapter_delivery_changed_total", changed, &["backend", "reason"])?,
            queue_items: gauge("mixer_adapter_delivery_queue_items", items)?,
            queue_bytes: gauge("mixer_adapter_delivery_queue_bytes", bytes)?,
            spool_bytes: gauge("mixer_adapter_delivery_spool_bytes", spool)?,
            spool_entries: gauge("mixer_adapter_delivery_spool_entries", entries)?,
            spool_corrupt: counter("mixer_adapter_delivery_spool_corrupt_segments_total", corrupt, own)?,
            spool_left: IntGaugeVec::new(left, &["adapter", "reason"])?,
            reloads: counter("mixer_adapter_delivery_file_reloads_total", reloads, &["result"])?,
            latency: HistogramVec::new(latency, own)?,
        })
    }

    /// The metrics of this process: the same ones for every handler.
    ///
    /// # Errors
    ///
    /// As [`DeliveryMetrics::new`].
    pub fn shared() -> Result<Self, Error> {
        static SHARED: OnceLock<Result<DeliveryMetrics, String>> = OnceLock::new();
        let new = || Self::new().map_err(|error| error.to_string());
        SHARED.get_or_init(new).clone().map_err(Error::Msg)
    }

    /// Shows the metrics in a registry, which may be one of several.
    ///
    /// # Errors
    ///
    /// The registry has metrics of these names already.
    pub fn register(&self, registry: &Registry) -> Result<(), Error> {
        let counters = [
            &self.collected,
            &self.received,
            &self.sent,
            &self.retried,
            &self.dropped,
            &self.spool_corrupt,
            &self.reloads,
        ];
        for counter in counters {
            registry.register(Box::new(counter.clone()))?;
        }
        let spool = [&self.spool_bytes, &self.spool_entries, &self.spool_left];
        for gauge in [&self.queue_items, &self.queue_bytes].into_iter().chain(spool) {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(self.changed.clone()))?;
        registry.register(Box::new(self.latency.clone()))
    }

    /// Counts a change of files of certificates.
    pub(super) fn reloaded(&self, result: &str) {
        self.reloads.with_label_values(&[result]).inc();
    }

    /// Shows how many bytes are left in the spool for a reason; none takes the series away.
    pub(super) fn set_spool_left(&self, adapter: &str, reason: &str, bytes: u64) {
        let labels = &[adapter, reason];
        if bytes == 0 {
            // It may never have been there.
            let _ = self.spool_left.remove_label_values(labels);
        } else {
            self.spool_left.with_label_values(labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// Bytes that are left in the spool, by adapter and reason: `not_hosted`, `not_configured`, `not_built` or `unreadable`.
    pub fn spool_left_bytes(&self, adapter: &str, reason: &str) -> i64 {
        self.spool_left.get_metric_with_label_values(&[adapter, reason]).map_or(0, |gauge| gauge.get())
    }

    /// Changes of files of certificates so far: `ok` or `failed`.
    pub fn reloads_so_far(&self, result: &str) -> u64 {
        self.reloads.with_label_values(&[result]).get()
    }

    /// The metrics of one backend.
    pub fn of(&self, backend: &str) -> BackendMetrics {
        let labels = &[backend];
        BackendMetrics {
            backend: backend.to_owned(),
            collected: self.collected.with_label_values(labels),
            received: self.received.with_label_values(labels),
            sent: self.sent.with_label_values(labels),
            retried: self.retried.with_label_values(labels),
            dropped: self.dropped.clone(),
            changed: self.changed.clone(),
            queue: QueueGauges {
                items: self.queue_items.with_label_values(labels),
                bytes: self.queue_bytes.with_label_values(labels),
            },
            spool: SpoolGauges {
                bytes: self.spool_bytes.with_label_values(labels),
                entries: self.spool_entries.with_label_values(labels),
                corrupt: self.spool_corrupt.with_label_values(labels),
            },
            latency: self.latency.with_label_values(labels),
        }
    }
}

/// The metrics of one backend.
#[derive(Clone, Debug)]
pub struct BackendMetrics {
    backend: String,
    collected: IntCounter,
    received: IntCounter,
    sent: IntCounter,
    retried: IntCounter,
    dropped: IntCounterVec,
    changed: IntCounterVec,
    pub(super) queue: QueueGauges,
    pub(super) spool: SpoolGauges,
    latency: Histogram,
}

impl BackendMetrics {
    /// Name of the backend: the label `backend`.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Counts instances that wait for the next harvest.
    pub fn collected(&self, instances: usize) {
        self.collected.inc_by(instances as u64);
    }

    /// Counts items that are to be delivered.
    pub fn received(&self, items: usize) {
        self.received.inc_by(items as u64);
    }

    /// Counts items that the backend took.
    pub fn sent(&self, items: usize) {
        self.sent.inc_by(items as u64);
    }

    /// Counts items that are sent again.
    pub fn retried(&self, items: usize) {
        self.retried.inc_by(items as u64);
    }

    /// Counts items that are lost.
    pub fn dropped(&self, reason: &str, items: usize) {
        self.dropped.with_label_values(&[&self.backend, reason]).inc_by(items as u64);
    }

    /// Counts names and texts that were changed or left out; for the usual reasons see [`change`](super::change).
    pub fn changed(&self, reason: &str, texts: usize) {
        self.changed.with_label_values(&[&self.backend, reason]).inc_by(texts as u64);
    }

    /// Changed so far for a reason.
    pub fn changed_so_far(&self, reason: &str) -> u64 {
        self.changed.with_label_values(&[&self.backend, reason]).get()
    }

    /// Counts one answer of the backend.
    pub fn answered(&self, took: Duration) {
        self.latency.observe(took.as_secs_f64());
    }

    /// Received, sent and retried so far.
    pub fn totals(&self) -> (u64, u64, u64) {
        (self.received.get(), self.sent.get(), self.retried.get())
    }

    /// Items and bytes that wait or are being delivered.
    pub fn queue_levels(&self) -> (i64, i64) {
        (self.queue.items.get(), self.queue.bytes.get())
    }

    /// Dropped so far for a reason.
    pub fn dropped_so_far(&self, reason: &str) -> u64 {
        self.dropped.with_label_values(&[&self.backend, reason]).get()
    }
}

/// How full the queues of a backend are, summed over its handlers.
#[derive(Clone, Debug)]
pub struct QueueGauges {
    /// Items that wait or are being delivered.
    pub items: IntGauge,
    /// Their bytes.
    pub bytes: IntGauge,
}

impl QueueGauges {
    pub(super) fn add(&self, items: usize, bytes: usize) {
        self.items.add(items as i64);
        self.bytes.add(bytes as i64);
    }

    pub(super) fn sub(&self, items: usize, bytes: usize) {
        self.items.sub(items as i64);
        self.bytes.sub(bytes as i64);
    }
}

/// What the logs of a backend hold on disk, summed over its handlers.
#[derive(Clone, Debug)]
pub(super) struct SpoolGauges {
    /// Bytes of all segments.
    pub(super) bytes: IntGauge,
    /// Payloads that are not settled.
    pub(super) entries: IntGauge,
    /// Segments that were set aside.
    pub(super) corrupt: IntCounter,
}
