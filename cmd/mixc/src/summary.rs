//! What came of many calls: how many, how fast, and what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use mixer_proto::mixer::v1::CheckResponse;

use crate::reply;

/// Counted and measured over many calls.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub(crate) calls: u64,
    /// The first failed call's status.
    pub(crate) first_error: Option<String>,
    bags: u64,
    /// Nanoseconds, with two digits of precision and more.
    latency: Histogram<u64>,
    /// Answers of checks by the code of their status.
    answers: BTreeMap<i32, u64>,
    /// Failed calls by code.
    errors: BTreeMap<&'static str, u64>,
}

/// Longer latencies count as this one.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Statistics {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// The histogram does not take its bounds.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let shortest = 1_000;
        Ok(Self {
            calls: 0,
            first_error: None,
            bags: 0,
            latency: Histogram::new_with_bounds(shortest, nanos(LONGEST), 3)?,
            answers: BTreeMap::new(),
            errors: BTreeMap::new(),
        })
    }

    /// A call took so long and carried so many bags.
    pub(crate) fn record(&mut self, latency: Duration, bags: u64) {
        self.calls += 1;
        self.bags += bags;
        self.latency.saturating_record(nanos(latency));
    }

    /// A check was answered.
    pub(crate) fn answered(&mut self, response: &CheckResponse) {
        let status = response.precondition.as_ref().and_then(|precondition| precondition.status.as_ref());
        *self.answers.entry(status.map_or(0, |status| status.code)).or_default() += 1;
    }

    /// A call failed.
    pub(crate) fn fail(&mut self, status: &tonic::Status) {
        *self.errors.entry(reply::call_code(status)).or_default() += 1;
        if self.first_error.is_none() {
            self.first_error = Some(reply::call_status(status));
        }
    }

    /// How many calls failed.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Takes in what other workers counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.bags += other.bags;
        // Both have the same bounds, so that nothing can be out of range.
        let _ = self.latency.add(&other.latency);
        for (code, count) in &other.answers {
            *self.answers.entry(*code).or_default() += count;
        }
        for (code, count) in &other.errors {
            *self.errors.entry(code).or_default() += count;
        }
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
    }

    /// The summary of calls that took so long all together.
    pub(crate) fn text(&self, elapsed: Duration) -> String {
        let per_second = |count: u64| count as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut text = format!(
            "{} calls in {}, {:.1} per second\n",
            self.calls,
            short(nanos(elapsed)),
            per_second(self.calls)
        );
        if self.bags != self.calls {
            let _ = writeln!(text, "  Bags: {}, {:.1} per second", self.bags, per_second(self.bags));
        }
        if self.calls > 0 {
            let at = |quantile| short(self.latency.value_at_quantile(quantile));
            let (p50, p90, p99) = (at(0.5), at(0.9), at(0.99));
            let _ = writeln!(
                text,
                "  Latency: p50 {p50}, p90 {p90}, p99 {p99}, max {}",
                short(self.latency.max())
            );
        }
        if !self.answers.is_empty() {
            let answers = self.answers.iter().map(|(code, count)| (reply::code(*code), *count));
            let _ = writeln!(text, "  Check status: {}", list(answers));
        }
        if let Some(first) = &self.first_error {
            let errors = self.errors.iter().map(|(code, count)| ((*code).to_owned(), *count));
            let _ = writeln!(text, "  Failed: {} ({}), first with {first}", self.failed(), list(errors));
        }
        text
    }
}

fn list(counts: impl Iterator<Item = (String, u64)>) -> String {
    counts.map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>().join(", ")
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds as a duration of at least three significant digits.
fn short(nanos: u64) -> mixer_attribute::Duration {
    let unit = 10u64.pow(nanos.checked_ilog10().unwrap_or_default().saturating_sub(3));
    let rounded = (nanos / unit).saturating_mul(unit);
    mixer_attribute::Duration::from_nanos(i64::try_from(rounded).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
