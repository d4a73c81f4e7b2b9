//! Which rules apply to a bag: conditions used by many rules are evaluated once.

use std::sync::{Arc, OnceLock};

use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_attribute::{Bag, Referenced};
use mixer_config::snapshot::{Condition, ConditionId, Snapshot};
use prometheus::IntCounter;

use crate::RateLimitedLog;
use crate::metrics::{ANY_RULE, Metrics};
use crate::route::{Entry, Tables};

/// What became of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Not,
    Holds,
    /// An attribute is absent: the rule does not apply.
    Absent,
    /// It could not be evaluated for another reason.
    Failed,
}

/// The verdicts on one bag. Used again for the next one without being cleared.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    epoch: u32,
    verdicts: Vec<(u32, Verdict)>,
}

impl Memo {
    /// Forgets: another bag, or attributes were added to it, or what is read must be recorded anew.
    pub(crate) fn begin(&mut self, conditions: usize) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.verdicts.clear();
            self.epoch = 1;
        }
        self.verdicts.resize(conditions, (0, Verdict::Not));
    }

    fn verdict(
        &mut self,
        id: ConditionId,
        condition: &Condition,
        bag: &Bag,
        referenced: &mut Referenced,
    ) -> Verdict {
        let Some((epoch, verdict)) = self.verdicts.get_mut(id.0) else { return Verdict::Not };
        if *epoch != self.epoch {
            *epoch = self.epoch;
            *verdict = match condition.program.eval_bool(bag, referenced) {
                Ok(true) => Verdict::Holds,
                Ok(false) => Verdict::Not,
                Err(error) if error.is_absent() => Verdict::Absent,
                Err(_) => Verdict::Failed,
            };
        }
        *verdict
    }
}

/// What is used again and again while rules are matched.
#[derive(Debug, Default)]
pub(crate) struct MatchScratch {
    pub(crate) memo: Memo,
    candidates: Vec<u32>,
}

/// A bag while rules look at it.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) bag: &'a Bag,
    /// Takes down what is read.
    pub(crate) referenced: &'a mut Referenced,
    pub(crate) scratch: &'a mut MatchScratch,
}

/// What is counted and logged about one rule, made when it first happens.
#[derive(Debug, Default)]
struct RuleRecord {
    absent: OnceLock<IntCounter>,
    failed: OnceLock<IntCounter>,
    log: OnceLock<RateLimitedLog>,
}

/// Matches rules of one snapshot.
#[derive(Debug)]
pub(crate) struct Matcher {
    metrics: Arc<Metrics>,
    rules: Vec<RuleRecord>,
    passed_over: OnceLock<IntCounter>,
    // A condition that cannot be evaluated does not hold, as in the original.
    compat: bool,
}

/// A rule that applies, or whose condition could not be evaluated.
pub(crate) type Applies = Result<(), HandlerError>;

impl Matcher {
    pub(crate) fn new(metrics: &Arc<Metrics>, rules: usize, compat: bool) -> Self {
        let mut records = Vec::new();
        records.resize_with(rules, RuleRecord::default);
        Self { metrics: metrics.clone(), rules: records, passed_over: OnceLock::new(), compat }
    }

    /// Visits the rules that apply to a bag, in merge order.
    pub(crate) fn visit<'r>(
        &self,
        snapshot: &Snapshot,
        tables: Tables<'r>,
        look: &mut Look<'_>,
        mut visit: impl FnMut(&'r Entry, Applies, &mut Referenced),
    ) {
        let Look { bag, referenced, scratch } = look;
        for table in tables.iter() {
            table.candidates(bag, referenced, &mut scratch.candidates, |_| self.count_passed_over());
            for position in &scratch.candidates {
                let entry = &table.entries()[*position as usize];
                let Some((id, condition)) =
                    entry.condition.and_then(|id| Some((id, snapshot.conditions.get(id.0)?)))
                else {
                    visit(entry, Ok(()), referenced);
                    continue;
                };
                match scratch.memo.verdict(id, condition, bag, referenced) {
                    Verdict::Holds => visit(entry, Ok(()), referenced),
                    Verdict::Not => {}
                    Verdict::Absent => self.count_absent(snapshot, entry),
                    Verdict::Failed => {
                        let error = self.failed(snapshot, entry, condition, bag);
                        if !self.compat {
                            visit(entry, Err(error), referenced);
                        }
                    }
                }
            }
        }
    }

    /// Rules found by an attribute that is absent: they are not even looked at, so they count together.
    fn count_passed_over(&self) {
        self.passed_over
            .get_or_init(|| self.metrics.losses.match_errors.with_label_values(&[ANY_RULE, "absent"]))
            .inc();
    }

    fn count_absent(&self, snapshot: &Snapshot, entry: &Entry) {
        let Some(record) = self.rules.get(entry.rule as usize) else { return };
        record.absent.get_or_init(|| self.counter(snapshot, entry, "absent")).inc();
    }

    fn failed(&self, snapshot: &Snapshot, entry: &Entry, condition: &Condition, bag: &Bag) -> HandlerError {
        let name = snapshot.rules.get(entry.rule as usize).map_or("", |rule| &rule.name);
        // The verdict may be an earlier rule's: the reason is found again, which is rare enough.
        let reason = match condition.program.eval_bool(bag, &mut Referenced::new()) {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        if let Some(record) = self.rules.get(entry.rule as usize) {
            record.failed.get_or_init(|| self.counter(snapshot, entry, "failed")).inc();
            if let Some(suppressed) = record.log.get_or_init(RateLimitedLog::default).permit() {
                tracing::warn!(
                    rule = name,
                    suppressed,
                    "match {:?} cannot be evaluated: {reason}",
                    condition.text
                );
            }
        }
        let message = format!("rule {name}: match {:?} cannot be evaluated: {reason}", condition.text);
        HandlerError::new(ErrorKind::Evaluation, message)
    }

    fn counter(&self, snapshot: &Snapshot, entry: &Entry, reason: &str) -> IntCounter {
        let name = snapshot.rules.get(entry.rule as usize).map_or("", |rule| &rule.name);
        self.metrics.losses.match_errors.with_label_values(&[name, reason])
    }
}
