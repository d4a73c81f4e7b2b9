//! The metrics of all handlers and their series. Metrics are kept by what they mean, not by which configuration
//! made them: an edit of a handler keeps the series of every metric that it does not change.

mod metric;
mod native;
mod series;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::config::MetricConfig;

pub(crate) use metric::Metric;
pub(crate) use native::{Native, Span, schema_of, spans};
pub(crate) use series::{Series, Snapshot};

/// All metrics.
#[derive(Debug)]
pub(crate) struct Store {
    started: Instant,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    metrics: BTreeMap<String, Registered>,
    last_registration: u64,
}

#[derive(Debug)]
struct Registered {
    metric: Arc<Metric>,
    help: String,
    /// Which builds of which handlers use it.
    users: Vec<User>,
}

#[derive(Clone, Debug)]
struct User {
    handler: Arc<str>,
    registration: u64,
    /// Whether it wants the metric to be scraped.
    scraped: bool,
}

/// What one build of a handler wants of its metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) max_series: usize,
    /// Whether they can be scraped.
    pub(crate) scraped: bool,
}

/// A metric with its help text.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) metric: Arc<Metric>,
    pub(crate) help: String,
}

/// Two handlers define metrics that cannot be there together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("handlers {handler} and {other}: {conflict}; give one of them another name or namespace")]
pub(crate) struct Conflict {
    handler: Arc<str>,
    other: Arc<str>,
    conflict: String,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), state: RwLock::default() }
    }

    /// Milliseconds on the clock that series are stamped with.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Makes the metrics of one build of a handler, or takes those that are there already. All or none: nothing
    /// changes when there is a conflict with another handler. An earlier build of the same handler is no
    /// conflict; what it defined differently is replaced.
    ///
    /// The metrics are in the order of the configuration.
    pub(crate) fn register(
        self: &Arc<Self>,
        handler: &Arc<str>,
        configs: &[MetricConfig],
        terms: Terms,
    ) -> Result<(Registration, Vec<Arc<Metric>>), Conflict> {
        let mut state = self.state.write();
        for name in state.find_replaced(handler, configs)? {
            if let Some(registered) = state.metrics.remove(&name) {
                registered.metric.supersede();
            }
        }
        state.last_registration += 1;
        let user =
            User { handler: handler.clone(), registration: state.last_registration, scraped: terms.scraped };
        let mut metrics = Vec::with_capacity(configs.len());
        for config in configs {
            let name = config.definition.name.clone();
            let registered = state.metrics.entry(name).or_insert_with(|| Registered::new(config));
            registered.help.clone_from(&config.help);
            registered.metric.set_max_series(terms.max_series);
            registered.users.push(user.clone());
            metrics.push(registered.metric.clone());
        }
        Ok((Registration { store: self.clone(), registration: user.registration }, metrics))
    }

    /// Every metric that can be scraped, sorted by name.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.families_of(|user| user.scraped)
    }

    /// The metrics of some builds of handlers, sorted by name.
    pub(crate) fn registered(&self, registrations: &[u64]) -> Vec<Family> {
        self.families_of(|user| registrations.contains(&user.registration))
    }

    fn families_of(&self, wanted: impl Fn(&User) -> bool) -> Vec<Family> {
        let state = self.state.read();
        let found = state.metrics.values().filter(|found| found.users.iter().any(&wanted));
        found.map(|found| Family { metric: found.metric.clone(), help: found.help.clone() }).collect()
    }

    fn release(&self, registration: u64) {
        let mut state = self.state.write();
        state.metrics.retain(|_, registered| {
            registered.users.retain(|user| user.registration != registration);
            !registered.users.is_empty()
        });
    }
}

impl Registered {
    fn new(config: &MetricConfig) -> Self {
        let metric = Arc::new(Metric::new(config.definition.clone()));
        Self { metric, help: String::new(), users: Vec::new() }
    }
}

impl State {
    /// The metrics of earlier builds of the same handler that stand in the way of the new ones.
    fn find_replaced(&self, handler: &Arc<str>, configs: &[MetricConfig]) -> Result<Vec<String>, Conflict> {
        let mut owners: HashMap<String, &Registered> = HashMap::new();
        for registered in self.metrics.values() {
            owners.extend(registered.metric.definition().sample_names().map(|name| (name, registered)));
        }
        let mut replaced = Vec::new();
        for MetricConfig { definition, .. } in configs {
            for name in definition.sample_names() {
                let Some(registered) = owners.get(&name) else { continue };
                let present = registered.metric.definition();
                if present == definition {
                    continue;
                }
                if let Some(other) = registered.users.iter().find(|user| user.handler != *handler) {
                    return Err(Conflict {
                        handler: handler.clone(),
                        other: other.handler.clone(),
                        conflict: definition.conflict(present),
                    });
                }
                replaced.push(present.name.clone());
            }
        }
        Ok(replaced)
    }
}

/// The hold of one build of a handler on its metrics. A metric that nobody holds is gone.
#[derive(Debug)]
pub(crate) struct Registration {
    store: Arc<Store>,
    registration: u64,
}

impl Registration {
    /// Its number, for [`Store::registered`].
    pub(crate) fn number(&self) -> u64 {
        self.registration
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.store.release(self.registration);
    }
}
