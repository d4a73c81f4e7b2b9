//! The instances of one report call, as the bytes that a gRPC adapter receives.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::ops::Range;
use std::sync::Arc;

/// Tag of `instances`, field 1 of every report request.
const INSTANCES_TAG: u8 = 0x0a;

/// One encoded instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance<'a> {
    /// Fully qualified instance name.
    pub name: &'a str,
    /// The encoded `InstanceMsg`, which carries the name too.
    pub bytes: &'a [u8],
}

/// Encoded instances, framed as the repeated field 1 of a handler request: a gRPC handler sends the frame as it
/// is, a hosted one walks the instances.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    framed: Bytes,
    items: Vec<(Arc<str>, Range<u32>)>,
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
        self.items.iter().map(|(name, range)| Instance {
            name,
            bytes: self.framed.get(range.start as usize..range.end as usize).unwrap_or_default(),
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
        self.items.get(index).map_or(self.framed.len(), |(_, range)| range.end as usize)
    }

    fn part(&self, items: Range<usize>, bytes: Range<usize>) -> Self {
        let shift = bytes.start as u32;
        let moved = self.items.get(items).unwrap_or_default().iter();
        let items = moved.map(|(name, range)| (name.clone(), range.start - shift..range.end - shift));
        Self { items: items.collect(), framed: self.framed.slice(bytes) }
    }
}

/// Collects instances for one call.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    framed: BytesMut,
    items: Vec<(Arc<str>, Range<u32>)>,
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one encoded instance. False when the batch cannot address more bytes (4 GiB).
    pub fn push(&mut self, name: &Arc<str>, instance: &[u8]) -> bool {
        self.framed.put_u8(INSTANCES_TAG);
        put_varint(&mut self.framed, instance.len() as u64);
        let start = self.framed.len();
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(start + instance.len())) else {
            return false;
        };
        self.framed.put_slice(instance);
        self.items.push((name.clone(), start..end));
        true
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
        Batch { framed: self.framed.split().freeze(), items: std::mem::take(&mut self.items) }
    }
}

impl Batch {
    /// A batch of instance messages that were received one by one, named by the caller.
    pub fn from_instances(instances: impl IntoIterator<Item = (Arc<str>, Bytes)>) -> Self {
        let mut builder = BatchBuilder::new();
        for (name, bytes) in instances {
            builder.push(&name, bytes.chunk());
        }
        builder.finish()
    }
}

fn put_varint(buffer: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        buffer.put_u8((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}
