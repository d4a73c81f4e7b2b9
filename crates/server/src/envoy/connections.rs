//! Bytes of a TCP connection since its last entry: Envoy sends totals, Mixer's `connection.sent.bytes` and
//! `connection.received.bytes` are differences.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;

use envoy_types::pb::envoy::data::accesslog::v3::{AccessLogType, ConnectionProperties, TcpAccessLogEntry};
use hashbrown::HashMap;

/// The last totals of open connections, oldest forgotten first. Ids are kept as hashes under a secret seed: they are
/// as long as the sender likes.
pub(super) struct ConnectionBytes {
    most: NonZeroUsize,
    seed: RandomState,
    totals: HashMap<u64, ConnectionProperties>,
    order: VecDeque<u64>,
}

impl ConnectionBytes {
    /// Remembers at most so many connections. One that is forgotten while it is open counts its bytes again at its
    /// next entry.
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self { most, seed: RandomState::new(), totals: HashMap::new(), order: VecDeque::new() }
    }

    /// The bytes since the last entry of the same connection.
    pub(super) fn advance(&mut self, entry: &TcpAccessLogEntry) -> ConnectionProperties {
        let totals = entry.connection_properties.unwrap_or_default();
        let Some(common) = &entry.common_properties else { return totals };
        let ends = matches!(
            AccessLogType::try_from(common.access_log_type),
            Ok(AccessLogType::TcpConnectionEnd | AccessLogType::NotSet) | Err(_)
        );
        if common.stream_id.is_empty() {
            // Nothing says which connection it is.
            return totals;
        }
        let id = self.seed.hash_one(&common.stream_id);
        let before = if ends { self.totals.remove(&id) } else { self.remember(id, totals) };
        let before = before.unwrap_or_default();
        ConnectionProperties {
            received_bytes: totals.received_bytes.saturating_sub(before.received_bytes),
            sent_bytes: totals.sent_bytes.saturating_sub(before.sent_bytes),
        }
    }

    fn remember(&mut self, id: u64, totals: ConnectionProperties) -> Option<ConnectionProperties> {
        if let Some(known) = self.totals.get_mut(&id) {
            return Some(std::mem::replace(known, totals));
        }
        while self.totals.len() >= self.most.get() || self.order.len() >= 2 * self.most.get() {
            let Some(oldest) = self.order.pop_front() else { break };
            self.totals.remove(&oldest);
        }
        self.totals.insert(id, totals);
        self.order.push_back(id);
        None
    }
}
