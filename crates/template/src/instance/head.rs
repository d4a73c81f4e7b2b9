//! The fixed bytes before a value that is known only at run time.

/// How many lengths can stand before one value: map entry, `Value`, wrapper, well-known message, text.
const MAX_PLACES: usize = 6;

/// Tags, keys and one-byte places for lengths. Every length counts up to the end of the payload, because each
/// enclosing message ends there; so they follow from the payload's length without a second look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    /// Offsets of the places, outermost first.
    places: Vec<u32>,
}

impl Head {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), places: Vec::new() }
    }

    /// Adds fixed bytes.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Adds a place for the length of all that follows.
    pub(crate) fn length(mut self) -> Self {
        debug_assert!(self.places.len() < MAX_PLACES);
        self.places.push(self.bytes.len() as u32);
        self.bytes.push(0);
        self
    }

    /// Adds a place for a length when there is to be one.
    pub(crate) fn length_if(self, wanted: bool) -> Self {
        if wanted { self.length() } else { self }
    }

    /// Adds all of another head.
    pub(crate) fn append(mut self, other: &Self) -> Self {
        let offset = self.bytes.len() as u32;
        self.places.extend(other.places.iter().map(|place| place + offset));
        self.bytes.extend_from_slice(&other.bytes);
        self
    }

    /// Appends the head of a payload of `len` bytes.
    #[inline]
    pub(crate) fn put(&self, len: usize, out: &mut Vec<u8>) {
        let start = out.len();
        let total = self.bytes.len() + len;
        if self.places.first().is_some_and(|place| total - *place as usize > 0x80) {
            return self.put_long(len, out);
        }
        out.extend_from_slice(&self.bytes);
        let head = &mut out[start..];
        for place in &self.places {
            let place = *place as usize;
            head[place] = (total - place - 1) as u8;
        }
    }

    /// The same when a length takes more than one byte.
    #[cold]
    fn put_long(&self, len: usize, out: &mut Vec<u8>) {
        let mut lengths = [0; MAX_PLACES];
        let mut behind = len;
        let mut end = self.bytes.len();
        for (place, length) in self.places.iter().zip(&mut lengths).rev() {
            let place = *place as usize;
            behind += end - place - 1;
            *length = behind;
            behind += crate::wire::varint_len(behind as u64);
            end = place;
        }
        let mut start = 0;
        for (place, length) in self.places.iter().zip(lengths) {
            let place = *place as usize;
            out.extend_from_slice(&self.bytes[start..place]);
            crate::wire::put_varint(out, length as u64);
            start = place + 1;
        }
        out.extend_from_slice(&self.bytes[start..]);
    }

    /// Head and payload.
    pub(crate) fn finish(&self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + payload.len());
        self.put(payload.len(), &mut out);
        out.extend_from_slice(payload);
        out
    }

    /// The parts that tell one head from another.
    pub(crate) fn identity(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.places)
    }
}

#[cfg(test)]
mod tests;
