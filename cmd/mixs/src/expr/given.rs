//! Attribute values as JSON: `{"string": …}`, `{"int64": …}` and so on, read without copying text.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use mixer_attribute::{Bag, Cell, Duration, Slot, Timestamp, ValueType};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// One value with its kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Given<'a> {
    String(#[serde(borrow)] Text<'a>),
    Int64(i64),
    Double(Number),
    Bool(bool),
    Timestamp(#[serde(deserialize_with = "timestamp")] Timestamp),
    Ip(#[serde(deserialize_with = "ip")] Vec<u8>),
    Bytes(Vec<u8>),
    DurationNs(i64),
    StringMap(#[serde(borrow)] Entries<'a, Text<'a>>),
    /// `stringmap[key:value …]`, as the original prints a map.
    StringMapObj(#[serde(deserialize_with = "printed_map")] Vec<(String, String)>),
}

/// Text, borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The members of a JSON object, in order.
#[derive(Debug)]
pub(crate) struct Entries<'a, T>(pub(crate) Vec<(Text<'a>, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a, T>(std::marker::PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Members<'a, T> {
            type Value = Entries<'a, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// A double: a number, or the words for what JSON has no numbers for.
#[derive(Debug)]
pub(crate) struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Number(f64),
            Word(#[serde(borrow)] Cow<'a, str>),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Word(word) => match &*word {
                "NaN" => Ok(Self(f64::NAN)),
                "Infinity" => Ok(Self(f64::INFINITY)),
                "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
                other => Err(D::Error::custom(format!("{other:?} is not a double"))),
            },
        }
    }
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Text::deserialize(deserializer)?;
    text.0.parse().map_err(D::Error::custom)
}

/// An address as text, or its bytes.
fn ip<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written<'a> {
        Bytes(Vec<u8>),
        Text(#[serde(borrow)] Cow<'a, str>),
    }
    match Written::deserialize(deserializer)? {
        Written::Bytes(bytes) => Ok(bytes),
        Written::Text(text) => match text.parse() {
            Ok(IpAddr::V4(address)) => Ok(address.octets().to_vec()),
            Ok(IpAddr::V6(address)) => Ok(address.octets().to_vec()),
            Err(_) => Err(D::Error::custom(format!("{text:?} is not an IP address"))),
        },
    }
}

fn printed_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let text = Text::deserialize(deserializer)?;
    let inner = text.0.strip_prefix("stringmap[").and_then(|text| text.strip_suffix(']'));
    let entries = inner.map(|inner| {
        inner
            .split(' ')
            .filter(|entry| !entry.is_empty())
            .map(|entry| entry.split_once(':').map(|(key, value)| (key.to_owned(), value.to_owned())))
    });
    entries
        .and_then(Iterator::collect)
        .ok_or_else(|| D::Error::custom(format!("{:?} is not of the form stringmap[key:value …]", text.0)))
}

impl Given<'_> {
    /// The type of an attribute with this value when nothing declares it.
    pub(crate) fn value_type(&self) -> ValueType {
        match self {
            Self::String(_) => ValueType::String,
            Self::Int64(_) => ValueType::Int64,
            Self::Double(_) => ValueType::Double,
            Self::Bool(_) => ValueType::Bool,
            Self::Timestamp(_) => ValueType::Timestamp,
            Self::Ip(_) | Self::Bytes(_) => ValueType::IpAddress,
            Self::DurationNs(_) => ValueType::Duration,
            Self::StringMap(_) | Self::StringMapObj(_) => ValueType::StringMap,
        }
    }

    /// Puts the value into a bag.
    pub(crate) fn set(&self, bag: &mut Bag, slot: Slot) {
        match self {
            Self::String(text) => bag.set_text(slot, &text.0),
            Self::Int64(v) => bag.set(slot, Cell::Int64(*v)),
            Self::Double(v) => bag.set(slot, Cell::Double(v.0)),
            Self::Bool(v) => bag.set(slot, Cell::Bool(*v)),
            Self::Timestamp(v) => bag.set(slot, Cell::Timestamp(*v)),
            Self::Ip(bytes) | Self::Bytes(bytes) => bag.set_bytes(slot, bytes),
            Self::DurationNs(v) => bag.set(slot, Cell::Duration(Duration::from_nanos(*v))),
            Self::StringMap(entries) => {
                bag.set_text_map(slot, entries.0.iter().map(|(key, value)| (&*key.0, &*value.0)));
            }
            Self::StringMapObj(entries) => {
                bag.set_text_map(slot, entries.iter().map(|(key, value)| (&**key, &**value)));
            }
        }
    }
}
