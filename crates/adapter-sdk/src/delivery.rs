//! Takes what a handler collects to its backend: bounded queues, batches, retries, one breaker for each destination.
//!
//! An adapter implements [`Backend`] (how a batch becomes a payload, and how a payload is sent) and offers its items to an
//! [`Engine`]. Nothing is lost in silence and nothing grows without end: what is dropped is counted by [`reason`].
//! [`aggregate`] makes series of samples, [`http`] is the client of backends that speak HTTP, and [`spool`] keeps payloads on disk.

pub mod aggregate;
mod batch;
mod breaker;
mod engine;
pub mod http;
mod metrics;
mod outcome;
mod queue;
mod request_id;
mod retry;
pub mod spool;

// For daemons that take lines and never answer.
pub mod datagram;

pub use batch::{Batch, BatchLimits};
pub use breaker::{Breaker, BreakerPolicy, Pass};
pub use engine::{Backend, Engine, EngineOptions, Payload};
pub use metrics::{BackendMetrics, DeliveryMetrics, QueueGauges};
pub use outcome::{Outcome, reason};
pub use queue::{NoRoom, Queue, QueueLimits};
pub use request_id::RequestId;
pub use retry::{Backoff, RetryPolicy, parse_retry_after};
