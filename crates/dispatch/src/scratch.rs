//! Buffers that requests use again and again, kept by the runtime between requests.

use mixer_attribute::Referenced;
use mixer_template::EncodeCache;
use parking_lot::Mutex;

use crate::matching::MatchScratch;
use crate::report::Pending;

/// At most so many are kept: about as many requests as run at the same time.
const KEPT: usize = 32;

/// What one request uses.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) matching: MatchScratch,
    pub(crate) referenced: Referenced,
    pub(crate) pending: Pending,
    pub(crate) encoding: EncodeCache,
}

/// The buffers that no request uses now.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Scratch>>);

impl Pool {
    pub(crate) fn take(&self) -> Scratch {
        self.0.lock().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, scratch: Scratch) {
        let mut kept = self.0.lock();
        if kept.len() < KEPT {
            kept.push(scratch);
        }
    }
}
