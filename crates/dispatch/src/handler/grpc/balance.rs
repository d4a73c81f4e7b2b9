//! All addresses of a gRPC adapter: looked up again and again, each with a connection of its own, calls spread
//! over those that work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::connection::Connector;
use super::endpoint::{Endpoint, Place};
use super::resolve::Resolve;
use super::target::Target;
use crate::RateLimitedLog;

/// How often a name is looked up while all is well, less up to a quarter at random.
const REFRESH: Duration = Duration::from_secs(10);

/// The shortest time between two lookups when calls fail or connections end.
const HURRY: Duration = Duration::from_secs(1);

type Endpoints = ArcSwap<Vec<Arc<Endpoint>>>;

/// What is known about a name.
#[derive(Clone, Debug)]
enum Lookup {
    /// The first lookup is under way.
    Unknown,
    /// There are addresses, perhaps old ones.
    Found,
    /// There never was an address.
    Failed(Arc<str>),
}

/// Hands out the connections of one adapter.
#[derive(Debug)]
pub(crate) struct Balancer {
    endpoints: Arc<Endpoints>,
    lookup: watch::Receiver<Lookup>,
    /// Something happened that may mean other addresses.
    changed: Arc<Notify>,
    next: AtomicUsize,
    refresher: Option<AbortHandle>,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(refresher) = &self.refresher {
            refresher.abort();
        }
    }
}

impl Balancer {
    /// Starts looking names up; nothing is connected before the first call.
    pub(crate) fn new(target: &Target, connector: Connector, resolver: Arc<dyn Resolve>) -> Self {
        let changed = connector.ended().clone();
        let connector = Arc::new(connector);
        let places = match target {
            Target::Name { .. } => Vec::new(),
            Target::Addresses(addresses) => addresses.iter().copied().map(Place::Tcp).collect(),
            Target::Unix(path) => vec![Place::Unix(path.as_path().into())],
        };
        let endpoints = places.into_iter().map(|place| Arc::new(Endpoint::new(place, connector.clone())));
        let endpoints = Arc::new(Endpoints::from_pointee(endpoints.collect()));
        let first = if matches!(target, Target::Name { .. }) { Lookup::Unknown } else { Lookup::Found };
        let (sender, lookup) = watch::channel(first);
        let refresher = match target {
            Target::Name { host, port } => {
                let refresher = Refresher {
                    host: host.clone(),
                    port: *port,
                    resolver,
                    connector,
                    endpoints: endpoints.clone(),
                    lookup: sender,
                    changed: changed.clone(),
                    log: RateLimitedLog::new(Duration::from_secs(60)),
                };
                Some(tokio::spawn(refresher.run()).abort_handle())
            }
            _ => None,
        };
        Self { endpoints, lookup, changed, next: AtomicUsize::new(0), refresher }
    }

    /// Waits for the first lookup when there is none yet.
    ///
    /// # Errors
    /// The name has no address.
    pub(crate) async fn ready(&self) -> Result<(), Arc<str>> {
        let mut lookup = self.lookup.clone();
        let known = lookup.wait_for(|lookup| !matches!(lookup, Lookup::Unknown)).await;
        match known.as_deref() {
            Ok(Lookup::Failed(reason)) => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    /// The next address in turn that is not among `tried`: one that did not fail lately, and of two such
    /// neighbours the one with fewer calls under way.
    pub(crate) fn pick(&self, tried: &[Arc<Endpoint>]) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints.load();
        let now = Instant::now();
        let untried = || {
            let is_tried = |endpoint: &Arc<Endpoint>| tried.iter().any(|other| Arc::ptr_eq(endpoint, other));
            endpoints.iter().filter(move |endpoint| !is_tried(endpoint))
        };
        let mut candidates: Vec<_> = untried().filter(|endpoint| !endpoint.is_avoided(now)).collect();
        if candidates.is_empty() {
            // All failed lately: whether to try at all is for the breaker to say.
            candidates.extend(untried());
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let first = *candidates.get(turn.checked_rem(candidates.len())?)?;
        let second = *candidates.get((turn + 1) % candidates.len())?;
        Some(if second.calls() < first.calls() { second } else { first }.clone())
    }

    /// A call failed: the addresses may have changed.
    pub(crate) fn failed(&self) {
        self.changed.notify_one();
    }
}

struct Refresher {
    host: String,
    port: u16,
    resolver: Arc<dyn Resolve>,
    connector: Arc<Connector>,
    endpoints: Arc<Endpoints>,
    lookup: watch::Sender<Lookup>,
    changed: Arc<Notify>,
    log: RateLimitedLog,
}

impl Refresher {
    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.resolver.resolve(&self.host, self.port).await {
                Ok(addresses) if !addresses.is_empty() => {
                    self.replace(addresses);
                    backoff = Backoff::default();
                    REFRESH.mul_f64(1.0 - 0.25 * fastrand::f64())
                }
                Ok(_) => self.not_found("it has no address", &mut backoff),
                Err(error) => self.not_found(&error.to_string(), &mut backoff),
            };
            let earliest = Instant::now() + pause.min(HURRY);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => tokio::time::sleep_until(earliest).await,
            }
        }
    }

    /// Keeps the connections to addresses that are still there.
    fn replace(&self, addresses: Vec<SocketAddr>) {
        let known = self.endpoints.load();
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(addresses.len());
        for place in addresses.into_iter().map(Place::Tcp) {
            let same = |endpoint: &&Arc<Endpoint>| *endpoint.place() == place;
            if endpoints.iter().any(|endpoint| same(&endpoint)) {
                continue;
            }
            let kept = known.iter().find(same).cloned();
            endpoints.push(kept.unwrap_or_else(|| Arc::new(Endpoint::new(place, self.connector.clone()))));
        }
        self.endpoints.store(Arc::new(endpoints));
        self.lookup.send_replace(Lookup::Found);
    }

    fn not_found(&self, reason: &str, backoff: &mut Backoff) -> Duration {
        if let Some(suppressed) = self.log.permit() {
            tracing::warn!(host = self.host, suppressed, "looking the adapter's address up failed: {reason}");
        }
        self.lookup.send_modify(|lookup| {
            if !matches!(lookup, Lookup::Found) {
                *lookup = Lookup::Failed(reason.into());
            }
        });
        backoff.next().max(HURRY)
    }
}

#[cfg(test)]
mod tests;
