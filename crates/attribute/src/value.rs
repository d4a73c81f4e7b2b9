//! Values as expressions and encoders see them: borrowed from a bag wherever possible.

use std::borrow::Cow;

use crate::bag::{Bag, Span};
use crate::{Duration, Timestamp};

/// One value. Text is UTF-8 by construction but is handled as bytes, so that reading a bag costs no
/// validation; the static type tells text (`STRING`, `URI` …) apart from an IP address.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `STRING`, `EMAIL_ADDRESS`, `URI`, `DNS_NAME`.
    Text(Cow<'a, [u8]>),
    /// `INT64`.
    Int64(i64),
    /// `DOUBLE`.
    Double(f64),
    /// `BOOL`.
    Bool(bool),
    /// `TIMESTAMP`.
    Timestamp(Timestamp),
    /// `DURATION`.
    Duration(Duration),
    /// `IP_ADDRESS`: as many bytes as were sent, 4 or 16 when it is an address.
    Bytes(Cow<'a, [u8]>),
    /// `STRING_MAP`.
    StringMap(MapView<'a>),
}

impl<'a> Value<'a> {
    /// Borrowed text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }

    /// The same value, borrowing text and bytes from this one. Only a map that owns its entries is copied.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::Int64(v) => Value::Int64(*v),
            Self::Double(v) => Value::Double(*v),
            Self::Bool(v) => Value::Bool(*v),
            Self::Timestamp(v) => Value::Timestamp(*v),
            Self::Duration(v) => Value::Duration(*v),
            Self::StringMap(map) => Value::StringMap(map.clone()),
        }
    }

    /// The same value without borrows; a map view becomes a copy of its entries.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Int64(v) => Value::Int64(v),
            Self::Double(v) => Value::Double(v),
            Self::Bool(v) => Value::Bool(v),
            Self::Timestamp(v) => Value::Timestamp(v),
            Self::Duration(v) => Value::Duration(v),
            Self::StringMap(map) => Value::StringMap(map.into_owned()),
        }
    }
}

impl PartialEq for Value<'_> {
    /// Same kind and same content: bytes of text and addresses, bits of doubles (so NaN equals itself), the
    /// entries of maps in any order, of a key given twice the last one. The equality of the *language* is the
    /// expression package's business.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits() || a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::StringMap(a), Self::StringMap(b)) => a.sorted() == b.sorted(),
            _ => false,
        }
    }
}

/// A string map: entries of a bag, or entries of its own.
#[derive(Clone, Debug)]
pub struct MapView<'a>(Entries<'a>);

#[derive(Clone, Debug)]
enum Entries<'a> {
    Bag(&'a Bag, &'a [(Span, Span)]),
    Owned(Vec<(Vec<u8>, Vec<u8>)>),
}

impl<'a> MapView<'a> {
    pub(crate) fn of_bag(bag: &'a Bag, entries: &'a [(Span, Span)]) -> Self {
        Self(Entries::Bag(bag, entries))
    }

    /// A map without entries.
    pub fn empty() -> Self {
        Self(Entries::Owned(Vec::new()))
    }

    /// A map of its own entries.
    pub fn owned(entries: Vec<(Vec<u8>, Vec<u8>)>) -> MapView<'static> {
        MapView(Entries::Owned(entries))
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        match &self.0 {
            Entries::Bag(_, entries) => entries.len(),
            Entries::Owned(entries) => entries.len(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Key and value of entry `index`; both empty past the end.
    pub fn entry(&self, index: usize) -> (&[u8], &[u8]) {
        match &self.0 {
            Entries::Bag(bag, entries) => {
                entries.get(index).map_or((&[], &[]), |(k, v)| (bag.bytes(*k), bag.bytes(*v)))
            }
            Entries::Owned(entries) => entries.get(index).map_or((&[], &[]), |(k, v)| (k, v)),
        }
    }

    /// The entries in the order in which they were sent.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + '_ {
        (0..self.len()).map(|index| self.entry(index))
    }

    /// The value of a key; of a key sent twice the last value, as in protobuf.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.iter().rfind(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// The value of a key, for as long as the bag lives when the map is a bag's.
    pub fn get_cow(&self, key: &[u8]) -> Option<Cow<'a, [u8]>> {
        match &self.0 {
            Entries::Bag(bag, entries) => {
                let bag: &'a Bag = bag;
                let (_, value) = entries.iter().rfind(|(k, _)| bag.bytes(*k) == key)?;
                Some(Cow::Borrowed(bag.bytes(*value)))
            }
            Entries::Owned(entries) => {
                entries.iter().rfind(|(k, _)| k == key).map(|(_, v)| Cow::Owned(v.clone()))
            }
        }
    }

    /// The entries sorted by key, each key once: of a key sent twice the last value, as in [`MapView::get`].
    pub fn sorted(&self) -> Vec<(&[u8], &[u8])> {
        let mut entries: Vec<_> = self.iter().rev().collect();
        // The sort is stable, so that the last entry of a key comes first and stays.
        entries.sort_by_key(|(key, _)| *key);
        entries.dedup_by_key(|(key, _)| *key);
        entries
    }

    fn into_owned(self) -> MapView<'static> {
        MapView::owned(self.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect())
    }
}
