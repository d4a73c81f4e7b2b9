//! Reads payloads from a segment, one by one, while more may be appended to it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;

use super::super::segment::{self, FRAME, Item, MAGIC};
use super::Record;

/// The segment that is read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) number: u64,
    file: File,
    position: u64,
    index: u32,
}

impl Reader {
    pub(super) fn open(number: u64, path: &Path) -> io::Result<Self> {
        Ok(Self { number, file: File::open(path)?, position: MAGIC.len() as u64, index: 0 })
    }

    /// The next payload before `length`, and which one of its segment it is.
    pub(super) fn next(&mut self, length: u64) -> io::Result<Option<(u32, Record)>> {
        let corrupt = || io::Error::new(io::ErrorKind::InvalidData, "bytes in it have changed");
        while self.position < length {
            self.file.seek(SeekFrom::Start(self.position))?;
            let mut frame = [0; FRAME];
            self.file.read_exact(&mut frame)?;
            let (size, sum) = segment::frame(&frame).ok_or_else(corrupt)?;
            let whole = FRAME as u64 + u64::from(size);
            // Looked at before there is room for it: the length may be what has changed.
            if self.position + whole > length {
                return Err(corrupt());
            }
            let mut body = vec![0; size as usize];
            self.file.read_exact(&mut body)?;
            self.position += whole;
            match segment::body(size, sum, &body).ok_or_else(corrupt)? {
                Item::Payload { request_id, since, items, body } => {
                    let index = self.index;
                    self.index += 1;
                    let payload = Bytes::copy_from_slice(body);
                    return Ok(Some((index, Record { request_id, since, items, payload })));
                }
                Item::Commit { .. } => {}
                Item::Report { .. } => return Err(corrupt()),
            }
        }
        Ok(None)
    }
}
