//! The form of a segment: a magic word, then frames of length (4 bytes, little endian), CRC-32 of length and body (4
//! bytes), and body. A body is a configuration, which later entries of the segment name by its place, or an entry.

use crate::delivery::RequestId;

/// How every segment begins.
pub(super) const MAGIC: &[u8; 8] = b"mxspool1";

/// Bytes of length and checksum.
pub(super) const FRAME: usize = 8;

const CONFIG: u8 = 1;
const ENTRY: u8 = 2;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A handler's configuration.
    Config(&'a [u8]),
    /// A payload.
    Entry {
        request_id: RequestId,
        /// Which of the segment's configurations.
        config: u32,
        /// How many items the payload holds.
        items: u32,
        payload: &'a [u8],
    },
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
        Item::Config(config) => {
            out.push(CONFIG);
            out.extend_from_slice(config);
        }
        Item::Entry { request_id, config, items, payload } => {
            out.push(ENTRY);
            out.extend_from_slice(request_id.as_bytes());
            out.extend_from_slice(&config.to_le_bytes());
            out.extend_from_slice(&items.to_le_bytes());
            out.extend_from_slice(payload);
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
        CONFIG => Some(Item::Config(rest)),
        ENTRY => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            let (config, rest) = rest.split_first_chunk::<4>()?;
            let (items, payload) = rest.split_first_chunk::<4>()?;
            Some(Item::Entry {
                request_id: RequestId::from_bytes(*id),
                config: u32::from_le_bytes(*config),
                items: u32::from_le_bytes(*items),
                payload,
            })
        }
        _ => None,
    }
}

/// Walks the frames of a segment.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    position: usize,
    configs: u32,
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
        Self { bytes, position, configs: 0, end }
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
        match item {
            Item::Config(_) => self.configs += 1,
            Item::Entry { config, .. } if config >= self.configs => return Err(End::Corrupt),
            Item::Entry { .. } => {}
        }
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
