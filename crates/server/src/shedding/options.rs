//! What the load-shedding flags say, with their defaults.

use std::time::Duration;

/// What happens to a request that is too much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is evaluated.
    #[default]
    Disabled,
    /// It is taken, and a log line and a counter say that it would not have been.
    LogOnly,
    /// It is refused.
    Enforce,
}

/// Limits of the two evaluators.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What happens to a request that is too much.
    pub mode: Mode,
    /// Refuse while the average latency is at least this; zero turns the evaluator off.
    pub average_latency_threshold: Duration,
    /// How many latencies a second go into the average.
    pub latency_samples_per_second: f64,
    /// After this time a latency counts half.
    pub latency_sample_half_life: Duration,
    /// Requests per second that are taken whatever the latency.
    pub latency_enforcement_threshold: f64,
    /// Requests (checks and report bags) per second; zero turns the evaluator off.
    pub max_rate: f64,
    /// Requests that may come at once; zero means one second's worth.
    pub burst_size: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Disabled,
            average_latency_threshold: Duration::ZERO,
            latency_samples_per_second: f64::MAX,
            latency_sample_half_life: Duration::from_secs(1),
            latency_enforcement_threshold: 100.0,
            max_rate: 0.0,
            burst_size: 0,
        }
    }
}

impl Options {
    pub(super) fn latency_enabled(&self) -> bool {
        !self.average_latency_threshold.is_zero()
    }

    pub(super) fn rate_enabled(&self) -> bool {
        self.max_rate > 0.0
    }

    /// The size of the rate limit's bucket: with a size of zero nothing would ever pass.
    pub(super) fn burst(&self) -> f64 {
        if self.burst_size == 0 { self.max_rate.max(1.0) } else { self.burst_size as f64 }
    }

    /// What the operator should know about these limits.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.rate_enabled() && self.burst_size == 0 {
            warnings.push(format!(
                "--burstSize is not set: up to {} requests may come at once, which is one second's worth of --maxRequestsPerSecond",
                self.burst()
            ));
        }
        if !self.latency_enabled() && !self.rate_enabled() {
            warnings.push(
                "--loadsheddingMode has no limit to act on: set --averageLatencyThreshold or --maxRequestsPerSecond"
                    .to_owned(),
            );
        }
        warnings
    }
}
