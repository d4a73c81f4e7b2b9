//! What can be wrong with a request, and with one bag of a request.

use std::fmt;

/// The wire types of protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// A number of variable length.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// A length and so many bytes.
    Length,
    /// The start of a group.
    GroupStart,
    /// The end of a group.
    GroupEnd,
    /// Four bytes.
    Fixed32,
}

impl fmt::Display for WireType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Varint => "a varint",
            Self::Fixed64 => "8 bytes",
            Self::Length => "length-delimited",
            Self::GroupStart => "a group",
            Self::GroupEnd => "the end of a group",
            Self::Fixed32 => "4 bytes",
        })
    }
}

/// Why bytes are not protobuf, or not the message that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The message ends within a value.
    #[error("the message ends within a value")]
    Truncated,
    /// A number of more than 64 bits.
    #[error("a varint has more than 64 bits")]
    VarintTooLong,
    /// A length-delimited field that is longer than what is left.
    #[error("a length of {length} with {left} bytes left")]
    Length {
        /// What the message says.
        length: u64,
        /// What there is.
        left: usize,
    },
    /// A field number that protobuf does not have.
    #[error("{0} is not a field number")]
    FieldNumber(u64),
    /// A wire type that protobuf does not have.
    #[error("{0} is not a wire type")]
    UnknownWireType(u8),
    /// A field of the message with the wire type of another one.
    #[error("field {number} should be {expected} and is {found}")]
    WireType {
        /// The field.
        number: u32,
        /// What the message definition says.
        expected: WireType,
        /// What was sent.
        found: WireType,
    },
    /// A group that does not end, ends without start, or nests too deep.
    #[error("groups do not match or nest too deep")]
    Group,
}

/// Bytes that are not the message that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is malformed at byte {offset}: {problem}")]
pub struct Malformed {
    /// The message, and the field where it is known.
    pub field: &'static str,
    /// Where, counted from the start of the message.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// A request that cannot be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not the message that is expected.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The caller uses a newer global dictionary: its indices may mean words that are not known here.
    #[error("inconsistent global dictionary versions used: mixer knows {known} words, caller knows {caller}")]
    InconsistentDictionary {
        /// How many words are known here.
        known: u32,
        /// How many words the caller says it knows.
        caller: u32,
    },
}

/// What an index should have stood for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexUse {
    /// The value of a string attribute.
    Value,
    /// A key of a string map.
    MapKey,
    /// A value in a string map.
    MapValue,
}

impl fmt::Display for IndexUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "string",
            Self::MapKey => "map key",
            Self::MapValue => "map value",
        })
    }
}

/// One bag of a request that cannot be read. In a report the other bags can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BagError {
    /// Not the message that is expected.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The name of an attribute is given by an index that no word list has.
    #[error(
        "attribute index {index} is not defined in the available dictionaries ({global} global words, {words} words of the message)"
    )]
    NameIndex {
        /// The index.
        index: i32,
        /// How many global words there are.
        global: usize,
        /// How many words the bag's list has.
        words: usize,
    },
    /// A text is given by an index that no word list has.
    #[error(
        "attribute {attribute}: {usage} index {index} is not defined in the available dictionaries ({global} global words, {words} words of the message)"
    )]
    TextIndex {
        /// The attribute.
        attribute: String,
        /// What the index should have stood for.
        usage: IndexUse,
        /// The index.
        index: i32,
        /// How many global words there are.
        global: usize,
        /// How many words the bag's list has.
        words: usize,
    },
    /// One attribute twice, in two typed maps or through two indices.
    #[error("duplicate attribute {attribute} (again in {field})")]
    Duplicate {
        /// The attribute.
        attribute: String,
        /// The typed map that has it again.
        field: &'static str,
    },
    /// A `google.protobuf.Duration` beyond what the type allows or 64-bit nanoseconds hold.
    #[error("attribute {attribute}: the duration of {seconds} s and {nanos} ns is out of range")]
    Duration {
        /// The attribute.
        attribute: String,
        /// Whole seconds as sent.
        seconds: i64,
        /// Nanoseconds as sent.
        nanos: i32,
    },
    /// A `google.protobuf.Timestamp` beyond the years 1 to 9999, or with nanoseconds beyond a second.
    #[error("attribute {attribute}: the timestamp of {seconds} s and {nanos} ns is out of range")]
    Timestamp {
        /// The attribute.
        attribute: String,
        /// Seconds since 1970 as sent.
        seconds: i64,
        /// Nanoseconds as sent.
        nanos: i32,
    },
    /// A report says that its bags relate to each other in a way that is not known here.
    #[error(
        "repeated_attributes_semantics {0} is not known; use DELTA_ENCODING (0) or INDEPENDENT_ENCODING (1)"
    )]
    Semantics(i32),
    /// Text beyond what a bag can address.
    #[error(transparent)]
    TooLarge(#[from] mixer_attribute::SpanOutOfRange),
}

impl BagError {
    /// A short word for counting errors by reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NameIndex { .. } | Self::TextIndex { .. } => "undefined_index",
            Self::Duplicate { .. } => "duplicate_attribute",
            Self::Duration { .. } | Self::Timestamp { .. } => "out_of_range",
            Self::Semantics(_) => "unknown_semantics",
            Self::TooLarge(_) => "too_large",
        }
    }
}
