//! Lines of a stream whose writer may wait for answers: before the reader waits for more, it says so.

use std::io::{self, BufRead as _, BufReader, Read};

/// The longest line that is taken.
const LONGEST: usize = 64 << 20;

/// What the next line is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line, now in the buffer.
    Line,
    /// A line beyond the limit; its text is dropped.
    TooLong,
    /// No more lines.
    End,
}

/// Reads lines.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader) }
    }

    /// Reads one line without its end into `line`; calls back whenever it has to wait for more of the stream.
    pub(crate) fn next(
        &mut self,
        line: &mut Vec<u8>,
        mut before_waiting: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Next> {
        line.clear();
        let mut length = 0;
        loop {
            if self.reader.buffer().is_empty() {
                before_waiting()?;
            }
            let buffered = match self.reader.fill_buf() {
                Ok(buffered) => buffered,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffered.is_empty() {
                return Ok(if length == 0 { Next::End } else { kind(length) });
            }
            let newline = buffered.iter().position(|b| *b == b'\n');
            let taken = newline.unwrap_or(buffered.len());
            length += taken;
            if length <= LONGEST {
                line.extend_from_slice(&buffered[..taken]);
            } else {
                line.clear();
            }
            self.reader.consume(newline.map_or(taken, |newline| newline + 1));
            if newline.is_some() {
                return Ok(kind(length));
            }
        }
    }
}

fn kind(length: usize) -> Next {
    if length > LONGEST { Next::TooLong } else { Next::Line }
}
