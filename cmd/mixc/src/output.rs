//! Standard output, shared by all workers: a whole answer at a time.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writes to standard output until that is closed.
#[derive(Debug, Default)]
pub(crate) struct Output {
    closed: AtomicBool,
}

impl Output {
    /// Writes text that ends with a line break.
    pub(crate) fn write(&self, text: &str) {
        if std::io::stdout().lock().write_all(text.as_bytes()).is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether nobody reads any more: time to stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}
