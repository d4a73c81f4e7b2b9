//! The average latency of answered requests, and whether it is too high to take more.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Options;
use super::bucket::TokenBucket;

/// Refuses while the average latency is at or over the threshold, except for the share of requests that is always
/// taken.
#[derive(Debug)]
pub(super) struct LatencyEvaluator {
    threshold: Duration,
    always: TokenBucket,
    sampler: Option<TokenBucket>,
    average: Mutex<Average>,
}

impl LatencyEvaluator {
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        let always = options.latency_enforcement_threshold.max(0.0);
        let samples = options.latency_samples_per_second;
        // A rate that no server reaches is no limit; zero meant the same in the original.
        let limited = samples > 0.0 && samples < 1e9;
        Self {
            threshold: options.average_latency_threshold,
            always: TokenBucket::new(always, always, now),
            sampler: limited.then(|| TokenBucket::new(samples, 1.0, now)),
            average: Mutex::new(Average::new(options.latency_sample_half_life)),
        }
    }

    /// The average, when it is too high and the request is not of the share that is always taken.
    pub(super) fn exceeded(&self, now: Instant) -> Option<Duration> {
        if self.always.size() > 0.0 && self.always.take(1.0, now) {
            return None;
        }
        let average = self.average.lock().at(now);
        (average >= self.threshold).then_some(average)
    }

    /// An answered request.
    pub(super) fn record(&self, latency: Duration, now: Instant) {
        if self.sampler.as_ref().is_none_or(|sampler| sampler.take(1.0, now)) {
            self.average.lock().add(latency, now);
        }
    }
}

/// A mean of samples that lose half their weight every half-life. Between samples the mean itself decays with the
/// same half-life: without evidence of slowness the server counts as fast again.
#[derive(Debug)]
struct Average {
    half_life: f64,
    weighted_sum: f64,
    weight: f64,
    last: Option<Instant>,
}

impl Average {
    fn new(half_life: Duration) -> Self {
        let half_life = if half_life.is_zero() { 1.0 } else { half_life.as_secs_f64() };
        Self { half_life, weighted_sum: 0.0, weight: 0.0, last: None }
    }

    fn add(&mut self, sample: Duration, now: Instant) {
        let fade = self.fade(now);
        self.weighted_sum = self.weighted_sum * fade + sample.as_secs_f64();
        self.weight = self.weight * fade + 1.0;
        self.last = self.last.max(Some(now));
    }

    fn at(&self, now: Instant) -> Duration {
        if self.weight <= 0.0 {
            return Duration::ZERO;
        }
        let seconds = self.weighted_sum / self.weight * self.fade(now);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// What is left of the weight of the last sample.
    fn fade(&self, now: Instant) -> f64 {
        let age = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        (-age.as_secs_f64() / self.half_life).exp2()
    }
}
