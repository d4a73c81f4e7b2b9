//! Writes protobuf where it will be sent from: items are encoded once, when they come, and envelopes are put together of their bytes.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// Appends fields to a message.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A field that is a message: whatever `write` appends.
    pub fn message(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        encode_key(number, WireType::LengthDelimited, &mut self.0);
        let start = self.0.len();
        // Most messages have less than 128 bytes, so one byte of length; the others are moved.
        self.0.push(0);
        write(self);
        let length = self.0.len() - start - 1;
        let more = encoded_len_varint(length as u64) - 1;
        if more > 0 {
            let end = self.0.len();
            self.0.resize(end + more, 0);
            self.0.copy_within(start + 1..end, start + 1 + more);
        }
        let mut prefix = [0; 10];
        let mut rest = &mut prefix[..];
        encode_varint(length as u64, &mut rest);
        for (to, from) in self.0.iter_mut().skip(start).zip(prefix.iter().take(more + 1)) {
            *to = *from;
        }
    }

    /// A field of bytes, or of a message that is encoded already.
    pub fn bytes(&mut self, number: u32, bytes: &[u8]) {
        encode_key(number, WireType::LengthDelimited, &mut self.0);
        encode_varint(bytes.len() as u64, &mut self.0);
        self.0.extend_from_slice(bytes);
    }

    /// Fields that are encoded already, keys included.
    pub fn raw(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    /// A `string`.
    pub fn text(&mut self, number: u32, text: &str) {
        self.bytes(number, text.as_bytes());
    }

    /// A text that is left out when it is empty, as proto3 does.
    pub fn text_unless_empty(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.text(number, text);
        }
    }

    /// An `int64`, `uint64`, `bool` or enum.
    pub fn varint(&mut self, number: u32, value: u64) {
        encode_key(number, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
    }

    /// A `sint32`.
    pub fn sint32(&mut self, number: u32, value: i32) {
        self.varint(number, u64::from(((value << 1) ^ (value >> 31)) as u32));
    }

    /// A `fixed32`.
    pub fn fixed32(&mut self, number: u32, value: u32) {
        encode_key(number, WireType::ThirtyTwoBit, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A `fixed64`.
    pub fn fixed64(&mut self, number: u32, value: u64) {
        encode_key(number, WireType::SixtyFourBit, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A `double`.
    pub fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    /// A packed `repeated fixed64`.
    pub fn packed_fixed64(&mut self, number: u32, values: impl ExactSizeIterator<Item = u64>) {
        encode_key(number, WireType::LengthDelimited, &mut self.0);
        encode_varint(8 * values.len() as u64, &mut self.0);
        for value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A packed `repeated uint64`.
    pub fn packed_varints(&mut self, number: u32, values: impl Iterator<Item = u64>) {
        self.message(number, |packed| {
            for value in values {
                encode_varint(value, &mut packed.0);
            }
        });
    }
}

#[cfg(test)]
mod tests;
