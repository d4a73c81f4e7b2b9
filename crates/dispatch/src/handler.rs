//! A handler that serves: how it was built, and every call guarded by a bound, a deadline and a net for panics.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use mixer_adapter_api::{BoxFuture, ErrorKind, Handler, HandlerError, Registry};
use mixer_config::snapshot::{FailurePolicy, HandlerConfig, HandlerKind};
use tokio::time::Instant;

pub(crate) use self::grpc::Paths;
use self::grpc::{GrpcHandler, IdentityOptions, Surroundings};
pub use self::grpc::{Resolve, SystemResolver};
use self::limiter::{Limiter, Limits};
use crate::RateLimitedLog;
use crate::metrics::Metrics;
use crate::options::EngineOptions;

pub(crate) mod grpc;
mod limiter;

/// What a handler is built from. Equal values mean the same running handler.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Blueprint {
    pub(crate) config: HandlerConfig,
    /// Where a gRPC adapter takes the instances of each template; empty for hosted ones.
    pub(crate) paths: Paths,
}

impl Blueprint {
    /// Whether a handler built from the other one serves for this one too. What failures mean to callers is
    /// no part of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.config, &other.config);
        mine.spec == theirs.spec
            && mine.adapter == theirs.adapter
            && mine.kind == theirs.kind
            && self.paths == other.paths
    }
}

/// A handler that serves.
pub(crate) struct Running {
    blueprint: Blueprint,
    handler: Arc<dyn Handler>,
    limiter: Limiter,
    timeout: Duration,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("name", self.name()).finish_non_exhaustive()
    }
}

/// The place of a handler in a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct HandlerSlot {
    pub(crate) name: Arc<str>,
    pub(crate) adapter: Arc<str>,
    pub(crate) policy: FailurePolicy,
    /// What serves, or why nothing does.
    pub(crate) serving: Result<Arc<Running>, Arc<str>>,
    /// For its failures.
    pub(crate) log: Arc<RateLimitedLog>,
}

impl HandlerSlot {
    /// What serves.
    ///
    /// # Errors
    /// Nothing does.
    pub(crate) fn running(&self) -> Result<&Arc<Running>, HandlerError> {
        self.serving.as_ref().map_err(|reason| {
            let message = format!("handler {} could not be built: {reason}", self.name);
            HandlerError::new(ErrorKind::NotBuilt, message)
        })
    }
}

/// Builds a handler: I/O is allowed to fail and to take long, code is allowed to panic. One that replaces a good one has to
/// be good from the start; another may wait for certificates that come later.
///
/// # Errors
/// What keeps it from serving.
pub(crate) async fn build(
    blueprint: Blueprint,
    registry: &Registry,
    (options, metrics): (&EngineOptions, &Metrics),
    replaces: bool,
) -> Result<Running, String> {
    let config = &blueprint.config;
    let (handler, timeout): (Arc<dyn Handler>, Duration) = match &config.kind {
        HandlerKind::Broken { reason } => return Err(reason.to_string()),
        HandlerKind::Hosted { adapter } => {
            let adapter = registry
                .get(adapter)
                .ok_or_else(|| format!("this server hosts no adapter {adapter:?}; it hosts {registry:?}"))?;
            let work = AssertUnwindSafe(async { adapter.build(config.spec.clone()).await }).catch_unwind();
            let built = tokio::time::timeout(options.build_timeout, work)
                .await
                .map_err(|_| format!("it took longer than {:?} to start", options.build_timeout))?
                .map_err(|panic| format!("the adapter panicked: {}", panic_text(&*panic)))?;
            (built.map_err(|error| error.to_string())?, options.default_timeout)
        }
        HandlerKind::Grpc(grpc) => {
            let timeout = grpc.timeout.unwrap_or(options.default_timeout);
            let around = Surroundings {
                resolver: options.resolver.clone(),
                timeout,
                openings: metrics.breaker_openings.with_label_values(&[&*config.spec.name]),
                identity_counters: metrics.identity.clone(),
                identity: IdentityOptions {
                    reload_interval: options.reload_interval,
                    ids_unchecked: options.ids_unchecked,
                    strict: replaces,
                    timeout: options.build_timeout,
                },
            };
            (Arc::new(GrpcHandler::build(config, grpc, blueprint.paths.clone(), &around).await?), timeout)
        }
    };
    let limits = Limits {
        in_flight: options.max_in_flight,
        queued: options.max_queued,
        bytes: options.max_pending_bytes,
    };
    Ok(Running { blueprint, handler, limiter: Limiter::new(limits), timeout })
}

impl Running {
    /// What it was built from.
    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Its name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.blueprint.config.spec.name
    }

    /// When a call that starts now must be done.
    pub(crate) fn deadline(&self, now: Instant, caller: Option<Instant>) -> Instant {
        let own = now + self.timeout;
        caller.map_or(own, |caller| caller.min(own))
    }

    /// One call, holding `bytes` while it lasts.
    ///
    /// # Errors
    /// The handler's own, and those of the guard: full, late, panicked.
    pub(crate) async fn call<'a, T>(
        &'a self,
        bytes: usize,
        deadline: Instant,
        call: impl FnOnce(&'a dyn Handler) -> BoxFuture<'a, Result<T, HandlerError>>,
    ) -> Result<T, HandlerError> {
        let guarded = AssertUnwindSafe(async {
            let _permit = self.limiter.acquire(bytes).await.map_err(|error| self.named(error))?;
            call(&*self.handler).await
        });
        match within(deadline, guarded.catch_unwind()).await {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(self.error(
                ErrorKind::Panicked,
                &format!("panicked: {}; this is a defect of the adapter", panic_text(&*panic)),
            )),
            None => Err(self.error(
                ErrorKind::DeadlineExceeded,
                "did not answer in time; look at its load, or at what it waits for",
            )),
        }
    }

    /// Lets the handler flush and end. False when it did not manage until the deadline.
    pub(crate) async fn close(&self, deadline: Instant) -> bool {
        let work = AssertUnwindSafe(async { self.handler.close().await }).catch_unwind();
        match within(deadline, work).await {
            Some(Ok(())) => true,
            Some(Err(panic)) => {
                tracing::error!(handler = %self.name(), "closing panicked: {}", panic_text(&*panic));
                false
            }
            None => false,
        }
    }

    fn named(&self, error: HandlerError) -> HandlerError {
        self.error(error.kind, &error.message)
    }

    fn error(&self, kind: ErrorKind, what: &str) -> HandlerError {
        let config = &self.blueprint.config;
        let place = match &config.kind {
            HandlerKind::Grpc(grpc) => format!(" at {}", grpc.address),
            _ => String::new(),
        };
        let message = format!("handler {}: adapter {}{place}: {what}", config.spec.name, config.adapter);
        HandlerError::new(kind, message)
    }
}

/// Runs a future until the deadline. One that is ready at once costs no timer.
async fn within<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    if let std::task::Poll::Ready(output) = futures::poll!(future.as_mut()) {
        return Some(output);
    }
    tokio::time::timeout_at(deadline, future).await.ok()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "no message",
    }
}

#[cfg(test)]
mod tests;
