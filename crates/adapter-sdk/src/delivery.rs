//! Takes what a handler collects to its backend: bounded queues, batches, retries, one breaker for each destination.
//!
//! An adapter implements [`Backend`] (how a batch becomes a payload, and how a payload is sent), chooses a [`Collector`], and
//! starts a [`Pipeline`] of both, which does the rest with an [`Engine`]. Nothing is lost in silence and nothing grows without end: what is dropped is counted by [`reason`].
//! [`aggregate`] makes series of samples, [`http`] and [`grpc`] are the clients of backends, [`otlp`] speaks to those of
//! OpenTelemetry, [`params`] checks the fields that all configurations share, and [`spool`] keeps payloads on disk. [`datagram`]
//! is for daemons that take lines and never answer: it stands beside engine and pipeline.

pub mod aggregate;
mod batch;
mod breaker;
mod collect;
pub mod datagram;
mod engine;
pub mod grpc;
pub mod http;
mod metrics;
pub mod otlp;
mod outcome;
pub mod params;
mod pipeline;
mod queue;
mod request_id;
mod retry;
pub mod spool;

pub use batch::{Batch, BatchLimits};
pub use breaker::{Breaker, BreakerPolicy, Pass};
pub use collect::{Aggregated, Collector, Pending};
pub use engine::{Backend, Engine, EngineOptions, Payload};
pub use metrics::{BackendMetrics, DeliveryMetrics, QueueGauges};
pub use outcome::{Outcome, change, reason};
pub use pipeline::{Pipeline, PipelineOptions, SpoolUse};
pub use queue::{NoRoom, Queue, QueueLimits};
pub use request_id::RequestId;
pub use retry::{Backoff, RetryPolicy, parse_retry_after};
