//! A `map<string, Value>` field: its entries where they stand in the message.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::value::ValueView;
use crate::wire::{Fields, Malformed};

/// Bytes that an entry has at least, as a rule.
const USUAL_ENTRY: usize = 24;

/// The entries of a `map<string, Value>` field of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueMap<'a> {
    number: u32,
    /// From the first entry to the end of the last one.
    span: &'a [u8],
    /// Whether other fields stand between the entries.
    interleaved: bool,
}

impl<'a> ValueMap<'a> {
    /// The map whose entries are these bytes, which [`ValueMap::raw`] or [`ValueMap::to_raw`] gave. The number of
    /// the field is that of the first entry.
    pub fn of_raw(bytes: &'a [u8]) -> Self {
        let first = Fields::new(bytes).next().and_then(Result::ok);
        Self { number: first.map_or(0, |field| field.number), span: bytes, interleaved: false }
    }

    /// The bytes of all entries, tags and lengths included, when nothing else stands between them. Equal bytes
    /// mean equal maps; different bytes may.
    #[inline]
    pub fn raw(&self) -> Option<&'a [u8]> {
        (!self.interleaved).then_some(self.span)
    }

    /// The bytes of all entries, tags and lengths included, copied when other fields stand between them.
    pub fn to_raw(&self) -> Cow<'a, [u8]> {
        if !self.interleaved {
            return Cow::Borrowed(self.span);
        }
        let mut bytes = Vec::with_capacity(self.span.len());
        let mut fields = Fields::new(self.span);
        while let Some((start, field)) = fields.next_from() {
            if field.is_ok_and(|field| field.number == self.number) {
                bytes.extend_from_slice(self.span.get(start..fields.position()).unwrap_or_default());
            }
        }
        Cow::Owned(bytes)
    }

    /// The entries in the order in which they were sent. A key that was sent twice comes twice.
    #[inline]
    pub fn iter(&self) -> ValueEntries<'a> {
        ValueEntries { number: self.number, fields: Fields::new(self.span) }
    }

    /// Whether the entries were sent sorted by key, each key once: whoever does that sends the same bytes for the same
    /// entries. False when one is malformed.
    pub fn is_sorted(&self) -> bool {
        let mut last = None;
        self.iter().all(|entry| {
            let Ok((key, _)) = entry else { return false };
            last.replace(key).is_none_or(|last| last < key)
        })
    }

    /// The entries sorted by key, each key once.
    ///
    /// # Errors
    ///
    /// An entry is malformed.
    pub fn sorted(&self) -> Result<Vec<(&'a str, Option<ValueView<'a>>)>, Malformed> {
        // An entry rarely has less; growing step by step costs more than the walk.
        let mut entries = Vec::with_capacity((self.span.len() / USUAL_ENTRY).min(64));
        for entry in self.iter() {
            entries.push(entry?);
        }
        let by_key = |a: &(&str, _), b: &(&str, _)| a.0.cmp(b.0);
        if entries.is_sorted_by(|a, b| by_key(a, b) == Ordering::Less) {
            return Ok(entries);
        }
        // Of a key that was sent twice the last value counts.
        entries.reverse();
        entries.sort_by(by_key);
        entries.dedup_by_key(|(key, _)| *key);
        Ok(entries)
    }
}

impl<'a> IntoIterator for ValueMap<'a> {
    type Item = Result<(&'a str, Option<ValueView<'a>>), Malformed>;
    type IntoIter = ValueEntries<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Walks the entries of a [`ValueMap`]: the key, and the value when there is one.
#[derive(Clone, Debug)]
pub struct ValueEntries<'a> {
    number: u32,
    fields: Fields<'a>,
}

/// Tags of the two fields of an entry.
const KEY: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;

/// Key and value of an entry as nearly all are written: one after the other, with lengths of one byte and nothing else.
#[inline]
fn usual_entry(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let [KEY, length @ 0..0x80, rest @ ..] = entry else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*length))?;
    let [VALUE, length @ 0..0x80, value @ ..] = rest else { return None };
    (value.len() == usize::from(*length)).then_some((key, value))
}

impl<'a> ValueEntries<'a> {
    #[inline]
    fn entry(entry: &'a [u8]) -> Result<(&'a str, Option<ValueView<'a>>), Malformed> {
        let Some((key, value)) = usual_entry(entry) else { return Self::any_entry(entry) };
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Malformed::NotText(1));
        // Said at once, and not put together from what others say: it is read very often.
        match ValueView::usual_text(value) {
            Some(value) => Ok((text(key)?, Some(ValueView::String(text(value)?)))),
            None => Ok((text(key)?, ValueView::parse(value)?)),
        }
    }

    fn any_entry(entry: &'a [u8]) -> Result<(&'a str, Option<ValueView<'a>>), Malformed> {
        let (mut key, mut value) = ("", None);
        for field in Fields::new(entry) {
            let field = field?;
            match field.number {
                1 => key = field.text()?,
                2 => value = ValueView::parse(field.bytes()?)?,
                _ => {}
            }
        }
        Ok((key, value))
    }
}

impl<'a> Iterator for ValueEntries<'a> {
    type Item = Result<(&'a str, Option<ValueView<'a>>), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // The tag of a larger number has more bytes.
        let tag = u8::try_from(self.number << 3 | 2).ok().filter(|tag| (8..0x80).contains(tag));
        if let Some(entry) = tag.and_then(|tag| self.fields.next_bytes(tag)) {
            return Some(Self::entry(entry));
        }
        loop {
            match self.fields.next()? {
                Ok(field) if field.number == self.number => {
                    return Some(field.bytes().and_then(Self::entry));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Collects a [`ValueMap`] while the message is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct MapSpan {
    number: u32,
    start: usize,
    end: usize,
    interleaved: bool,
}

impl MapSpan {
    pub(super) fn new(number: u32) -> Self {
        Self { number, start: 0, end: 0, interleaved: false }
    }

    /// Takes in an entry that stands from `start` to `end`.
    #[inline]
    pub(super) fn extend(&mut self, start: usize, end: usize) {
        if self.end == 0 {
            self.start = start;
        } else if self.end != start {
            self.interleaved = true;
        }
        self.end = end;
    }

    pub(super) fn of(self, message: &[u8]) -> ValueMap<'_> {
        ValueMap {
            number: self.number,
            span: message.get(self.start..self.end).unwrap_or_default(),
            interleaved: self.interleaved,
        }
    }
}

#[cfg(test)]
mod tests;
