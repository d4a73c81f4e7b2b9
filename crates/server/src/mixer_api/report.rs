//! One report: every bag that can be read is dispatched, those that cannot are counted with their reason.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use mixer_dispatch::ReportSummary;
use mixer_wire::{BagError, ReportRequest};
use tonic::Status;

use super::Unreadable;
use crate::front::Front;
use crate::status::Failure;

/// A report to be dispatched.
pub(super) struct Work {
    pub(super) front: Arc<Front>,
    pub(super) unreadable: Unreadable,
    pub(super) request: ReportRequest,
    pub(super) deadline: Option<Instant>,
}

impl Work {
    /// Dispatches everything.
    ///
    /// # Errors
    /// There was something to dispatch and nothing of it could be; in compatibility mode also when a part of it
    /// could not be.
    pub(super) async fn run(self) -> Result<(), Status> {
        let (runtime, codec) = self.front.current();
        let mut reporter = runtime.reporter();
        let mut bags = codec.report_bags(&self.request);
        let mut errors = Vec::new();
        let mut added = 0;
        while let Some(bag) = bags.next_bag() {
            match bag {
                Ok(bag) => {
                    reporter.add(bag).await;
                    added += 1;
                }
                Err(error) => {
                    self.unreadable.note(&error);
                    errors.push(error);
                }
            }
        }
        let summary = reporter.flush(self.deadline).await;
        if self.front.compat { compat_answer(&errors, &summary) } else { answer(&errors, added, &summary) }
    }
}

fn answer(errors: &[BagError], added: u64, summary: &ReportSummary) -> Result<(), Status> {
    if added == 0
        && let Some(first) = errors.first()
        && !matches!(first, BagError::Semantics(_))
    {
        let text = format!("none of the {} bags can be read; the first: {first}", errors.len());
        return Err(Failure::Malformed.status(false, text));
    }
    if summary.nothing_dispatched() {
        let text = summary.error_texts.join("; ");
        return Err(Failure::NothingDispatched.status(false, format!("nothing was dispatched: {text}")));
    }
    Ok(())
}

/// Any error is an error of the whole, listed as the original lists it. Semantics that are not known are no error.
fn compat_answer(errors: &[BagError], summary: &ReportSummary) -> Result<(), Status> {
    let readable = errors.iter().filter(|error| !matches!(error, BagError::Semantics(_)));
    let lines: Vec<_> =
        readable.map(ToString::to_string).chain(summary.error_texts.iter().cloned()).collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(Failure::PartDispatched.status(true, list_of_errors(&lines)))
}

/// Errors as the original's library prints them.
pub(super) fn list_of_errors<E: Display>(errors: &[E]) -> String {
    let plural = if errors.len() == 1 { "error" } else { "errors" };
    let list: String = errors.iter().map(|error| format!("\n\t* {error}")).collect();
    format!("{} {plural} occurred:{list}\n\n", errors.len())
}
