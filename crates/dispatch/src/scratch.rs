//! Buffers that requests use again and again, kept by the runtime between requests.

use mixer_attribute::Referenced;
use mixer_template::EncodeCache;
use parking_lot::Mutex;

use crate::matching::MatchScratch;
use crate::report::Pending;

/// For each processor at most so many are kept: about as many requests as make use of one at the same time.
const KEPT_PER_PROCESSOR: usize = 2;

/// What one request uses.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) matching: MatchScratch,
    pub(crate) referenced: Referenced,
    pub(crate) pending: Pending,
    pub(crate) encoding: EncodeCache,
}

/// The buffers that no request uses now.
#[derive(Debug)]
pub(crate) struct Pool {
    kept: Mutex<Vec<Scratch>>,
    most: usize,
}

impl Default for Pool {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { kept: Mutex::default(), most: processors * KEPT_PER_PROCESSOR }
    }
}

impl Pool {
    pub(crate) fn take(&self) -> Scratch {
        self.kept.lock().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, scratch: Scratch) {
        let mut kept = self.kept.lock();
        if kept.len() < self.most {
            kept.push(scratch);
        }
    }
}
