//! One address of a gRPC adapter: a connection made when it is first used, and whether it worked lately.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::client::Grpc;

use super::backoff::Backoff;
use super::connection::{Connection, Connector};
use super::remote::SLOW;

/// Failures in a row after which the connection is made anew: a dead peer does not close it.
const RENEW_AFTER: u32 = 3;

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(Arc<Path>),
}

/// One address.
#[derive(Debug)]
pub(crate) struct Endpoint {
    place: Place,
    connector: Arc<Connector>,
    calls: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client: Grpc<Connection>,
    failures: u32,
    backoff: Backoff,
    avoid_until: Option<Instant>,
}

/// A call on its way to an address. Dropped unsettled, it was given up, which counts as a failure when the
/// address had a fair amount of time.
pub(crate) struct Call {
    endpoint: Arc<Endpoint>,
    pub(crate) client: Grpc<Connection>,
    started: Instant,
    settled: bool,
}

impl Call {
    /// The address answered.
    pub(crate) fn succeeded(mut self) {
        self.settled = true;
        let mut state = self.endpoint.state.lock();
        state.failures = 0;
        state.avoid_until = None;
        state.backoff = Backoff::default();
    }

    /// The address could not be reached: others are preferred for a while.
    pub(crate) fn failed(mut self) {
        self.settled = true;
        self.endpoint.failed();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.endpoint.calls.fetch_sub(1, Ordering::Relaxed);
        if !self.settled && self.started.elapsed() >= SLOW {
            self.endpoint.failed();
        }
    }
}

impl Endpoint {
    pub(crate) fn new(place: Place, connector: Arc<Connector>) -> Self {
        let client = connector.client(&place);
        let state = State { client, failures: 0, backoff: Backoff::default(), avoid_until: None };
        Self { place, connector, calls: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Calls that are under way.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether it failed so lately that another address is better.
    pub(crate) fn is_avoided(&self, now: Instant) -> bool {
        self.state.lock().avoid_until.is_some_and(|until| until > now)
    }

    /// Begins a call.
    pub(crate) fn call(self: &Arc<Self>) -> Call {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let client = self.state.lock().client.clone();
        Call { endpoint: self.clone(), client, started: Instant::now(), settled: false }
    }

    fn failed(&self) {
        let mut state = self.state.lock();
        state.failures += 1;
        state.avoid_until = Some(Instant::now() + state.backoff.next());
        if state.failures.is_multiple_of(RENEW_AFTER) {
            state.client = self.connector.client(&self.place);
        }
    }
}
