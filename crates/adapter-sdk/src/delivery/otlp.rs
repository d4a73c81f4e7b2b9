//! The client side of OpenTelemetry's protocol (OTLP 1), for adapters whose backends take it: data points, log records and spans
//! that are encoded once, and an [`Exporter`] that sends them over gRPC or HTTP.

mod envelope;
mod exporter;
pub mod ids;
mod item;
mod json;
mod warnings;
mod wire;

pub use exporter::{Exporter, ExporterOptions, Header, Protocol};
pub use item::{Item, MetricHead, Signal};
pub use wire::Writer;
