//! Attribute values of golden cases, in the form of `mixs expr batch`: `{string: …}`, `{int64: …}` and so on; a type
//! without a value is `{absent: INT64}`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use mixer_attribute::{Bag, Cell, Duration, Slot, Timestamp, ValueType};
use serde::Deserialize;

/// One attribute.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Given {
    String(String),
    Int64(i64),
    Double(f64),
    Bool(bool),
    /// RFC 3339.
    Timestamp(String),
    Ip(IpAddr),
    /// As Go writes it, such as `1m30s`.
    Duration(String),
    StringMap(BTreeMap<String, String>),
    /// A type without a value: the bag does not have the attribute.
    Absent(String),
}

impl Given {
    pub(super) fn value_type(&self) -> Result<ValueType, String> {
        Ok(match self {
            Self::String(_) => ValueType::String,
            Self::Int64(_) => ValueType::Int64,
            Self::Double(_) => ValueType::Double,
            Self::Bool(_) => ValueType::Bool,
            Self::Timestamp(_) => ValueType::Timestamp,
            Self::Ip(_) => ValueType::IpAddress,
            Self::Duration(_) => ValueType::Duration,
            Self::StringMap(_) => ValueType::StringMap,
            Self::Absent(name) => name.parse().map_err(|_| format!("{name:?} is not a value type"))?,
        })
    }

    pub(super) fn set(&self, bag: &mut Bag, slot: Slot) -> Result<(), String> {
        match self {
            Self::String(text) => bag.set_text(slot, text),
            Self::Int64(v) => bag.set(slot, Cell::Int64(*v)),
            Self::Double(v) => bag.set(slot, Cell::Double(*v)),
            Self::Bool(v) => bag.set(slot, Cell::Bool(*v)),
            Self::Timestamp(text) => {
                let time: Timestamp = text.parse().map_err(|error| format!("{error}"))?;
                bag.set(slot, Cell::Timestamp(time));
            }
            Self::Ip(IpAddr::V4(address)) => bag.set_bytes(slot, &address.octets()),
            Self::Ip(IpAddr::V6(address)) => bag.set_bytes(slot, &address.octets()),
            Self::Duration(text) => {
                let duration: Duration = text.parse().map_err(|error| format!("{error}"))?;
                bag.set(slot, Cell::Duration(duration));
            }
            Self::StringMap(entries) => {
                bag.set_text_map(slot, entries.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            }
            Self::Absent(_) => {}
        }
        Ok(())
    }
}
