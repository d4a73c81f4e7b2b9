//! google.monitoring.v3.CreateTimeSeriesSummary: which part of a call that failed was written after all.

use mixer_adapter_sdk::delivery::{Outcome, Payload};
use serde::Deserialize;

use crate::api::{GoogleError, code_name, word};

const NAME: &str = "google.monitoring.v3.CreateTimeSeriesSummary";
/// The part of a message by which points that are not newer than others, or come too often, are known.
const ORDER: &[&str] = &["order", "older", "more frequently", "more recent", "too frequent", "duplicate"];

/// What became of the points of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Summary {
    total_point_count: usize,
    success_point_count: usize,
    errors: Vec<Error>,
}

/// Points that failed for one reason.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Error {
    status: Status,
    point_count: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: i64,
    message: String,
}

pub(super) fn read(error: &GoogleError) -> Option<Summary> {
    error.detail(NAME)
}

/// What follows: nothing was written and it may be later, or the points that were not written are lost.
pub(super) fn outcome(summary: &Summary, error: &GoogleError, payload: &Payload) -> Outcome {
    let later = |error: &Error| matches!(code_name(error.status.code), "UNAVAILABLE" | "DEADLINE_EXCEEDED");
    if summary.success_point_count == 0 && !summary.errors.is_empty() && summary.errors.iter().all(later) {
        return Outcome::Retry { after: None, detail: error.text() };
    }
    let failed: usize = summary.errors.iter().map(|error| error.point_count).sum();
    let refused = failed.max(summary.total_point_count.saturating_sub(summary.success_point_count));
    let most = summary.errors.iter().max_by_key(|error| error.point_count);
    let reason = most.map_or("unknown", |most| reason(most, error, payload));
    Outcome::Partly { refused: refused.min(payload.items), reason, detail: detail(summary, error) }
}

/// A word for the counter.
fn reason(most: &Error, error: &GoogleError, payload: &Payload) -> &'static str {
    let own = format!("{} {}", most.status.message, error.message).to_lowercase();
    let status = code_name(most.status.code);
    let order = matches!(status, "INVALID_ARGUMENT" | "ALREADY_EXISTS" | "FAILED_PRECONDITION")
        && ORDER.iter().any(|word| own.contains(word));
    match (order, payload.attempt) {
        (true, 1) => "out_of_order",
        // An earlier attempt, whose answer was lost, has most likely written it.
        (true, _) => "out_of_order_after_retry",
        (false, _) => word(status),
    }
}

fn detail(summary: &Summary, error: &GoogleError) -> String {
    let (written, all) = (summary.success_point_count, summary.total_point_count);
    let mut text = format!("{written} of {all} points were written; {}", error.text());
    for error in &summary.errors {
        let (count, code) = (error.point_count, code_name(error.status.code));
        let message: String = error.status.message.chars().take(200).collect();
        text.push_str(&format!("; {count} points {code} {message}"));
    }
    text
}
