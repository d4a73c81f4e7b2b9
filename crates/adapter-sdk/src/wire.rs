//! Reads the protobuf wire format in place: fields of a message as slices of its bytes, in whatever order they
//! come, with numbers padded or not.

/// Bytes that are not a message of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A length or a number goes past the end.
    #[error("the message ends in the middle of a field")]
    Truncated,
    /// A number of more than ten bytes.
    #[error("a number is longer than 10 bytes")]
    LongNumber,
    /// A field number outside 1 to 2^29 - 1.
    #[error("{0} is not a field number")]
    FieldNumber(u64),
    /// A group, or a wire type that does not exist.
    #[error("field {0} has a wire type that is not in use")]
    UnknownWireType(u32),
    /// A known field with the wire type of another kind of value.
    #[error("field {0} does not have the wire type of its kind")]
    WireType(u32),
    /// Text that is not UTF-8.
    #[error("field {0} is not UTF-8 text")]
    NotText(u32),
    /// A duration or timestamp that does not fit.
    #[error("field {0} is a time that is out of range")]
    Time(u32),
}

impl Malformed {
    /// The word for the `reason` label of a counter of dropped instances.
    pub const REASON: &str = "malformed";
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: text, bytes, or a message.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub payload: Payload<'a>,
}

impl<'a> Field<'a> {
    /// The bytes of a message, of bytes, or of text that is looked at later.
    ///
    /// # Errors
    ///
    /// The field holds a number.
    #[inline]
    pub fn bytes(&self) -> Result<&'a [u8], Malformed> {
        match self.payload {
            Payload::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::WireType(self.number)),
        }
    }

    /// Text.
    ///
    /// # Errors
    ///
    /// The field holds a number, or bytes that are not UTF-8.
    #[inline]
    pub fn text(&self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::NotText(self.number))
    }

    /// An `int32`, `int64`, `uint64`, `bool` or enum, as the 64 bits that were sent.
    ///
    /// # Errors
    ///
    /// The field holds something else.
    #[inline]
    pub fn varint(&self) -> Result<u64, Malformed> {
        match self.payload {
            Payload::Varint(number) => Ok(number),
            _ => Err(Malformed::WireType(self.number)),
        }
    }

    /// An `int64`.
    ///
    /// # Errors
    ///
    /// The field holds something else.
    #[inline]
    pub fn int64(&self) -> Result<i64, Malformed> {
        self.varint().map(u64::cast_signed)
    }

    /// A `double`.
    ///
    /// # Errors
    ///
    /// The field holds something else.
    #[inline]
    pub fn double(&self) -> Result<f64, Malformed> {
        match self.payload {
            Payload::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(Malformed::WireType(self.number)),
        }
    }
}

/// Walks the fields of a message. After an error it is at its end.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    /// The fields of an encoded message.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Where the next field starts, and the last one ended.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next field and where it starts.
    #[inline]
    pub fn next_from(&mut self) -> Option<(usize, Result<Field<'a>, Malformed>)> {
        let start = self.position;
        Some((start, self.next()?))
    }

    /// What the next field holds when it has this tag of one byte and a length of one byte or two, as the entries of a map
    /// have; none, and nothing is taken, when it is another one or malformed.
    #[inline]
    pub(crate) fn next_bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (length, head) = match self.bytes.get(self.position..)? {
            [first, length @ 0..0x80, ..] if *first == tag => (usize::from(*length), 2),
            [first, low @ 0x80..=0xff, high @ 0..0x80, ..] if *first == tag => {
                (usize::from(*low & 0x7f) | usize::from(*high) << 7, 3)
            }
            _ => return None,
        };
        let start = self.position + head;
        let bytes = self.bytes.get(start..start + length)?;
        self.position = start + length;
        Some(bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.bytes.get(self.position) {
            Some(byte) if *byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(*byte))
            }
            Some(_) => self.long_varint(),
            None => Err(Malformed::Truncated),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.position).ok_or(Malformed::Truncated)?;
            self.position += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::LongNumber)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let end = usize::try_from(length).ok().and_then(|length| self.position.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.position..end)).ok_or(Malformed::Truncated)?;
        self.position += taken.len();
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let taken = self.take(N as u64)?;
        taken.try_into().map_err(|_| Malformed::Truncated)
    }

    #[inline]
    fn read(&mut self) -> Result<Field<'a>, Malformed> {
        let tag = self.varint()?;
        let number = match u32::try_from(tag >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => number,
            _ => return Err(Malformed::FieldNumber(tag >> 3)),
        };
        let payload = match tag & 7 {
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(length)?)
            }
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.fixed()?)),
            5 => Payload::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err(Malformed::UnknownWireType(number)),
        };
        Ok(Field { number, payload })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.position = self.bytes.len();
        }
        Some(field)
    }
}
