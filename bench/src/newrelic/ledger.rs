//! Who has what: numbers that the adapter acknowledged, and numbers that the backend has. A number is one span, one log
//! entry, or the samples of one call, which have a counter of their own.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use super::messages::BATCH;

/// A set of small numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    words: Vec<u64>,
    len: u64,
}

impl Numbers {
    /// Adds a number; false when it was there.
    pub(crate) fn add(&mut self, number: u64) -> bool {
        let Ok(word) = usize::try_from(number / 64) else { return false };
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        let Some(word) = self.words.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        self.len += u64::from(new);
        new
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// How many of these are not in the others.
    pub(crate) fn missing_from(&self, others: &Self) -> u64 {
        let other = |index| others.words.get(index).copied().unwrap_or(0);
        let missing = |(index, word): (usize, &u64)| u64::from((word & !other(index)).count_ones());
        self.words.iter().enumerate().map(missing).sum()
    }
}

/// One kind of numbered items.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// What the adapter said that it has.
    pub(crate) acknowledged: Numbers,
    /// What the backend has.
    pub(crate) arrived: Numbers,
    /// Arrived again, in a request of another id.
    pub(crate) repeated: u64,
}

impl Items {
    /// One that arrived.
    pub(crate) fn arrive(&mut self, number: u64) {
        self.repeated += u64::from(!self.arrived.add(number));
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Spans.
    pub(crate) spans: Items,
    /// Log entries.
    pub(crate) logs: Items,
    /// Calls with samples, of which all samples must arrive.
    pub(crate) calls: Items,
    /// What has arrived of each call.
    counted: HashMap<u64, f64>,
    /// Samples that arrived although all of their call had.
    pub(crate) too_many: f64,
    /// Ids of requests that were taken.
    requests: HashSet<String>,
    /// Requests that came again under their id.
    pub(crate) duplicates: u64,
    /// Requests that were answered with 429.
    pub(crate) refused: u64,
    /// What could not be read.
    pub(crate) faults: Vec<String>,
}

impl Ledger {
    /// Whether a request of this id is the first.
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        let new = self.requests.insert(id.to_owned());
        self.duplicates += u64::from(!new);
        new
    }

    /// So many samples of a call have arrived.
    pub(crate) fn count(&mut self, call: u64, samples: f64) {
        let counted = self.counted.entry(call).or_default();
        *counted += samples;
        if *counted >= BATCH as f64 {
            self.too_many += *counted - BATCH as f64;
            *counted = BATCH as f64;
            self.calls.arrived.add(call);
        }
    }

    /// Data points that were acknowledged, and those that have arrived.
    pub(crate) fn points(&self) -> (u64, u64) {
        let points = |of: fn(&Items) -> u64| of(&self.spans) + of(&self.logs) + of(&self.calls) * BATCH;
        (points(|items| items.acknowledged.len()), points(|items| items.arrived.len()))
    }

    /// How many requests were taken.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Acknowledged and not arrived: spans, log entries, calls with samples.
    pub(crate) fn lost(&self) -> [u64; 3] {
        let lost = |items: &Items| items.acknowledged.missing_from(&items.arrived);
        [lost(&self.spans), lost(&self.logs), lost(&self.calls)]
    }

    /// Whether everything that was acknowledged has arrived.
    pub(crate) fn is_settled(&self) -> bool {
        self.lost() == [0; 3]
    }
}

/// The ledger, shared by sender and backend.
pub(crate) type Shared = Mutex<Ledger>;

#[cfg(test)]
mod tests;
