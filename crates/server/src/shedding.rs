//! Load shedding: refuses requests while the server is slower than promised or gets more than it can take.
//!
//! Two independent evaluators, as the flags of the server name them: the average latency of answered requests, and
//! a rate limit. A front door asks with the cost of a request (1 for a check, the number of bags for a report) and
//! keeps the [`Ticket`] until it has answered, which is how the latency evaluator learns.

mod bucket;
mod latency;
mod options;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mixer_dispatch::RateLimitedLog;
use prometheus::{IntCounter, Opts, Registry};

use bucket::TokenBucket;
use latency::LatencyEvaluator;
pub use options::{Mode, Options};

/// What a refused caller reads, word for word what proxies of the original know.
pub(crate) const OVERLOADED: &str = "Server is currently overloaded. Please try again.";

/// At most one log line of a mode in this time.
const LOG_PERIOD: Duration = Duration::from_secs(1);

/// Decides whether a request is taken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Throttler(Option<Arc<Active>>);

#[derive(Debug)]
struct Active {
    enforce: bool,
    latency: Option<LatencyEvaluator>,
    rate: Option<TokenBucket>,
    metrics: Metrics,
    log: RateLimitedLog,
}

/// A request that was taken. Dropping it says that the request has been answered.
#[derive(Debug)]
#[must_use = "dropping the ticket says that the request has been answered"]
pub struct Ticket {
    started: Option<(Instant, Arc<Active>)>,
}

/// The request is refused: too much load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{OVERLOADED}")]
pub struct Overloaded;

impl Throttler {
    /// A throttler of these options; counters are registered in `registry`.
    ///
    /// # Errors
    /// A counter of the same name is registered already.
    pub fn new(options: &Options, registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Metrics::register(registry)?;
        if options.mode == Mode::Disabled {
            return Ok(Self(None));
        }
        let now = Instant::now();
        for warning in options.warnings() {
            tracing::warn!(target: "loadshedding", "{warning}");
        }
        Ok(Self(Some(Arc::new(Active {
            enforce: options.mode == Mode::Enforce,
            latency: options.latency_enabled().then(|| LatencyEvaluator::new(options, now)),
            rate: options.rate_enabled().then(|| TokenBucket::new(options.max_rate, options.burst(), now)),
            metrics,
            log: RateLimitedLog::new(LOG_PERIOD),
        }))))
    }

    /// A throttler that takes everything.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Asks for a request of this cost, now.
    ///
    /// # Errors
    /// Too much load, and the mode is `enforce`.
    pub fn admit(&self, cost: usize) -> Result<Ticket, Overloaded> {
        match &self.0 {
            None => Ok(Ticket { started: None }),
            Some(active) => active.admit(cost, Instant::now()),
        }
    }

    #[cfg(test)]
    fn admit_at(&self, cost: usize, now: Instant) -> Result<Ticket, Overloaded> {
        match &self.0 {
            None => Ok(Ticket { started: None }),
            Some(active) => active.admit(cost, now),
        }
    }
}

impl Active {
    fn admit(self: &Arc<Self>, cost: usize, now: Instant) -> Result<Ticket, Overloaded> {
        if let Some(reason) = self.exceeded(cost, now) {
            self.note(&reason, cost);
            if self.enforce {
                return Err(Overloaded);
            }
        }
        let started = self.latency.is_some().then(|| (now, self.clone()));
        Ok(Ticket { started })
    }

    /// Why the request is too much, if it is. Each evaluator that is asked counts the request.
    fn exceeded(&self, cost: usize, now: Instant) -> Option<String> {
        if cost == 0 {
            return None;
        }
        if let Some(average) = self.latency.as_ref().and_then(|latency| latency.exceeded(now)) {
            let average = average.as_secs_f64();
            return Some(format!("grpcResponseLatency: the average latency is {average:.6} s"));
        }
        let rate = self.rate.as_ref()?;
        let text = || format!("RateLimit: more than {} requests per second", rate.per_second());
        (!rate.take(cost as f64, now)).then(text)
    }

    fn note(&self, reason: &str, cost: usize) {
        if self.enforce {
            self.metrics.throttled.inc();
            self.metrics.cost_shed.inc_by(cost as u64);
        } else {
            self.metrics.log_only.inc();
        }
        let Some(suppressed) = self.log.permit() else { return };
        if self.enforce {
            tracing::warn!(target: "loadshedding", cost, suppressed, "Throttled ({reason})");
        } else {
            tracing::info!(target: "loadshedding", cost, suppressed, "LogOnly - Throttled ({reason})");
        }
    }
}

impl Ticket {
    fn finish(&mut self, now: Instant) {
        if let Some((started, active)) = self.started.take()
            && let Some(latency) = &active.latency
        {
            latency.record(now.saturating_duration_since(started), now);
        }
    }

    #[cfg(test)]
    fn finish_at(mut self, now: Instant) {
        self.finish(now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.started.is_some() {
            self.finish(Instant::now());
        }
    }
}

#[derive(Debug)]
struct Metrics {
    throttled: IntCounter,
    cost_shed: IntCounter,
    log_only: IntCounter,
}

impl Metrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help| {
            let counter = IntCounter::with_opts(Opts::new(name, help))?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            throttled: counter(
                "mixer_loadshedding_requests_throttled",
                "The number of requests that have been refused by load shedding.",
            )?,
            cost_shed: counter(
                "mixer_loadshedding_predicted_cost_shed_total",
                "The total cost (checks and report bags) of all requests that have been refused.",
            )?,
            log_only: counter(
                "mixer_loadshedding_requests_log_only_total",
                "The number of requests that would have been refused in mode enforce.",
            )?,
        })
    }
}
