//! Payloads of a few bytes, made without allocating: whole numbers of every protobuf form, times and durations.

use mixer_attribute::{Duration, Timestamp};
use prost_reflect::Kind;

use crate::wire::zigzag;

/// A payload of a few bytes, made without allocating.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Small {
    bytes: [u8; 24],
    len: usize,
}

impl Small {
    pub(crate) fn fixed<const N: usize>(value: [u8; N]) -> Self {
        let mut small = Self { len: N, ..Self::default() };
        small.bytes[..N].copy_from_slice(&value);
        small
    }

    #[inline]
    pub(crate) fn varint(value: u64) -> Self {
        let mut small = Self::default();
        small.put_varint(value);
        small
    }

    /// `google.protobuf.Duration` in canonical form.
    pub(crate) fn duration(value: Duration) -> Self {
        let (seconds, nanos) = value.to_proto();
        Self::seconds_and_nanos(seconds, nanos)
    }

    /// `google.protobuf.Timestamp` in canonical form.
    pub(crate) fn timestamp(value: Timestamp) -> Self {
        let (seconds, nanos) = value.to_proto();
        Self::seconds_and_nanos(seconds, nanos)
    }

    fn seconds_and_nanos(seconds: i64, nanos: i32) -> Self {
        let mut small = Self::default();
        if seconds != 0 {
            small.push(0x08);
            small.put_varint(seconds.cast_unsigned());
        }
        if nanos != 0 {
            small.push(0x10);
            small.put_varint(i64::from(nanos).cast_unsigned());
        }
        small
    }

    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// The bytes.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The forms of whole numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
}

impl Whole {
    /// The form of a kind that holds whole numbers; enums are `int32`.
    pub(crate) fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Int32 | Kind::Enum(_) => Self::Int32,
            Kind::Int64 => Self::Int64,
            Kind::Uint32 => Self::Uint32,
            Kind::Uint64 => Self::Uint64,
            Kind::Sint32 => Self::Sint32,
            Kind::Sint64 => Self::Sint64,
            Kind::Fixed32 => Self::Fixed32,
            Kind::Fixed64 => Self::Fixed64,
            Kind::Sfixed32 => Self::Sfixed32,
            Kind::Sfixed64 => Self::Sfixed64,
            _ => return None,
        })
    }

    /// The payload of a number; `None` when it does not fit.
    #[inline]
    pub(crate) fn payload(self, value: i128) -> Option<Small> {
        let int64 = || i64::try_from(value).ok();
        let int32 = || i32::try_from(value).ok();
        let uint64 = || u64::try_from(value).ok();
        let uint32 = || u32::try_from(value).ok();
        Some(match self {
            Self::Int64 => Small::varint(int64()?.cast_unsigned()),
            Self::Int32 => Small::varint(i64::from(int32()?).cast_unsigned()),
            Self::Uint64 => Small::varint(uint64()?),
            Self::Uint32 => Small::varint(uint32()?.into()),
            Self::Sint64 => Small::varint(zigzag(int64()?)),
            Self::Sint32 => Small::varint(zigzag(int32()?.into())),
            Self::Fixed64 => Small::fixed(uint64()?.to_le_bytes()),
            Self::Fixed32 => Small::fixed(uint32()?.to_le_bytes()),
            Self::Sfixed64 => Small::fixed(int64()?.to_le_bytes()),
            Self::Sfixed32 => Small::fixed(int32()?.to_le_bytes()),
        })
    }

    /// The word that proto files use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Sint32 => "sint32",
            Self::Sint64 => "sint64",
            Self::Fixed32 => "fixed32",
            Self::Fixed64 => "fixed64",
            Self::Sfixed32 => "sfixed32",
            Self::Sfixed64 => "sfixed64",
        }
    }
}

#[cfg(test)]
mod tests;
