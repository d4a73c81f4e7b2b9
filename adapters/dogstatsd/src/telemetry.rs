//! What Datadog's clients tell about themselves, in the form of the official one: `datadog.dogstatsd.client.*`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use mixer_adapter_sdk::delivery::datagram::PayloadCounts;

/// What was received since the last report.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) metrics: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) service_checks: AtomicU64,
}

/// What a report tells of what was received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) metrics: u64,
    pub(crate) events: u64,
    pub(crate) service_checks: u64,
}

impl Received {
    pub(crate) fn now(&self) -> Told {
        Told {
            metrics: self.metrics.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            service_checks: self.service_checks.load(Ordering::Relaxed),
        }
    }

    /// Takes off what was told.
    pub(crate) fn forget(&self, told: Told) {
        self.metrics.fetch_sub(told.metrics, Ordering::Relaxed);
        self.events.fetch_sub(told.events, Ordering::Relaxed);
        self.service_checks.fetch_sub(told.service_checks, Ordering::Relaxed);
    }
}

/// The payload of a report.
pub(crate) fn payload(told: Told, counts: &PayloadCounts, tags: &str) -> String {
    let rows = [
        ("metrics", told.metrics),
        ("events", told.events),
        ("service_checks", told.service_checks),
        ("bytes_sent", counts.sent_bytes),
        ("bytes_dropped", counts.dropped_queue_bytes + counts.dropped_writer_bytes),
        ("bytes_dropped_queue", counts.dropped_queue_bytes),
        ("bytes_dropped_writer", counts.dropped_writer_bytes),
        ("packets_sent", counts.sent),
        ("packets_dropped", counts.dropped_queue + counts.dropped_writer),
        ("packets_dropped_queue", counts.dropped_queue),
        ("packets_dropped_writer", counts.dropped_writer),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        // Memory takes every write.
        let _ = writeln!(text, "datadog.dogstatsd.client.{name}:{value}|c|#{tags}");
    }
    text
}

/// Tags of reports: who sends, how, and those of everything.
pub(crate) fn tags(transport: &str, fixed: &str) -> String {
    let own = concat!("client:mixer-rs,client_version:", env!("CARGO_PKG_VERSION"), ",client_transport:");
    let comma = if fixed.is_empty() { "" } else { "," };
    format!("{own}{transport}{comma}{fixed}")
}
