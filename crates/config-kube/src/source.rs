//! The source as a whole: finds the kinds, follows each, and hands over whole configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Client;
use mixer_adapter_api::Registry;
use mixer_config::LegacyKinds;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::Backoff;
use crate::discovery::{Found, Kind, Wanted, discover};
use crate::metrics::KubeMetrics;
use crate::reflect::{Reflector, Timing};
use crate::request::Api;
use crate::store::{CollectionKey, Content, Store};

/// What is read from a cluster, and how.
#[derive(Clone)]
pub struct KubeSource {
    /// The API server.
    pub client: Client,
    /// The namespaces that are read; empty for all of them.
    pub namespaces: Vec<String>,
    /// The hosted adapters, whose kinds are read too.
    pub registry: Registry,
    /// Whether kinds named after adapters and templates are read.
    pub legacy: LegacyKinds,
    /// How long things take.
    pub timing: Timing,
    /// Where it is counted.
    pub metrics: KubeMetrics,
}

/// The state of a source.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// What was read last; `None` before everything was read once.
    pub content: Option<Arc<Content>>,
    /// Why not everything can be read at the moment: `content` is the last good one.
    pub unavailable: Option<Arc<str>>,
}

/// A source that is being followed. Dropping it ends that.
#[derive(Debug)]
pub struct Watch {
    receiver: watch::Receiver<Update>,
    task: JoinHandle<()>,
    pub(crate) store: Store,
}

impl Watch {
    /// Waits until the state is another than the one seen last; the first time, until something was tried.
    /// `None` when the runtime shuts down.
    pub async fn next(&mut self) -> Option<Update> {
        self.receiver.changed().await.ok()?;
        Some(self.receiver.borrow_and_update().clone())
    }

    /// The state, for whoever else looks at it.
    pub fn subscribe(&self) -> watch::Receiver<Update> {
        self.receiver.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl KubeSource {
    /// Follows the cluster in tasks of the current runtime that end with the [`Watch`].
    pub fn watch(self) -> Watch {
        let store = Store::new(self.metrics.clone());
        let (sender, receiver) = watch::channel(Update::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(Kinds { source: self.clone(), store: store.clone() }.run());
        let (held, timing) = (store.clone(), self.timing);
        let task = tokio::spawn(async move {
            hand_over(&held, &sender, timing).await;
            drop(tasks);
        });
        Watch { receiver, task, store }
    }
}

/// Hands over the state after every change, until nobody wants it any more.
async fn hand_over(store: &Store, sender: &watch::Sender<Update>, timing: Timing) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = store.changed.notified() => {}
        }
        let longest = Instant::now() + timing.longest;
        while timeout_at(longest.min(Instant::now() + timing.quiet), store.changed.notified()).await.is_ok() {
            if Instant::now() >= longest {
                break;
            }
        }
        let (content, unavailable) = (store.content(), store.unavailable());
        sender.send_if_modified(|update| {
            let new =
                content.filter(|content| update.content.as_deref().is_none_or(|old| !same(old, content)));
            let changed = new.is_some() || update.unavailable != unavailable;
            update.content = new.map(Arc::new).or(update.content.take());
            update.unavailable = unavailable;
            changed
        });
    }
}

/// Whether two contents mean the same; the statuses in them play no part.
fn same(a: &Content, b: &Content) -> bool {
    let generations = |content: &Content| {
        content.versions.values().map(|version| (version.uid.clone(), version.generation)).collect::<Vec<_>>()
    };
    a.resources == b.resources && a.problems == b.problems && generations(a) == generations(b)
}

/// Finds out again and again which kinds there are.
struct Kinds {
    source: KubeSource,
    store: Store,
}

impl Kinds {
    async fn run(self) {
        let timing = self.source.timing;
        let api = Api::new(self.source.client.clone(), timing.answer);
        let wanted = Wanted { registry: self.source.registry.clone(), legacy: self.source.legacy };
        let mut backoff = Backoff::new(timing.shortest_pause, timing.longest_pause);
        // Dropping the set ends the reflectors.
        let mut tasks = JoinSet::new();
        let mut running: BTreeMap<CollectionKey, (Kind, AbortHandle)> = BTreeMap::new();
        let mut known = Found::default();
        loop {
            match discover(&api, &wanted).await {
                Ok(found) => {
                    if found != known {
                        announce(&found);
                    }
                    self.follow(&found, &api, &mut running, &mut tasks);
                    self.store.discovered(missing(&found));
                    if found.missing.is_empty() {
                        backoff.reset();
                        sleep(timing.discovery.mul_f64(0.8 + fastrand::f64() * 0.4)).await;
                    } else {
                        sleep(timing.shortest_pause * 2).await;
                    }
                    known = found;
                }
                Err(failure) => {
                    self.source.metrics.failures.with_label_values(&["", failure.cause.word()]).inc();
                    if backoff.failures() > 0 || running.is_empty() {
                        self.store.discovered(Some(failure.message.as_str().into()));
                    }
                    backoff.wait(&failure).await;
                }
            }
        }
    }

    /// Starts following kinds that are new, and forgets those that are gone. A core kind that is gone keeps its last
    /// objects: somebody who deletes a definition by mistake must not lose the configuration of the mesh.
    fn follow(
        &self,
        found: &Found,
        api: &Api,
        running: &mut BTreeMap<CollectionKey, (Kind, AbortHandle)>,
        tasks: &mut JoinSet<()>,
    ) {
        let namespaces: Vec<Arc<str>> = match self.source.namespaces.is_empty() {
            true => vec!["".into()],
            false => self.source.namespaces.iter().map(|name| name.as_str().into()).collect(),
        };
        for kind in &found.kinds {
            for namespace in &namespaces {
                let key = CollectionKey { kind: kind.kind.clone(), namespace: namespace.clone() };
                self.store.open(&key, kind);
                if running.get(&key).is_some_and(|(followed, _)| followed.plural == kind.plural) {
                    continue;
                }
                let reflector = Reflector {
                    api: api.clone(),
                    kind: kind.clone(),
                    key: key.clone(),
                    store: self.store.clone(),
                    metrics: self.source.metrics.clone(),
                    timing: self.source.timing,
                };
                let task = tasks.spawn(reflector.run());
                if let Some((_, old)) = running.insert(key, (kind.clone(), task)) {
                    old.abort();
                }
            }
        }
        running.retain(|key, (kind, task)| {
            let stays = kind.is_core || found.kinds.iter().any(|kind| kind.kind == key.kind);
            if !stays {
                task.abort();
                self.store.close(key);
            }
            stays
        });
        while tasks.try_join_next().is_some() {}
    }
}

fn missing(found: &Found) -> Option<Arc<str>> {
    if found.missing.is_empty() {
        return None;
    }
    let kinds = found.missing.join(", ");
    Some(
        format!(
            "the cluster has no kind {kinds} of config.istio.io/v1alpha2; run: mixs crd | kubectl apply -f -"
        )
        .into(),
    )
}

fn announce(found: &Found) {
    let names = |status: bool| {
        let of = found.kinds.iter().filter(|kind| kind.has_status == status).map(|kind| &*kind.kind);
        of.collect::<Vec<_>>().join(", ")
    };
    tracing::info!(
        "kinds of the cluster: {} with status, {} without",
        or_none(&names(true)),
        or_none(&names(false))
    );
    if !found.ignored.is_empty() {
        tracing::info!("kinds of config.istio.io that are not read: {}", found.ignored.join(", "));
    }
}

fn or_none(names: &str) -> &str {
    if names.is_empty() { "none" } else { names }
}
