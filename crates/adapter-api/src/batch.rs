//! The instances of one report call, as the bytes that a gRPC adapter receives.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Tag of `instances`, field 1 of every report request.
const INSTANCES_TAG: u8 = 0x0a;

/// Room kept for the length of an instance while it is encoded. Two bytes are what most instances need
/// (128 to 16383 bytes), so that most are never moved.
const LENGTH_ROOM: usize = 2;

/// One encoded instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance<'a> {
    /// Fully qualified instance name.
    pub name: &'a str,
    /// The encoded `InstanceMsg`, which carries the name too.
    pub bytes: &'a [u8],
}

/// Where an instance lies and what it is called: an index into the names of the batch.
#[derive(Clone, Copy, Debug)]
struct Item {
    name: u32,
    start: u32,
    end: u32,
}

/// The distinct instance names of a batch. A batch shares the list of its builder, so that naming an instance
/// touches no reference count.
type Names = Arc<Vec<Arc<str>>>;

/// Encoded instances, framed as the repeated field 1 of a handler request: a gRPC handler sends the frame as it
/// is, a hosted one walks the instances.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    framed: Bytes,
    names: Names,
    items: Vec<Item>,
}

impl Batch {
    /// How many instances.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The instances in order.
    pub fn iter(&self) -> impl Iterator<Item = Instance<'_>> {
        self.items.iter().map(|item| Instance {
            name: self.names.get(item.name as usize).map_or("", |name| name),
            bytes: self.framed.get(item.start as usize..item.end as usize).unwrap_or_default(),
        })
    }

    /// All instances as repeated field 1.
    pub fn framed(&self) -> &Bytes {
        &self.framed
    }

    /// Batches of at most `max_bytes` each (one instance that is larger goes alone), sharing the bytes of this
    /// one.
    pub fn split(&self, max_bytes: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut first = 0;
        let mut start = 0;
        for index in 0..self.items.len() {
            let end = self.frame_end(index);
            if end - start > max_bytes && index > first {
                let cut = self.frame_end(index - 1);
                parts.push(self.part(first..index, start..cut));
                (first, start) = (index, cut);
            }
        }
        parts.push(self.part(first..self.items.len(), start..self.framed.len()));
        parts
    }

    fn frame_end(&self, index: usize) -> usize {
        self.items.get(index).map_or(self.framed.len(), |item| item.end as usize)
    }

    fn part(&self, items: Range<usize>, bytes: Range<usize>) -> Self {
        let shift = bytes.start as u32;
        let moved = self.items.get(items).unwrap_or_default().iter();
        let items = moved.map(|item| Item { start: item.start - shift, end: item.end - shift, ..*item });
        Self { items: items.collect(), names: self.names.clone(), framed: self.framed.slice(bytes) }
    }

    /// A batch of instance messages that were received in one message, of which nothing is copied: they are the repeated
    /// field 1 of the message and stand at these places, with nothing else in `frame`. None when that cannot be, or when the
    /// frame is too long to be addressed (4 GiB).
    pub fn from_frame(
        message: &Bytes,
        frame: Range<usize>,
        instances: &[(Arc<str>, Range<usize>)],
    ) -> Option<Self> {
        message.get(frame.clone())?;
        let place = |at: usize| u32::try_from(at.checked_sub(frame.start)?).ok();
        let mut names = BatchBuilder::new();
        let mut items = Vec::with_capacity(instances.len());
        for (name, range) in instances {
            let (start, end) = (place(range.start)?, place(range.end)?);
            items.push(Item { name: names.name_index(name), start, end });
        }
        Some(Self { framed: message.slice(frame), names: names.names, items })
    }

    /// A batch of instance messages that were received one by one, named by the caller.
    pub fn from_instances(instances: impl IntoIterator<Item = (Arc<str>, Bytes)>) -> Self {
        let mut builder = BatchBuilder::new();
        for (name, bytes) in instances {
            builder.push(&name, &bytes);
        }
        builder.finish()
    }
}

/// Collects instances for one call. A builder that is used again keeps its list of names, and its buffer when
/// [`BatchBuilder::reclaim`] gets it back, so that a steady stream of reports allocates next to nothing.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    framed: Vec<u8>,
    names: Names,
    items: Vec<Item>,
    // Instances tend to come in the same cycle: where the next name probably is.
    expected: usize,
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one encoded instance. False when the batch cannot address more bytes (4 GiB).
    pub fn push(&mut self, name: &Arc<str>, instance: &[u8]) -> bool {
        let pushed = self.push_with(name, |buffer| {
            buffer.extend_from_slice(instance);
            Ok::<(), std::convert::Infallible>(())
        });
        pushed == Ok(true)
    }

    /// Adds one instance that `encode` appends to the buffer of the batch. `Ok(false)` when the batch cannot
    /// address more bytes (4 GiB); the batch is as before then, and when `encode` fails.
    ///
    /// # Errors
    /// What `encode` returned.
    pub fn push_with<E>(
        &mut self,
        name: &Arc<str>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let before = self.framed.len();
        self.framed.push(INSTANCES_TAG);
        self.framed.extend_from_slice(&[0; LENGTH_ROOM]);
        if let Err(error) = encode(&mut self.framed) {
            self.framed.truncate(before);
            return Err(error);
        }
        let start = set_length(&mut self.framed, before + 1);
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.framed.len())) else {
            self.framed.truncate(before);
            return Ok(false);
        };
        let name = self.name_index(name);
        self.items.push(Item { name, start, end });
        Ok(true)
    }

    fn name_index(&mut self, name: &Arc<str>) -> u32 {
        let is_it = |known: &Arc<str>| Arc::ptr_eq(known, name) || known == name;
        let found = match self.names.get(self.expected) {
            Some(known) if Arc::ptr_eq(known, name) => self.expected,
            _ => self.names.iter().position(is_it).unwrap_or_else(|| {
                Arc::make_mut(&mut self.names).push(name.clone());
                self.names.len() - 1
            }),
        };
        self.expected = if found + 1 < self.names.len() { found + 1 } else { 0 };
        found as u32
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.framed.len()
    }

    /// How many instances so far.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The finished batch; the builder is empty again.
    pub fn finish(&mut self) -> Batch {
        Batch {
            framed: Bytes::from(std::mem::take(&mut self.framed)),
            names: self.names.clone(),
            items: std::mem::take(&mut self.items),
        }
    }

    /// Takes the buffers of a batch back when nobody else holds them and they are not larger than `max_bytes`.
    pub fn reclaim(&mut self, batch: Batch, max_bytes: usize) {
        if self.framed.capacity() == 0 && batch.framed.len() <= max_bytes && batch.framed.is_unique() {
            self.framed = Vec::from(batch.framed);
            self.framed.clear();
        }
        if self.items.capacity() == 0 {
            self.items = batch.items;
            self.items.clear();
        }
    }
}

/// Writes the length of what follows the room at `at`, moving it when the length does not need just that room.
/// Returns where it starts.
fn set_length(buffer: &mut Vec<u8>, at: usize) -> usize {
    let content = at + LENGTH_ROOM;
    let mut length = [0; 10];
    let used = varint(&mut length, (buffer.len() - content) as u64);
    let length = length.get(..used).unwrap_or_default();
    if used == LENGTH_ROOM {
        if let Some(room) = buffer.get_mut(at..content) {
            room.copy_from_slice(length);
        }
    } else {
        buffer.splice(at..content, length.iter().copied());
    }
    at + used
}

/// Writes a varint and returns how many bytes it took.
fn varint(buffer: &mut [u8; 10], mut value: u64) -> usize {
    let mut used = 0;
    for byte in buffer.iter_mut() {
        used += 1;
        *byte = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    used
}
