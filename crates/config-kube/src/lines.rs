//! The lines of a watch: one JSON document each, none longer than the limit.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

use crate::request::{Cause, Failure};

/// Bytes of one line. An API server stores objects of 1.5 MiB at most.
const MAX_LINE: usize = 8 << 20;

/// Reads a body line by line.
pub(crate) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line end.
    searched: usize,
}

impl Lines {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line that is not empty; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>, Failure> {
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            if self.buffer.len() > MAX_LINE {
                let message = format!("an event of a watch is longer than {MAX_LINE} bytes");
                return Err(Failure::new(Cause::Malformed, message));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => {
                    let message = format!("the watch broke off: {}", crate::request::chain(&error));
                    return Err(Failure::new(Cause::Unreachable, message));
                }
                // A line without an end was cut off; what it said comes again with the next watch.
                None => return Ok(None),
            }
        }
    }

    fn buffered(&mut self) -> Option<BytesMut> {
        loop {
            let at = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(at) = at.map(|at| at + self.searched) else {
                self.searched = self.buffer.len();
                return None;
            };
            let line = self.buffer.split_to(at);
            self.buffer.advance(1);
            self.searched = 0;
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(line);
            }
        }
    }
}
