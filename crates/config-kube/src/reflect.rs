//! Keeps one collection in step with the API server: list, watch, and again from where the watch ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::discovery::{Kind, root};
use crate::lines::Lines;
use crate::metrics::KubeMetrics;
use crate::object::{self, Object};
use crate::request::{Api, Cause, Failure};
use crate::store::{CollectionKey, MAX_TOTAL, ObjectKey, Store, too_much};

/// Objects of one page of a list.
const PAGE: usize = 250;

/// Watches that fail in a row before everything is listed anew: a cluster that was restored from a backup has never
/// heard of the version that is asked for.
const MAX_WATCH_FAILURES: u32 = 5;

/// Times of lists and watches.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long an answer may take.
    pub answer: Duration,
    /// How long a watch goes on before it is asked for anew; a connection that says nothing for so long and a bit more
    /// is dead.
    pub watch: Duration,
    /// How much longer than `watch` a connection may say nothing.
    pub silence: Duration,
    /// The pause after a first failure.
    pub shortest_pause: Duration,
    /// The pause after many failures.
    pub longest_pause: Duration,
    /// How often it is asked which kinds there are.
    pub discovery: Duration,
    /// How long it has to be quiet after a change before all of it is handed over.
    pub quiet: Duration,
    /// When it is never quiet: how long a change waits at most.
    pub longest: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            watch: Duration::from_secs(150),
            silence: Duration::from_secs(10),
            shortest_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            discovery: Duration::from_secs(30),
            quiet: Duration::from_millis(150),
            longest: Duration::from_secs(2),
        }
    }
}

/// Follows one kind in one namespace, or in all.
pub(crate) struct Reflector {
    pub(crate) api: Api,
    pub(crate) kind: Kind,
    pub(crate) key: CollectionKey,
    pub(crate) store: Store,
    pub(crate) metrics: KubeMetrics,
    pub(crate) timing: Timing,
}

/// How a watch ended.
enum Ended {
    /// After its time; the next one goes on from there.
    Closed,
    /// The place in the history is gone, or an event was lost: list again.
    Lost(Failure),
    /// It failed; the next one goes on from there.
    Failed(Failure),
}

impl Reflector {
    /// Follows until dropped.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new(self.timing.shortest_pause, self.timing.longest_pause);
        loop {
            let mut version = match self.list().await {
                Ok(version) => version,
                Err(failure) => {
                    self.failed(&failure, &backoff, "listing");
                    backoff.wait(&failure).await;
                    continue;
                }
            };
            loop {
                let started = Instant::now();
                let before = version.clone();
                let ended = self.watch(&mut version).await;
                if version != before {
                    backoff.reset();
                }
                match ended {
                    // A server that closes at once is not asked again at once.
                    Ended::Closed if started.elapsed() < self.timing.shortest_pause => {
                        sleep(backoff.next(None)).await
                    }
                    Ended::Closed => backoff.reset(),
                    Ended::Failed(failure) => {
                        self.failed(&failure, &backoff, "watching");
                        backoff.wait(&failure).await;
                        if backoff.failures() >= MAX_WATCH_FAILURES {
                            break;
                        }
                    }
                    Ended::Lost(failure) => {
                        self.count(&failure);
                        tracing::info!(kind = %self.key.kind, "listing again: {failure}");
                        if failure.cause != Cause::Gone || backoff.failures() > 0 {
                            backoff.wait(&failure).await;
                        } else {
                            backoff.next(None);
                        }
                        break;
                    }
                }
            }
        }
    }

    fn path(&self) -> String {
        match &*self.key.namespace {
            "" => format!("{}/{}", root(), self.kind.plural),
            namespace => format!("{}/namespaces/{namespace}/{}", root(), self.kind.plural),
        }
    }

    /// Reads every page; the store changes when all of them are there.
    async fn list(&self) -> Result<String, Failure> {
        let mut objects = BTreeMap::new();
        let mut bytes = 0;
        let mut next = String::new();
        let path = self.path();
        loop {
            let more = if next.is_empty() { String::new() } else { format!("&continue={}", encoded(&next)) };
            let mut page = self.api.get(&format!("{path}?limit={PAGE}{more}")).await?;
            let text = |page: &Value, pointer: &str| {
                page.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let (version, following) =
                (text(&page, "/metadata/resourceVersion"), text(&page, "/metadata/continue"));
            let items = match page.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => items,
                Some(Value::Null) => Vec::new(),
                _ => return Err(Failure::new(Cause::Malformed, format!("{path}: the answer is no list"))),
            };
            for item in items {
                match self.object(item) {
                    Some((key, object)) => {
                        bytes += object.size;
                        objects.insert(key, object);
                    }
                    None => self.unnamed("an item of a list"),
                }
            }
            if bytes > MAX_TOTAL {
                return Err(Failure::new(Cause::Malformed, too_much()));
            }
            if following.is_empty() {
                if version.is_empty() {
                    return Err(Failure::new(
                        Cause::Malformed,
                        format!("{path}: the list has no resource version"),
                    ));
                }
                self.store
                    .replace(&self.key, objects)
                    .map_err(|message| Failure::new(Cause::Malformed, message))?;
                self.metrics.lists.with_label_values(&[&*self.key.kind]).inc();
                return Ok(version);
            }
            next = following;
        }
    }

    fn object(&self, value: Value) -> Option<(ObjectKey, Object)> {
        let key = object::key(&value)?;
        let object = object::read(&self.key.kind, (&key.0, &key.1), value);
        Some((key, object))
    }

    /// An API server gives every object a name, so this is a fault on the way.
    fn unnamed(&self, what: &str) {
        self.metrics.failures.with_label_values(&[&*self.key.kind, "unnamed"]).inc();
        tracing::warn!(kind = %self.key.kind, "{what} has no metadata.name and is left out");
    }

    /// Follows changes from a resource version on, and keeps it up to date.
    async fn watch(&self, version: &mut String) -> Ended {
        // Watches of replicas and kinds must not all end at once.
        let seconds = self.timing.watch.as_secs_f64() * (0.8 + fastrand::f64() * 0.2);
        let seconds = seconds.ceil().max(1.0);
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={}",
            self.path(),
            encoded(version)
        );
        let silence = Duration::from_secs_f64(seconds) + self.timing.silence;
        let body = match self.api.open(&path).await {
            Ok(body) => body,
            Err(failure) if failure.cause == Cause::Gone => return Ended::Lost(failure),
            Err(failure) => return Ended::Failed(failure),
        };
        self.store.failing(&self.key, None);
        let mut lines = Lines::new(body);
        loop {
            let line = match timeout(silence, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return Ended::Closed,
                // An event that does not fit was lost.
                Ok(Err(failure)) if failure.cause == Cause::Malformed => return Ended::Lost(failure),
                Ok(Err(failure)) => return Ended::Failed(failure),
                Err(_) => {
                    let message = format!(
                        "the watch said nothing for {silence:?}, so its connection is taken for dead"
                    );
                    return Ended::Failed(Failure::new(Cause::Unreachable, message));
                }
            };
            if let Err(failure) = self.event(&line, version) {
                return match failure.cause {
                    Cause::Gone | Cause::Malformed => Ended::Lost(failure),
                    _ => Ended::Failed(failure),
                };
            }
        }
    }

    fn event(&self, line: &[u8], version: &mut String) -> Result<(), Failure> {
        let malformed = |what: &str| Failure::new(Cause::Malformed, format!("an event of the watch {what}"));
        let mut event: Value =
            serde_json::from_slice(line).map_err(|error| malformed(&format!("is not readable: {error}")))?;
        let object = event.get_mut("object").map(Value::take).ok_or_else(|| malformed("has no object"))?;
        let what = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let label = match what {
            "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR" => what,
            _ => "other",
        };
        self.metrics.events.with_label_values(&[&*self.key.kind, label]).inc();
        if what == "ERROR" {
            let code = object.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            return Err(Failure::of_status(code.unwrap_or(500), &object));
        }
        let new =
            object::resource_version(&object).ok_or_else(|| malformed("has no resource version"))?.to_owned();
        let too_much = |message: String| Failure::new(Cause::Server, message);
        match what {
            "ADDED" | "MODIFIED" => {
                let (key, object) =
                    self.object(object).ok_or_else(|| malformed("has an object without a name"))?;
                self.store.apply(&self.key, key, object).map_err(too_much)?;
            }
            "DELETED" => {
                let key = object::key(&object).ok_or_else(|| malformed("has an object without a name"))?;
                self.store.remove(&self.key, &key);
            }
            "BOOKMARK" => {}
            other => return Err(malformed(&format!("is of the unknown type {other:?}"))),
        }
        *version = new;
        Ok(())
    }

    fn count(&self, failure: &Failure) {
        self.metrics.failures.with_label_values(&[&*self.key.kind, failure.cause.word()]).inc();
    }

    /// Says it once it is more than a hiccup: the first time when there is nothing yet, else the second time.
    fn failed(&self, failure: &Failure, backoff: &Backoff, doing: &str) {
        self.count(failure);
        let (kind, failures) = (&self.key.kind, backoff.failures());
        if failures.is_power_of_two() || failures == 0 {
            tracing::warn!(%kind, failures = failures + 1, "{doing} failed: {failure}");
        }
        if failures > 0 || !self.store.is_synced(&self.key) {
            self.store.failing(&self.key, Some(Arc::from(failure.message.as_str())));
        }
    }
}

/// For the query of a URL.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
