//! The form of a segment: a magic word, then frames of length (4 bytes, little endian), CRC-32 of length and body (4
//! bytes), and body. The first byte of a body says what it is: a report, a payload, or the mark that ends a group of payloads.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::delivery::RequestId;

/// How every segment begins.
pub(super) const MAGIC: &[u8; 8] = b"mxspool2";

/// Bytes of length and checksum.
pub(super) const FRAME: usize = 8;

const REPORT: u8 = 1;
const PAYLOAD: u8 = 2;
const COMMIT: u8 = 3;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A report call.
    Report {
        /// When it came.
        at: SystemTime,
        /// At most 255 bytes.
        template: &'a str,
        /// The instances as repeated field 1.
        framed: &'a [u8],
    },
    /// What is sent to a backend.
    Payload {
        request_id: RequestId,
        /// When the oldest that went into it came.
        since: SystemTime,
        /// How many items it holds.
        items: u32,
        body: &'a [u8],
    },
    /// The payloads since the last mark are whole, and hold what came in segments of the journal below this one.
    Commit { covers: u64 },
}

/// Why no further frame can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is none.
    Clean,
    /// The last one was not written whole, as when the process was killed.
    Torn,
    /// Bytes are not what was written.
    Corrupt,
}

/// Adds a frame. False when it would be longer than a length can say.
pub(super) fn put(out: &mut Vec<u8>, item: Item<'_>) -> bool {
    let before = out.len();
    out.extend_from_slice(&[0; FRAME]);
    match item {
        Item::Report { at, template, framed } => {
            let template = template.as_bytes();
            let Ok(length) = u8::try_from(template.len()) else {
                out.truncate(before);
                return false;
            };
            out.push(REPORT);
            out.extend_from_slice(&nanos(at).to_le_bytes());
            out.push(length);
            out.extend_from_slice(template);
            out.extend_from_slice(framed);
        }
        Item::Payload { request_id, since, items, body } => {
            out.push(PAYLOAD);
            out.extend_from_slice(request_id.as_bytes());
            out.extend_from_slice(&nanos(since).to_le_bytes());
            out.extend_from_slice(&items.to_le_bytes());
            out.extend_from_slice(body);
        }
        Item::Commit { covers } => {
            out.push(COMMIT);
            out.extend_from_slice(&covers.to_le_bytes());
        }
    }
    let Ok(length) = u32::try_from(out.len() - before - FRAME) else {
        out.truncate(before);
        return false;
    };
    let body = out.get(before + FRAME..).unwrap_or_default();
    let sum = checksum(length, body);
    for (to, from) in
        out.iter_mut().skip(before).zip(length.to_le_bytes().into_iter().chain(sum.to_le_bytes()))
    {
        *to = from;
    }
    true
}

fn checksum(length: u32, body: &[u8]) -> u32 {
    // The length takes part, so that zeros on a disk are no frame.
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Length and checksum of a frame.
pub(super) fn frame(bytes: &[u8]) -> Option<(u32, u32)> {
    let length = bytes.first_chunk::<4>()?;
    let sum = bytes.get(4..)?.first_chunk::<4>()?;
    Some((u32::from_le_bytes(*length), u32::from_le_bytes(*sum)))
}

/// Reads the body of a frame; none when it is not what was written.
pub(super) fn body(length: u32, sum: u32, body: &[u8]) -> Option<Item<'_>> {
    if checksum(length, body) != sum {
        return None;
    }
    let (kind, rest) = body.split_first()?;
    match *kind {
        REPORT => {
            let (at, rest) = rest.split_first_chunk::<8>()?;
            let (length, rest) = rest.split_first()?;
            let (template, framed) = rest.split_at_checked(usize::from(*length))?;
            Some(Item::Report { at: time(*at), template: std::str::from_utf8(template).ok()?, framed })
        }
        PAYLOAD => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            let (since, rest) = rest.split_first_chunk::<8>()?;
            let (items, body) = rest.split_first_chunk::<4>()?;
            Some(Item::Payload {
                request_id: RequestId::from_bytes(*id),
                since: time(*since),
                items: u32::from_le_bytes(*items),
                body,
            })
        }
        COMMIT => Some(Item::Commit { covers: u64::from_le_bytes(*rest.first_chunk::<8>()?) }),
        _ => None,
    }
}

/// Nanoseconds since 1970, until 2554.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn time(nanos: [u8; 8]) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::from_le_bytes(nanos))
}

/// Walks the frames of a segment.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    position: usize,
    end: End,
}

impl<'a> Frames<'a> {
    /// The frames of a whole segment.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (position, end) = match bytes.starts_with(MAGIC) {
            true => (MAGIC.len(), End::Clean),
            false if MAGIC.starts_with(bytes) => (bytes.len(), End::Torn),
            false => (bytes.len(), End::Corrupt),
        };
        Self { bytes, position, end }
    }

    /// How many bytes were read without a fault; all of a segment that does not begin as one does.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Why there is no further frame.
    pub(super) fn end(&self) -> End {
        self.end
    }

    fn read(&mut self) -> Result<Item<'a>, End> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.is_empty() {
            return Err(End::Clean);
        }
        let (length, sum) = frame(rest).ok_or(End::Torn)?;
        let whole = FRAME.saturating_add(length as usize);
        let item = body(length, sum, rest.get(FRAME..whole).ok_or(End::Torn)?).ok_or(End::Corrupt)?;
        self.position += whole;
        Ok(item)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.end != End::Clean {
            return None;
        }
        self.read().inspect_err(|end| self.end = *end).ok()
    }
}

#[cfg(test)]
mod tests;
