//! The cells of every quota of a handler, and recent answers by deduplication id. A store outlives every edit of
//! its handler, so that the edited one goes on with what is in use.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::config::Limit;
use crate::window::Usage;

/// What is asked of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// Quota name and dimensions.
    pub(crate) key: &'a [u8],
    pub(crate) limit: Limit,
    pub(crate) amount: i64,
    pub(crate) best_effort: bool,
    /// Empty when the caller gave none.
    pub(crate) dedup_id: &'a str,
}

/// Bounds of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_cells: usize,
    pub(crate) deduplication: Duration,
}

/// What was granted or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) amount: i64,
    pub(crate) valid: Duration,
}

/// Every cell is in use: a new combination of dimensions cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Stands for a text of any length: 128 bits of hashes under secret seeds. Callers choose dimensions and ids, so
/// that the texts themselves would let them choose how much memory is taken.
type Digest = [u64; 2];

/// All that is in use.
#[derive(Debug, Default)]
pub(crate) struct Store {
    cells: HashMap<Digest, Usage>,
    answers: HashMap<Digest, Grant>,
    /// Ids of `answers` with the time until which they are remembered, in order.
    remembered: VecDeque<(Duration, Digest)>,
    seeds: [RandomState; 2],
    /// When cells that are not in use were last looked for.
    swept: Duration,
}

/// Deduplication ids that are remembered at the most.
const MOST_ANSWERS: usize = 1_000_000;

impl Store {
    /// Takes from or gives back to a cell; a repeated id gets the answer of the first call again.
    pub(crate) fn ask(&mut self, ask: Ask<'_>, bounds: Bounds, now: Duration) -> Result<Grant, Full> {
        self.forget_answers(now);
        let id = (!ask.dedup_id.is_empty()).then(|| self.digest(ask.key, ask.dedup_id));
        if let Some(answer) = id.as_ref().and_then(|id| self.answers.get(id)) {
            return Ok(*answer);
        }
        let grant = self.change(ask, bounds, now)?;
        if let Some(id) = id {
            if self.remembered.len() >= MOST_ANSWERS {
                self.forget_oldest();
            }
            self.remembered.push_back((now + bounds.deduplication, id));
            self.answers.insert(id, grant);
        }
        Ok(grant)
    }

    fn change(&mut self, ask: Ask<'_>, bounds: Bounds, now: Duration) -> Result<Grant, Full> {
        if ask.amount == 0 {
            return Ok(Grant { amount: 0, valid: Duration::ZERO });
        }
        let cell = self.digest(ask.key, "");
        if !self.cells.contains_key(&cell) {
            if ask.amount < 0 {
                return Ok(Grant { amount: 0, valid: Duration::ZERO });
            }
            self.make_room(bounds, now)?;
            self.cells.insert(cell, Usage::new(ask.limit, now));
        }
        let Some(usage) = self.cells.get_mut(&cell) else { return Err(Full) };
        usage.apply(ask.limit, now);
        if ask.amount < 0 {
            let amount = usage.give_back(ask.amount.saturating_neg(), now);
            if usage.is_idle(now) {
                self.cells.remove(&cell);
            }
            return Ok(Grant { amount, valid: Duration::ZERO });
        }
        let amount = usage.take(ask.amount, ask.best_effort, now);
        let refused = amount == 0;
        let valid = if refused { Duration::ZERO } else { ask.limit.window.duration() };
        Ok(Grant { amount, valid })
    }

    fn digest(&self, key: &[u8], id: &str) -> Digest {
        self.seeds.each_ref().map(|seed| seed.hash_one((key, id)))
    }

    /// Forgets cells that are not in use when there is no room for another one.
    fn make_room(&mut self, bounds: Bounds, now: Duration) -> Result<(), Full> {
        // Looking at every cell for each request would let a flood of new dimensions take all the time.
        let may_sweep = now.saturating_sub(self.swept) >= Duration::from_millis(100) || self.swept.is_zero();
        if self.cells.len() >= bounds.max_cells && may_sweep {
            self.swept = now;
            self.cells.retain(|_, usage| {
                let last_used = usage.last_used();
                let idle = usage.is_idle(now);
                !(idle && last_used < now)
            });
        }
        if self.cells.len() < bounds.max_cells { Ok(()) } else { Err(Full) }
    }

    fn forget_answers(&mut self, now: Duration) {
        while self.remembered.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.remembered.pop_front() {
            self.answers.remove(&id);
        }
    }
}
