//! What waits to be sent: a data point, a log record or a span, encoded, with what it is grouped by in an envelope.

use std::sync::Arc;

use bytes::Bytes;

use super::wire::Writer;

/// The three kinds of data, each with a collector's service, a path and a queue of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
    /// Spans.
    Traces,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Logs, Self::Traces];

    /// As log lines and directories name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }

    /// Path of the collector's service over HTTP, behind that of its base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
            Self::Traces => "/v1/traces",
        }
    }
}

/// One thing to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The metric that a data point belongs to.
    pub(super) metric: Option<Arc<MetricHead>>,
    /// The encoded `Resource`, and behind it the encoded data point, log record or span.
    bytes: Bytes,
    resource: usize,
}

impl Item {
    /// Something that tells of a resource.
    pub fn new(
        resource: impl FnOnce(&mut Writer),
        metric: Option<Arc<MetricHead>>,
        write: impl FnOnce(&mut Writer),
    ) -> Self {
        let mut writer = Writer::with_capacity(512);
        resource(&mut writer);
        let resource = writer.len();
        write(&mut writer);
        Self { metric, bytes: writer.into_bytes().into(), resource }
    }

    /// The encoded `Resource`.
    pub(super) fn resource(&self) -> &[u8] {
        self.bytes.get(..self.resource).unwrap_or_default()
    }

    /// The encoded data point, log record or span.
    pub(super) fn content(&self) -> &[u8] {
        self.bytes.get(self.resource..).unwrap_or_default()
    }

    /// About how many bytes it adds to an envelope.
    pub fn size(&self) -> usize {
        self.bytes.len() + 8
    }
}

/// What the data points of a metric have in common, encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricHead {
    /// The fields of `Metric` but for its data: name, description, unit.
    pub fields: Vec<u8>,
    /// The number of the field with its data.
    pub data: u32,
    /// The fields of the data behind the points: temporality, and whether a sum only rises.
    pub tail: Vec<u8>,
}
