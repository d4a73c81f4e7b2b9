//! What lines are written to in the end.

mod file;
mod rotation;
mod standard;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::AsFd;
use std::time::SystemTime;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

pub(crate) use self::file::FileSink;
pub(crate) use self::standard::StandardSink;
use crate::config::Rotation;

/// Something that takes whole lines. It may block.
pub(crate) trait Sink: Send {
    /// Writes all of the lines.
    fn write(&mut self, now: SystemTime, lines: &[u8]) -> Result<(), WriteError>;

    /// From now on rotate like this, when it is something that rotates.
    fn set_rotation(&mut self, _rotation: Option<Rotation>) {}
}

/// Not everything was written.
#[derive(Debug)]
pub(crate) struct WriteError {
    /// How many bytes were.
    pub(crate) written: usize,
    pub(crate) source: io::Error,
}

/// Remembers whether the last write stopped within a line.
#[derive(Debug, Default)]
struct Torn(bool);

impl Torn {
    /// Writes whole lines. One that was torn before is ended first, so that no other one is lost with it.
    fn write(&mut self, output: impl AsFd, lines: &[u8]) -> Result<(), WriteError> {
        if self.0 {
            write_all(&output, b"\n").map_err(|error| WriteError { written: 0, ..error })?;
            self.0 = false;
        }
        let result = write_all(&output, lines);
        if let Err(error) = &result {
            self.0 = error.written.checked_sub(1).is_some_and(|last| lines.get(last) != Some(&b'\n'));
        }
        result
    }
}

fn write_all(output: impl AsFd, bytes: &[u8]) -> Result<(), WriteError> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        let result = match rustix::io::write(&output, rest) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                written += count;
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            // Whoever started the process may have made its output non-blocking.
            Err(Errno::AGAIN) => wait_for_room(&output),
            Err(errno) => Err(errno.into()),
        };
        result.map_err(|source| WriteError { written, source })?;
    }
    Ok(())
}

fn wait_for_room(output: impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(&output, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
