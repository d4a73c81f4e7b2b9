//! Writes what objects are told: only what changed, at a bounded rate, and only while this replica holds the lease.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use mixer_config::ResourceId;
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::assess::{Answer, Verdict, assess};
use super::lease::{Elector, LeaseOptions};
use super::{Condition, InForce, events};
use crate::backoff::Backoff;
use crate::discovery::root;
use crate::metrics::KubeMetrics;
use crate::object::{Version, place};
use crate::request::{Api, Cause, Failure};
use crate::source::Watch;
use crate::store::{Content, Store};

/// Failures in a row after which the rest has to wait: it is not about the objects.
const MAX_FAILURES: usize = 3;
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest time that giving the lease back may take.
const LONGEST_END: Duration = Duration::from_secs(5);

/// Writes of one object that may conflict before it is left to the next change.
const MAX_CONFLICTS: usize = 5;

/// How status is written.
#[derive(Clone, Debug)]
pub struct StatusOptions {
    /// Namespace of the lease.
    pub lease_namespace: String,
    /// Name of the lease.
    pub lease_name: String,
    /// A name that no other replica has, such as the pod's.
    pub identity: String,
    /// How long a replica that is not heard of keeps the lease.
    pub lease_duration: Duration,
    /// How often a replica that waits for the lease looks whether it is free.
    pub lease_retry: Duration,
    /// Writes per second on the average.
    pub rate: f64,
    /// Writes that may come at once.
    pub burst: u32,
    /// The pause after a failure.
    pub pause: Duration,
    /// How long an answer may take.
    pub answer: Duration,
}

impl Default for StatusOptions {
    fn default() -> Self {
        Self {
            lease_namespace: "istio-system".to_owned(),
            lease_name: "mixs-status".to_owned(),
            identity: "mixs".to_owned(),
            lease_duration: Duration::from_secs(15),
            lease_retry: Duration::from_secs(2),
            rate: 10.0,
            burst: 30,
            pause: Duration::from_secs(1),
            answer: Duration::from_secs(30),
        }
    }
}

/// Takes what is in force and writes it back.
#[derive(Clone, Debug)]
pub struct StatusWriter {
    wanted: watch::Sender<Option<Arc<Wanted>>>,
}

/// What objects have to be told.
#[derive(Debug)]
struct Wanted {
    content: Arc<Content>,
    verdicts: BTreeMap<ResourceId, Verdict>,
}

impl StatusWriter {
    /// Starts the tasks that write; they end when the returned handle is dropped.
    pub fn start(
        client: Client,
        options: StatusOptions,
        watch: &Watch,
        metrics: KubeMetrics,
    ) -> (Self, StatusTasks) {
        let (wanted, receiver) = watch::channel(None);
        let (held, holds) = watch::channel(false);
        let api = Api::new(client, options.answer);
        let lease = LeaseOptions {
            namespace: options.lease_namespace.clone(),
            name: options.lease_name.clone(),
            identity: options.identity.clone(),
            duration: options.lease_duration,
            retry: options.lease_retry,
        };
        let (end, ended) = oneshot::channel();
        let ended = async {
            // An error: the handle was dropped, and the task with it.
            let _ = ended.await;
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Elector::new(api.clone(), lease).run(held, ended));
        let bucket = Bucket { left: f64::from(options.burst), since: Instant::now() };
        let store = watch.store.clone();
        let writer = Writer { api, options, store, metrics, bucket, told: HashMap::new() };
        tasks.spawn(writer.run(receiver, holds));
        (Self { wanted }, StatusTasks { tasks, end })
    }

    /// What is in force now, and which content it was made of.
    pub fn in_force(&self, content: Arc<Content>, in_force: &InForce) {
        let verdicts = assess(&content, in_force);
        self.wanted.send_replace(Some(Arc::new(Wanted { content, verdicts })));
    }
}

/// The running writer. Dropped, it ends as a process does that is killed: the lease stays until its time is over.
#[derive(Debug)]
pub struct StatusTasks {
    tasks: JoinSet<()>,
    end: oneshot::Sender<()>,
}

impl StatusTasks {
    /// Writes no more, and gives the lease back so that another replica goes on at once; within five seconds.
    pub async fn end(self) {
        let Self { mut tasks, end } = self;
        // Who does not listen has ended already.
        let _ = end.send(());
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST_END, ended).await.is_err() {
            tracing::warn!("the lease of the status writer could not be given back within {LONGEST_END:?}");
        }
    }
}

struct Writer {
    api: Api,
    options: StatusOptions,
    store: Store,
    metrics: KubeMetrics,
    bucket: Bucket,
    /// What objects without a status were told last, by uid.
    told: HashMap<String, Answer>,
}

impl Writer {
    async fn run(
        mut self,
        mut wanted: watch::Receiver<Option<Arc<Wanted>>>,
        mut holds: watch::Receiver<bool>,
    ) {
        let mut backoff = Backoff::new(self.options.pause, LONGEST_PAUSE);
        loop {
            let current = wanted.borrow_and_update().clone();
            let held = *holds.borrow_and_update();
            self.metrics.leader.set(i64::from(held));
            let mut failure = None;
            if let (Some(current), true) = (current, held) {
                failure = self.write_all(&current, (&wanted, &holds), &backoff).await;
            }
            let again = async {
                match &failure {
                    Some(failure) => backoff.wait(failure).await,
                    None => {
                        backoff.reset();
                        std::future::pending().await
                    }
                }
            };
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                changed = holds.changed() => if changed.is_err() { return },
                () = again => {}
            }
        }
    }

    /// Writes what differs, until something newer is there. A failure means that some of it has to be tried again.
    async fn write_all(
        &mut self,
        current: &Wanted,
        (newer, holds): (&watch::Receiver<Option<Arc<Wanted>>>, &watch::Receiver<bool>),
        backoff: &Backoff,
    ) -> Option<Failure> {
        self.told.retain(|uid, _| current.content.versions.values().any(|version| version.uid == *uid));
        let mut failures = Vec::new();
        for (id, verdict) in &current.verdicts {
            if newer.has_changed().unwrap_or(true) || !*holds.borrow() {
                return None;
            }
            let at = current.content.versions.get(id);
            let (Some(at), Some((plural, has_status))) = (at, self.store.kind(&id.kind)) else { continue };
            let result = match has_status {
                true => self.status(id, &plural, at, verdict).await,
                false => self.event(id, at, verdict).await,
            };
            let Err(failure) = result else { continue };
            self.metrics.status_writes.with_label_values(&[failure.cause.word()]).inc();
            let place = place(id);
            match failure.cause {
                // The object is gone, or of another generation: what comes next says so.
                Cause::Missing | Cause::Conflict => {
                    tracing::debug!(%place, "status is not written: {failure}")
                }
                Cause::Invalid => tracing::warn!(%place, "status is not written: {failure}"),
                _ => {
                    if failures.is_empty()
                        && (backoff.failures() == 0 || backoff.failures().is_power_of_two())
                    {
                        tracing::warn!(%place, "status is not written yet: {failure}");
                    }
                    failures.push(failure);
                    if failures.len() >= MAX_FAILURES {
                        break;
                    }
                }
            }
        }
        failures.pop()
    }

    /// Brings the conditions of an object up to date.
    async fn status(
        &mut self,
        id: &ResourceId,
        plural: &str,
        at: &Version,
        verdict: &Verdict,
    ) -> Result<(), Failure> {
        let path = format!("{}/namespaces/{}/{plural}/{}", root(), id.namespace, id.name);
        let mut version = self.store.version(id).unwrap_or_else(|| at.clone());
        for _ in 0..MAX_CONFLICTS {
            if version.uid != at.uid || version.generation != at.generation {
                return Err(Failure::new(Cause::Conflict, "the object is another one by now"));
            }
            let Some(conditions) = merged(&version.conditions, verdict, at.generation) else { return Ok(()) };
            let patch = json!({
                "metadata": {"resourceVersion": version.resource_version},
                "status": {"conditions": conditions, "observedGeneration": at.generation},
            });
            self.bucket.take(&self.options).await;
            match self.api.merge(&format!("{path}/status"), &patch).await {
                Ok(_) => {
                    self.metrics.status_writes.with_label_values(&["written"]).inc();
                    return Ok(());
                }
                Err(failure) if failure.cause == Cause::Conflict => {
                    self.metrics.status_writes.with_label_values(&["conflict"]).inc();
                    version = crate::object::version(&self.api.get(&path).await?);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::new(Cause::Conflict, "the object changes all the time"))
    }

    /// Tells an object without a status of trouble and of its end, once each.
    async fn event(&mut self, id: &ResourceId, at: &Version, verdict: &Verdict) -> Result<(), Failure> {
        let answer = events::summary(verdict);
        let before = self.told.get(&at.uid);
        let is_quiet = |answer: &Answer| answer.holds || answer.reason == "NotUsed";
        let silent = is_quiet(answer) && before.is_none_or(is_quiet);
        if before != Some(answer) && !silent {
            self.bucket.take(&self.options).await;
            let event = events::event(id, at, answer, &self.options.identity);
            self.api.create(&events::path(id), &event).await?;
            self.metrics.status_writes.with_label_values(&["event"]).inc();
        }
        self.told.insert(at.uid.clone(), answer.clone());
        Ok(())
    }
}

/// The conditions with ours brought up to date; `None` when nothing differs. Others' stay as they are.
fn merged(before: &[Condition], verdict: &Verdict, generation: i64) -> Option<Vec<Condition>> {
    let now = format!("{:.0}", Timestamp::now());
    let mut after: Vec<Condition> = before.to_vec();
    for answer in verdict {
        let old = after.iter_mut().find(|condition| condition.kind == answer.kind);
        let status = if answer.holds { "True" } else { "False" };
        let mut new = Condition {
            kind: answer.kind.to_owned(),
            status: status.to_owned(),
            reason: answer.reason.to_owned(),
            message: answer.message.clone(),
            last_transition_time: now.clone(),
            observed_generation: generation,
        };
        match old {
            Some(old) => {
                if old.status == new.status && !old.last_transition_time.is_empty() {
                    new.last_transition_time.clone_from(&old.last_transition_time);
                }
                *old = new;
            }
            None => after.push(new),
        }
    }
    (after != before).then_some(after)
}

/// So many writes at once, and then so many per second.
struct Bucket {
    left: f64,
    since: Instant,
}

impl Bucket {
    async fn take(&mut self, options: &StatusOptions) {
        let now = Instant::now();
        self.left += now.duration_since(self.since).as_secs_f64() * options.rate;
        self.left = self.left.min(f64::from(options.burst));
        self.since = now;
        if self.left < 1.0 {
            sleep(Duration::from_secs_f64((1.0 - self.left) / options.rate.max(0.001))).await;
            self.since = Instant::now();
            self.left = 1.0;
        }
        self.left -= 1.0;
    }
}

#[cfg(test)]
mod tests;
