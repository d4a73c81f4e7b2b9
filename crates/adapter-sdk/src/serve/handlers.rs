//! Handlers, built when their configuration is first seen, kept while they are used, closed in order: when they
//! were idle for long, when there are too many, and in the end.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use hashbrown::HashMap;
use mixer_adapter_api::{Adapter, FieldProblem, Handler, HandlerSpec, InstanceInfo};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::metrics::Metrics;
use super::request::RawAny;
use crate::params::join;

/// A handler that could not be built is tried again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a handler was built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Calls that carry no configuration.
    Nothing,
    /// Calls that carry this configuration.
    Config(RawAny),
    /// Calls that name a session.
    Session(String),
}

impl Key {
    fn config(&self) -> Option<&RawAny> {
        match self {
            Self::Config(config) => Some(config),
            Self::Nothing | Self::Session(_) => None,
        }
    }
}

/// Why there is no handler.
#[derive(Clone, Debug)]
pub(super) enum NotBuilt {
    /// The configuration is wrong, every field of it told.
    Invalid(String),
    /// It could not be built now.
    Failed(String),
}

type Built = Result<Arc<dyn Handler>, NotBuilt>;
type Leased = (Shared<BoxFuture<'static, Built>>, TaskTrackerToken, u64);

struct Entry {
    /// For log lines.
    id: u64,
    built: Shared<BoxFuture<'static, Built>>,
    started: Instant,
    last_used: Instant,
    /// Counts the leases.
    leases: TaskTracker,
}

impl Entry {
    /// Whether it is a failure that may be gone by now.
    fn is_worth_a_retry(&self, now: Instant) -> bool {
        matches!(self.built.peek(), Some(Err(NotBuilt::Failed(_))))
            && now.saturating_duration_since(self.started) >= RETRY_AFTER
    }

    fn lease(&mut self, now: Instant) -> Leased {
        self.last_used = now;
        (self.built.clone(), self.leases.token(), self.id)
    }
}

/// A handler that is not closed while this value lives.
pub(super) struct Lease {
    pub(super) handler: Arc<dyn Handler>,
    /// Tells it from every other handler of the process.
    pub(super) id: u64,
    _token: TaskTrackerToken,
}

/// The handlers of a process.
pub(super) struct Handlers {
    adapter: Arc<dyn Adapter>,
    metrics: Arc<Metrics>,
    max: usize,
    idle_timeout: Duration,
    entries: Mutex<Entries>,
    /// Handlers that are being closed.
    closing: TaskTracker,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
    last_id: u64,
}

impl Handlers {
    pub(super) fn new(
        adapter: Arc<dyn Adapter>,
        metrics: Arc<Metrics>,
        max: usize,
        idle_timeout: Duration,
    ) -> Self {
        let entries = Mutex::new(Entries::default());
        Self { adapter, metrics, max: max.max(1), idle_timeout, entries, closing: TaskTracker::new() }
    }

    /// Every problem of a configuration.
    pub(super) fn validate(
        &self,
        config: Option<&RawAny>,
        instances: Vec<InstanceInfo>,
    ) -> Vec<FieldProblem> {
        match self.spec(config, instances) {
            Ok(spec) => self.adapter.validate(&spec),
            Err(problem) => vec![problem],
        }
    }

    /// The handler of a configuration, built when there is none yet.
    pub(super) async fn of_config(&self, config: Option<RawAny>) -> Result<Lease, NotBuilt> {
        let key = config.map_or(Key::Nothing, Key::Config);
        let (built, token, id) = {
            let now = Instant::now();
            let mut entries = self.entries.lock();
            match entries.by_key.get_mut(&key) {
                Some(entry) if !entry.is_worth_a_retry(now) => entry.lease(now),
                _ => {
                    self.make_room(&mut entries);
                    self.insert(&mut entries, key.clone(), self.spec(key.config(), Vec::new()));
                    Self::lease(&mut entries, &key, now)
                        .ok_or_else(|| NotBuilt::Failed("closed".to_owned()))?
                }
            }
        };
        Ok(Lease { handler: built.await?, id, _token: token })
    }

    /// The handler of a session; none when there is no such session.
    pub(super) async fn of_session(&self, id: &str) -> Option<Result<Lease, NotBuilt>> {
        let key = Key::Session(id.to_owned());
        let (built, token, id) = Self::lease(&mut self.entries.lock(), &key, Instant::now())?;
        Some(built.await.map(|handler| Lease { handler, id, _token: token }))
    }

    /// Builds a handler for a session.
    pub(super) async fn create_session(
        &self,
        id: &str,
        config: Option<&RawAny>,
        instances: Vec<InstanceInfo>,
    ) -> Result<(), NotBuilt> {
        let spec = self.spec(config, instances);
        let key = Key::Session(id.to_owned());
        let built = {
            let mut entries = self.entries.lock();
            let sessions = entries.by_key.keys().filter(|key| matches!(key, Key::Session(_))).count();
            if sessions >= self.max {
                return Err(NotBuilt::Failed(format!(
                    "there are {sessions} sessions already, which is the limit set by --maxHandlers"
                )));
            }
            self.insert(&mut entries, key.clone(), spec);
            Self::lease(&mut entries, &key, Instant::now())
        };
        let Some((built, _token, _)) = built else { return Err(NotBuilt::Failed("closed".to_owned())) };
        let result = built.await.map(drop);
        if result.is_err() {
            self.close(&key);
        }
        result
    }

    /// Closes the handler of a session; false when there is no such session.
    pub(super) fn close_session(&self, id: &str) -> bool {
        self.close(&Key::Session(id.to_owned()))
    }

    /// Closes handlers that were not used for long, again and again. The one that was used last stays: a process
    /// with one configuration keeps its state over a quiet night.
    pub(super) async fn close_idle(&self) {
        let mut interval = tokio::time::interval((self.idle_timeout / 4).max(Duration::from_millis(100)));
        loop {
            interval.tick().await;
            let now = Instant::now();
            let mut entries = self.entries.lock();
            let latest = entries.by_key.values().map(|entry| entry.last_used).max();
            let idle: Vec<Key> = entries
                .by_key
                .iter()
                .filter(|(key, entry)| {
                    !matches!(key, Key::Session(_))
                        && Some(entry.last_used) != latest
                        && now.saturating_duration_since(entry.last_used) >= self.idle_timeout
                })
                .map(|(key, _)| key.clone())
                .collect();
            for key in idle {
                self.remove(&mut entries, &key);
            }
        }
    }

    /// Closes everything, and says which handlers were not done at the end of the grace period.
    pub(super) async fn close_all(&self, grace: Duration) -> bool {
        {
            let mut entries = self.entries.lock();
            let keys: Vec<Key> = entries.by_key.keys().cloned().collect();
            for key in keys {
                self.remove(&mut entries, &key);
            }
        }
        self.closing.close();
        let done = tokio::time::timeout(grace, self.closing.wait()).await.is_ok();
        if !done {
            tracing::error!(
                handlers = self.closing.len(),
                "handlers were not closed within the grace period; what they had buffered may be lost"
            );
        }
        done
    }

    fn spec(
        &self,
        config: Option<&RawAny>,
        instances: Vec<InstanceInfo>,
    ) -> Result<HandlerSpec, FieldProblem> {
        let info = self.adapter.info();
        if let Some(RawAny { type_url, .. }) = config {
            let name = type_url.rsplit('/').next().unwrap_or_default();
            if !name.is_empty() && !info.config_message.is_empty() && name != info.config_message {
                let message = format!(
                    "is a {name}, but adapter {} takes {}; look at the `config` of the adapter resource",
                    info.name, info.config_message
                );
                return Err(FieldProblem::new("adapter_config", message));
            }
        }
        // Calls do not say of which handler they are: every configuration counts as an edit of the same one.
        let params = config.map(|config| config.value.clone()).unwrap_or_default();
        Ok(HandlerSpec { name: info.name.into(), params, instances })
    }

    fn lease(entries: &mut Entries, key: &Key, now: Instant) -> Option<Leased> {
        Some(entries.by_key.get_mut(key)?.lease(now))
    }

    /// Starts to build a handler. It goes on when the call that wants it gives up.
    fn insert(&self, entries: &mut Entries, key: Key, spec: Result<HandlerSpec, FieldProblem>) {
        entries.last_id += 1;
        let (id, now) = (entries.last_id, Instant::now());
        let building = tokio::spawn(build(self.adapter.clone(), spec, self.metrics.clone(), id));
        let built = async move {
            building.await.unwrap_or_else(|error| {
                Err(NotBuilt::Failed(format!("building the handler did not end well: {error}")))
            })
        };
        let built = built.boxed().shared();
        let entry = Entry { id, built, started: now, last_used: now, leases: TaskTracker::new() };
        if let Some(earlier) = entries.by_key.insert(key, entry) {
            self.retire(earlier);
        }
        self.metrics.handlers.set(entries.by_key.len() as i64);
    }

    fn make_room(&self, entries: &mut Entries) {
        while entries.by_key.len() >= self.max {
            let candidates = entries.by_key.iter().filter(|(key, _)| !matches!(key, Key::Session(_)));
            let oldest = candidates.min_by_key(|(_, entry)| entry.last_used).map(|(key, _)| key.clone());
            match oldest {
                Some(key) => self.remove(entries, &key),
                None => return,
            };
        }
    }

    fn close(&self, key: &Key) -> bool {
        self.remove(&mut self.entries.lock(), key)
    }

    fn remove(&self, entries: &mut Entries, key: &Key) -> bool {
        let Some(entry) = entries.by_key.remove(key) else { return false };
        self.metrics.handlers.set(entries.by_key.len() as i64);
        self.retire(entry);
        true
    }

    /// Closes a handler that no new call finds, behind the last call that has found it.
    fn retire(&self, entry: Entry) {
        self.closing.spawn(async move {
            entry.leases.close();
            entry.leases.wait().await;
            if let Ok(handler) = entry.built.await {
                handler.close().await;
                tracing::info!(handler = entry.id, "handler closed");
            }
        });
    }
}

async fn build(
    adapter: Arc<dyn Adapter>,
    spec: Result<HandlerSpec, FieldProblem>,
    metrics: Arc<Metrics>,
    id: u64,
) -> Built {
    let built = try_build(&*adapter, spec).await;
    let result = match &built {
        Ok(_) => {
            tracing::info!(handler = id, "handler built");
            "ok"
        }
        Err(NotBuilt::Invalid(problems)) => {
            tracing::error!(handler = id, problems, "the handler's configuration is not valid");
            "invalid"
        }
        Err(NotBuilt::Failed(error)) => {
            tracing::error!(handler = id, error, "the handler could not be built");
            "failed"
        }
    };
    metrics.handler_builds.with_label_values(&[result]).inc();
    built
}

async fn try_build(adapter: &dyn Adapter, spec: Result<HandlerSpec, FieldProblem>) -> Built {
    let spec = spec.map_err(|problem| NotBuilt::Invalid(problem.to_string()))?;
    let problems = adapter.validate(&spec);
    if !problems.is_empty() {
        let mut problems = join(&problems);
        if spec.params.is_empty() {
            let info = adapter.info();
            problems.push_str(&format!(
                " (the configuration is empty: calls bring the `params` of a handler as adapter_config only when the `adapter` resource {} has `config` and `session_based: false`)",
                info.name
            ));
        }
        return Err(NotBuilt::Invalid(problems));
    }
    adapter.build(spec).await.map_err(|error| NotBuilt::Failed(error.to_string()))
}

#[cfg(test)]
mod tests;
