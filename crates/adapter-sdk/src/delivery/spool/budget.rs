//! How many bytes all logs of a spool hold together, and who makes room.

use std::sync::Weak;

use parking_lot::Mutex;

use super::SpoolError;

/// A log whose oldest entries may be dropped.
pub(super) trait MakesRoom: Send + Sync {
    /// What it holds.
    fn bytes(&self) -> u64;
    /// Drops its oldest segment; false when it has none.
    fn drop_oldest(&self) -> bool;
}

/// The bytes of a spool.
pub(super) struct Budget {
    max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of all logs.
    used: u64,
    /// Of those that cannot make room.
    journals: u64,
    logs: Vec<Weak<dyn MakesRoom>>,
}

impl Budget {
    pub(super) fn new(max: u64) -> Self {
        Self { max, state: Mutex::default() }
    }

    /// Tells of a log that can make room.
    pub(super) fn add_log(&self, log: Weak<dyn MakesRoom>) {
        let logs = &mut self.state.lock().logs;
        logs.retain(|log| log.strong_count() > 0);
        logs.push(log);
    }

    /// The largest group of payloads, for which there is always room: journals never take the last quarter.
    pub(super) fn max_group(&self) -> u64 {
        self.max / 4
    }

    /// Counts bytes of a journal that are about to be written. The largest other log makes room when there is none; the
    /// caller must not hold a lock of one.
    pub(super) fn reserve_journal(&self, bytes: u64) -> Result<(), SpoolError> {
        {
            let mut state = self.state.lock();
            if state.journals.saturating_add(bytes) > self.max - self.max_group() {
                return Err(SpoolError::Full { bytes, max_bytes: self.max });
            }
            state.journals += bytes;
        }
        self.reserve(bytes).inspect_err(|_| self.state.lock().journals -= bytes)
    }

    /// Counts bytes of a journal that are there already.
    pub(super) fn add_journal(&self, bytes: u64) {
        self.state.lock().journals += bytes;
        self.add(bytes);
    }

    /// Counts bytes of a journal that are gone.
    pub(super) fn release_journal(&self, bytes: u64) {
        {
            let journals = &mut self.state.lock().journals;
            *journals = journals.saturating_sub(bytes);
        }
        self.release(bytes);
    }

    /// Counts bytes that are about to be written. The largest log makes room when there is none; the caller must not
    /// hold a lock of one.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), SpoolError> {
        loop {
            let logs = {
                let mut state = self.state.lock();
                if state.used.saturating_add(bytes) <= self.max {
                    state.used += bytes;
                    return Ok(());
                }
                state.logs.clone()
            };
            let mut logs: Vec<_> = logs.iter().filter_map(Weak::upgrade).collect();
            logs.sort_by_key(|log| log.bytes());
            if bytes > self.max || !logs.iter().rev().any(|log| log.drop_oldest()) {
                return Err(SpoolError::Full { bytes, max_bytes: self.max });
            }
        }
    }

    /// Counts bytes that are there already.
    pub(super) fn add(&self, bytes: u64) {
        self.state.lock().used += bytes;
    }

    /// Counts bytes that are gone.
    pub(super) fn release(&self, bytes: u64) {
        let used = &mut self.state.lock().used;
        *used = used.saturating_sub(bytes);
    }
}
