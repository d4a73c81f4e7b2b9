//! Standard output and standard error.

use std::io::{self, Write as _};
use std::time::SystemTime;

use super::{Sink, Torn, WriteError};

/// One of the standard streams of the process.
#[derive(Debug)]
pub(crate) struct StandardSink {
    is_error: bool,
    torn: Torn,
}

impl StandardSink {
    pub(crate) fn output() -> Self {
        Self { is_error: false, torn: Torn::default() }
    }

    pub(crate) fn error() -> Self {
        Self { is_error: true, torn: Torn::default() }
    }
}

impl Sink for StandardSink {
    /// Nothing else in the process can write while the lock is held. The descriptor is written to directly: only so
    /// is it known how much of a failed write arrived.
    fn write(&mut self, _now: SystemTime, lines: &[u8]) -> Result<(), WriteError> {
        if self.is_error {
            return self.torn.write(io::stderr().lock(), lines);
        }
        let mut output = io::stdout().lock();
        output.flush().map_err(|source| WriteError { written: 0, source })?;
        self.torn.write(output, lines)
    }
}
