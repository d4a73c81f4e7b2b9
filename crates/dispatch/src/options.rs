//! What an operator can set about dispatch.

use std::sync::Arc;
use std::time::Duration;

use crate::handler::{Resolve, SystemResolver};

/// Settings of an [`crate::Engine`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Decide as the original where we differ; also on when the snapshot says so.
    pub compat: bool,
    /// Refuse a quota that is not configured instead of granting it.
    pub strict_quota: bool,
    /// Time of one call when the handler does not say (`connection.timeout`); 10 s.
    pub default_timeout: Duration,
    /// Calls of one handler at the same time; 1024.
    pub max_in_flight: usize,
    /// Calls of one handler that wait for a place; 1024.
    pub max_queued: usize,
    /// Bytes of instances that the calls of one handler may hold, waiting or in flight; 64 MiB.
    pub max_pending_bytes: usize,
    /// Encoded size above which the instances of a report are split over several calls; 2 MiB, because the
    /// usual limit of a gRPC server is 4.
    pub max_batch_bytes: usize,
    /// The longest that building a handler may take; 30 s.
    pub build_timeout: Duration,
    /// The longest that a handler that is no longer used waits for its last request, and again for its own
    /// closing; 30 s.
    pub close_timeout: Duration,
    /// How often files of certificates and tokens are looked at; 10 s.
    pub reload_interval: Duration,
    /// Leave out the original's comparison of an adapter's SPIFFE id with our own, which it makes in compatibility mode.
    pub ids_unchecked: bool,
    /// Looks up the names of gRPC adapters.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            compat: false,
            strict_quota: false,
            default_timeout: Duration::from_secs(10),
            max_in_flight: 1024,
            max_queued: 1024,
            max_pending_bytes: 64 << 20,
            max_batch_bytes: 2 << 20,
            build_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(30),
            reload_interval: mixer_identity::RELOAD_INTERVAL,
            ids_unchecked: false,
            resolver: Arc::new(SystemResolver),
        }
    }
}
