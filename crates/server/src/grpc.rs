//! The gRPC port: HTTP/2 connections, the services behind them, and what every call has in common (metrics, health,
//! reflection, an orderly end).

mod connections;
pub(crate) mod deadline;
mod describe;
mod doors;
mod entrance;
mod goaway;
mod observe;
mod rpc_metrics;
mod services;
mod threads;

pub use connections::GrpcServer;
pub(crate) use entrance::Entrance;
pub use entrance::TlsOptions;
pub use goaway::Goaway;
pub(crate) use rpc_metrics::RpcMetrics;
pub(crate) use services::Health;
pub use services::Services;

use std::time::Duration;

/// Limits of the gRPC port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcOptions {
    /// Longest message that is taken, in bytes.
    pub max_message_size: usize,
    /// Calls of one connection that run at once.
    pub max_concurrent_streams: u32,
    /// After this time without a frame the peer is asked whether it is still there.
    pub keepalive_interval: Duration,
    /// A peer that does not answer in this time is gone.
    pub keepalive_timeout: Duration,
    /// Age at which a connection is closed in an orderly way (GOAWAY), so that clients spread over new replicas; less up
    /// to a tenth at random, so that they do not come back together. Zero for never.
    pub max_connection_age: Duration,
    /// A stream of access logs ends after this time, so that proxies spread over the replicas again.
    pub stream_max_age: Duration,
}

impl Default for GrpcOptions {
    fn default() -> Self {
        Self {
            max_message_size: 1024 * 1024,
            max_concurrent_streams: 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            max_connection_age: Duration::from_secs(30 * 60),
            stream_max_age: Duration::from_secs(30 * 60),
        }
    }
}
