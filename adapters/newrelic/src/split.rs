//! Reports whose instances go to different places.

use mixer_adapter_sdk::delivery::reason;
use mixer_adapter_sdk::typed::TypedReport;
use mixer_adapter_sdk::typed::template::LogEntry;
use mixer_adapter_sdk::{Batch, HandlerError, ReportCall, ReportOutcome};

/// The instances that are `first`, and the others.
pub(crate) fn split<'a>(
    report: &TypedReport<'_, LogEntry>,
    first: impl Fn(&str) -> bool,
) -> [TypedReport<'a, LogEntry>; 2] {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for instance in report.iter() {
        let part = if first(instance.name) { &mut ones } else { &mut others };
        part.push((instance.name.into(), instance.bytes.to_vec().into()));
    }
    [ones, others].map(|instances| {
        let batch = Batch::from_instances(instances);
        TypedReport::new(ReportCall { template: "logentry", batch, deadline: report.deadline() })
    })
}

/// What came of the parts, each with its number of instances. When one was refused as a whole and the other was not, its
/// instances are dropped: a caller that sent everything again would send the other one twice.
pub(crate) fn joined(
    parts: [(Result<ReportOutcome, HandlerError>, usize); 2],
) -> Result<ReportOutcome, HandlerError> {
    let [one, other] = parts;
    match (one, other) {
        ((Err(error), _), (Err(_), _)) => Err(error),
        ((Ok(outcome), _), (Ok(more), _)) => {
            let mut all = outcome;
            for dropped in more.dropped {
                match all.dropped.iter_mut().find(|known| known.reason == dropped.reason) {
                    Some(known) => known.count += dropped.count,
                    None => all.dropped.push(dropped),
                }
            }
            Ok(all)
        }
        ((Ok(mut outcome), _), (Err(error), lost)) | ((Err(error), lost), (Ok(mut outcome), _)) => {
            (0..lost).for_each(|_| outcome.drop_one(reason::QUEUE_FULL, || error.to_string()));
            Ok(outcome)
        }
    }
}
