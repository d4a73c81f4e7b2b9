//! The protobuf wire format, read from a slice with absolute positions: what lies where, nothing copied.

use std::ops::Range;

use crate::error::{Malformed, Problem, WireType};

/// How deep groups of unknown fields may nest; the limit that protobuf libraries use.
const MAX_GROUP_DEPTH: u32 = 100;

/// Number and wire type of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) number: u32,
    pub(crate) wire: WireType,
}

/// The number that a `sint32` on the wire stands for.
#[inline]
pub(crate) fn zigzag(raw: u32) -> i32 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

/// A cursor over one message. Positions count from the start of the received message, also in the cursor of
/// a nested one.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'m> {
    bytes: &'m [u8],
    position: usize,
    field: &'static str,
}

impl<'m> Reader<'m> {
    /// A cursor over `range` of the message; an empty one when the range does not lie in the message.
    /// `field` names in errors what is read.
    pub(crate) fn new(message: &'m [u8], range: Range<usize>, field: &'static str) -> Self {
        let bytes = message.get(..range.end).unwrap_or_default();
        Self { bytes, position: range.start.min(bytes.len()), field }
    }

    /// Names in errors what is read from here on.
    pub(crate) fn expect(&mut self, field: &'static str) {
        self.field = field;
    }

    /// What is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'m [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.position >= self.bytes.len()
    }

    fn malformed(&self, problem: Problem) -> Malformed {
        Malformed { field: self.field, offset: self.position, problem }
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        match self.bytes.get(self.position) {
            Some(byte) if *byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (index, byte) in self.rest().iter().take(10).enumerate() {
            if index == 9 && *byte > 1 {
                return Err(self.malformed(Problem::VarintTooLong));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.position += index + 1;
                return Ok(value);
            }
        }
        Err(self.malformed(Problem::Truncated))
    }

    /// A `sint32`. Bits above the 32nd are dropped, as protobuf libraries do.
    #[inline]
    pub(crate) fn sint32(&mut self) -> Result<i32, Malformed> {
        Ok(zigzag(self.varint()? as u32))
    }

    pub(crate) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.rest().first_chunk::<8>();
        let value = bytes.map(|bytes| u64::from_le_bytes(*bytes));
        let value = value.ok_or_else(|| self.malformed(Problem::Truncated))?;
        self.position += 8;
        Ok(value)
    }

    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Tag, Malformed> {
        let start = self.position;
        let raw = self.varint()?;
        let wire = match raw & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Length,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            other => {
                self.position = start;
                return Err(self.malformed(Problem::UnknownWireType(other as u8)));
            }
        };
        match u32::try_from(raw >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok(Tag { number, wire }),
            _ => {
                self.position = start;
                Err(self.malformed(Problem::FieldNumber(raw >> 3)))
            }
        }
    }

    /// Refuses a known field that comes with another wire type than its own.
    #[inline]
    pub(crate) fn require(&self, tag: Tag, expected: WireType) -> Result<(), Malformed> {
        if tag.wire == expected {
            return Ok(());
        }
        Err(self.malformed(Problem::WireType { number: tag.number, expected, found: tag.wire }))
    }

    /// Where the content of a length-delimited field lies.
    #[inline]
    pub(crate) fn chunk(&mut self) -> Result<Range<usize>, Malformed> {
        let length = self.varint()?;
        let left = self.bytes.len() - self.position;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.position;
                self.position += length;
                Ok(start..self.position)
            }
            _ => Err(self.malformed(Problem::Length { length, left })),
        }
    }

    /// A cursor over the message in a length-delimited field.
    #[inline]
    pub(crate) fn nested(&mut self) -> Result<Self, Malformed> {
        let range = self.chunk()?;
        Ok(Self::new(self.bytes, range, self.field))
    }

    /// Skips the value of a field that is not known, or not wanted.
    #[inline]
    pub(crate) fn skip(&mut self, tag: Tag) -> Result<(), Malformed> {
        match tag.wire {
            WireType::Length => self.chunk().map(drop),
            _ => self.skip_at(tag, 0),
        }
    }

    fn skip_at(&mut self, tag: Tag, depth: u32) -> Result<(), Malformed> {
        match tag.wire {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.fixed64().map(drop),
            WireType::Length => self.chunk().map(drop),
            WireType::Fixed32 if self.bytes.len() - self.position >= 4 => {
                self.position += 4;
                Ok(())
            }
            WireType::Fixed32 => Err(self.malformed(Problem::Truncated)),
            WireType::GroupStart if depth < MAX_GROUP_DEPTH => loop {
                let inner = self.tag()?;
                if inner.wire != WireType::GroupEnd {
                    self.skip_at(inner, depth + 1)?;
                } else if inner.number == tag.number {
                    return Ok(());
                } else {
                    return Err(self.malformed(Problem::Group));
                }
            },
            WireType::GroupStart | WireType::GroupEnd => Err(self.malformed(Problem::Group)),
        }
    }
}
