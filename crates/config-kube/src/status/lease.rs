//! Which replica writes: the one that holds a Lease of coordination.k8s.io. The clock of another machine plays no part:
//! a lease that did not change for its duration, as seen from here, is free.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::request::{Api, Cause, Failure};

/// How often giving it back is tried when it changes meanwhile.
const MAX_CONFLICTS: usize = 3;

/// Where the lease is and how long it holds.
#[derive(Clone, Debug)]
pub(crate) struct LeaseOptions {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Who wants it: a name that no other replica has.
    pub(crate) identity: String,
    /// A holder that is not heard of for so long has lost it.
    pub(crate) duration: Duration,
    /// How often a replica that waits looks whether it is free.
    pub(crate) retry: Duration,
}

/// Tries to hold the lease, until it is asked to give it back. The receiver says whether it is held.
pub(crate) struct Elector {
    api: Api,
    options: LeaseOptions,
    /// What was seen last, and when.
    seen: Option<(Value, Instant)>,
    /// Until when it is certainly ours.
    held_until: Option<Instant>,
}

impl Elector {
    pub(crate) fn new(mut api: Api, options: LeaseOptions) -> Self {
        // An answer that comes after the lease has ended is worth nothing.
        api.timeout = api.timeout.min(options.duration / 3);
        Self { api, options, seen: None, held_until: None }
    }

    /// Runs until `end` is done or nobody asks any more; then gives the lease back, if it holds it, so that another
    /// replica need not wait for its end.
    pub(crate) async fn run(mut self, held: watch::Sender<bool>, end: impl Future<Output = ()>) {
        tokio::select! {
            () = self.hold(&held) => {}
            () = end => {}
        }
        held.send_replace(false);
        self.release().await;
    }

    async fn hold(&mut self, held: &watch::Sender<bool>) {
        let mut said = None;
        loop {
            let result = self.step().await;
            let is_held = self.held_until.is_some_and(|until| Instant::now() < until);
            if let Err(failure) = &result
                && said != Some(failure.cause)
            {
                said = Some(failure.cause);
                let Self { options: LeaseOptions { namespace, name, .. }, .. } = &self;
                tracing::warn!("the lease {namespace}/{name} of the status writer cannot be had: {failure}");
            }
            if result.is_ok() {
                said = None;
            }
            if *held.borrow() != is_held {
                let (LeaseOptions { namespace, name, .. }, verb) =
                    (&self.options, if is_held { "holds" } else { "lost" });
                tracing::info!(
                    "this replica {verb} the lease {namespace}/{name}, whose holder writes status"
                );
                held.send_replace(is_held);
            }
            // Renewed at a third of its time, so that one failure loses nothing.
            let third = self.options.duration / 3;
            let pause = if is_held { third } else { third.min(self.options.retry) };
            let pause = pause.mul_f64(0.8 + fastrand::f64() * 0.2);
            let pause = match self.held_until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(left) if is_held => pause.min(left),
                _ => pause,
            };
            tokio::select! {
                () = held.closed() => return,
                () = sleep(pause.max(Duration::from_millis(10))) => {}
            }
        }
    }

    fn path(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.options.namespace)
    }

    async fn step(&mut self) -> Result<(), Failure> {
        let one = format!("{}/{}", self.path(), self.options.name);
        let asked = Instant::now();
        let lease = match self.api.get(&one).await {
            Ok(lease) => lease,
            Err(failure) if failure.cause == Cause::Missing => {
                let taken = self.api.create(&self.path(), &self.lease(None)).await;
                return self.taken(taken, asked);
            }
            Err(failure) => return Err(failure),
        };
        if !self.is_mine(&lease) && !holder(&lease).is_empty() && !self.is_stale(&lease, asked) {
            self.held_until = None;
            return Ok(());
        }
        let taken = self.api.replace(&one, &self.lease(Some(&lease))).await;
        self.taken(taken, asked)
    }

    /// Leaves the lease without a holder.
    async fn release(&mut self) {
        if self.held_until.take().is_none_or(|until| Instant::now() >= until) {
            return;
        }
        let mut released = Ok(());
        for _ in 0..MAX_CONFLICTS {
            released = self.try_release().await;
            // A renewal that was under way came in between, or somebody else, whom the next look shows.
            if !matches!(&released, Err(failure) if failure.cause == Cause::Conflict) {
                break;
            }
        }
        let LeaseOptions { namespace, name, .. } = &self.options;
        match released {
            Ok(()) => tracing::info!("this replica gave the lease {namespace}/{name} back"),
            Err(failure) => tracing::warn!(
                "the lease {namespace}/{name} was not given back, so that status waits for its end: {failure}"
            ),
        }
    }

    async fn try_release(&self) -> Result<(), Failure> {
        let one = format!("{}/{}", self.path(), self.options.name);
        let lease = self.api.get(&one).await?;
        if !self.is_mine(&lease) {
            return Ok(());
        }
        let mut free = self.lease(Some(&lease));
        free["spec"]["holderIdentity"] = "".into();
        free["spec"]["leaseDurationSeconds"] = 1.into();
        self.api.replace(&one, &free).await.map(drop)
    }

    fn is_mine(&self, lease: &Value) -> bool {
        holder(lease) == self.options.identity
    }

    fn taken(&mut self, result: Result<Value, Failure>, asked: Instant) -> Result<(), Failure> {
        match result {
            Ok(lease) => {
                self.seen = Some((spec(&lease), asked));
                self.held_until = Some(asked + self.options.duration);
                Ok(())
            }
            // Another replica was faster; that is how it should be.
            Err(failure) if failure.cause == Cause::Conflict => {
                self.held_until = None;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether the holder was not heard of for the duration that it promised.
    fn is_stale(&mut self, lease: &Value, now: Instant) -> bool {
        let spec = spec(lease);
        let seconds = spec.get("leaseDurationSeconds").and_then(Value::as_u64);
        let duration = seconds.map_or(self.options.duration, Duration::from_secs);
        match &self.seen {
            Some((seen, since)) if *seen == spec => now.saturating_duration_since(*since) > duration,
            _ => {
                self.seen = Some((spec, now));
                false
            }
        }
    }

    /// The lease, held by this replica; under the resource version of the one that it takes the place of.
    fn lease(&self, before: Option<&Value>) -> Value {
        let now = format!("{:.6}", Timestamp::now());
        let mine = before.is_some_and(|lease| self.is_mine(lease));
        let spec = |field: &str| before.and_then(|lease| lease.pointer(&format!("/spec/{field}"))).cloned();
        let transitions = spec("leaseTransitions").and_then(|count| count.as_i64()).unwrap_or(0);
        let acquired = spec("acquireTime").filter(|_| mine);
        let mut metadata = json!({"name": self.options.name, "namespace": self.options.namespace});
        if let Some(version) = before.and_then(crate::object::resource_version) {
            metadata["resourceVersion"] = version.into();
        }
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.options.identity,
                "leaseDurationSeconds": self.options.duration.as_secs().max(1),
                "acquireTime": acquired.unwrap_or_else(|| now.clone().into()),
                "renewTime": now,
                "leaseTransitions": transitions + i64::from(before.is_some() && !mine),
            },
        })
    }
}

fn holder(lease: &Value) -> &str {
    lease.pointer("/spec/holderIdentity").and_then(Value::as_str).unwrap_or_default()
}

fn spec(lease: &Value) -> Value {
    lease.get("spec").cloned().unwrap_or_default()
}
