//! The types that attributes and expressions can have.

use std::fmt;
use std::str::FromStr;

/// The type of an attribute or expression: `istio.policy.v1beta1.ValueType`, same names and numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ValueType {
    /// `VALUE_TYPE_UNSPECIFIED`: no type, or one that expressions cannot use.
    #[default]
    Unspecified = 0,
    /// `STRING`: text.
    String = 1,
    /// `INT64`.
    Int64 = 2,
    /// `DOUBLE`.
    Double = 3,
    /// `BOOL`.
    Bool = 4,
    /// `TIMESTAMP`: an instant with nanosecond precision.
    Timestamp = 5,
    /// `IP_ADDRESS`: 4 or 16 bytes.
    IpAddress = 6,
    /// `EMAIL_ADDRESS`: text.
    EmailAddress = 7,
    /// `URI`: text.
    Uri = 8,
    /// `DNS_NAME`: text.
    DnsName = 9,
    /// `DURATION`: signed nanoseconds.
    Duration = 10,
    /// `STRING_MAP`: text to text.
    StringMap = 11,
}

const NAMES: [&str; 12] = [
    "VALUE_TYPE_UNSPECIFIED",
    "STRING",
    "INT64",
    "DOUBLE",
    "BOOL",
    "TIMESTAMP",
    "IP_ADDRESS",
    "EMAIL_ADDRESS",
    "URI",
    "DNS_NAME",
    "DURATION",
    "STRING_MAP",
];

impl ValueType {
    /// Every type, in the order of the numbers.
    pub const ALL: [Self; 12] = [
        Self::Unspecified,
        Self::String,
        Self::Int64,
        Self::Double,
        Self::Bool,
        Self::Timestamp,
        Self::IpAddress,
        Self::EmailAddress,
        Self::Uri,
        Self::DnsName,
        Self::Duration,
        Self::StringMap,
    ];

    /// The enum value name of the protobuf definition.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The type of a protobuf enum number.
    ///
    /// # Errors
    /// The number is none of the twelve.
    pub fn from_number(number: i32) -> Result<Self, UnknownValueType> {
        usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index).copied())
            .ok_or_else(|| UnknownValueType(number.to_string()))
    }

    /// True for the four types whose run-time form is text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::String | Self::EmailAddress | Self::Uri | Self::DnsName)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ValueType {
    type Err = UnknownValueType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let index = NAMES.iter().position(|name| *name == text);
        index.map(|index| Self::ALL[index]).ok_or_else(|| UnknownValueType(text.to_owned()))
    }
}

/// A type name or number that `istio.policy.v1beta1.ValueType` does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown value type {0:?}; use one of STRING, INT64, DOUBLE, BOOL, TIMESTAMP, IP_ADDRESS, EMAIL_ADDRESS, URI, DNS_NAME, DURATION, STRING_MAP"
)]
pub struct UnknownValueType(pub String);
