//! One `CompressedAttributes` onto a bag.
//!
//! Two passes over the fields: the words may stand behind the attributes that use them. Strings are not
//! copied, and names are hashed once per word list.

use std::ops::Range;

use hashbrown::HashSet;
use mixer_attribute::{Bag, Cell, Duration, Slot, SlotSet, Span, Timestamp};
use mixer_proto::GLOBAL_WORDS;

use crate::codec::{Codec, Compat};
use crate::error::{BagError, IndexUse, Malformed, WireType};
use crate::reader::{Reader, zigzag};
use crate::request::short;
use crate::words::{GlobalTexts, Name, Words};

/// Room that one bag after the other uses.
#[derive(Debug, Default)]
pub(crate) struct Scratch<'m> {
    words: Words<'m>,
    seen: SlotSet,
    pairs: Vec<(i32, i32)>,
    spans: Vec<(Span, Span)>,
    globals: GlobalTexts,
}

/// What it takes to read one bag.
pub(crate) struct Element<'a, 'm> {
    pub(crate) codec: &'a Codec,
    /// The received message; the same as that of the bag.
    pub(crate) message: &'m [u8],
    pub(crate) bag: &'a mut Bag,
    /// The words of an element without words of its own.
    pub(crate) shared: &'a mut Words<'m>,
    pub(crate) scratch: &'a mut Scratch<'m>,
    /// Whether the bag holds what earlier elements said.
    pub(crate) update: bool,
}

impl Element<'_, '_> {
    /// Reads the element in this range of the message.
    pub(crate) fn decode(&mut self, range: Range<usize>) -> Result<(), BagError> {
        let Scratch { words, seen, pairs, spans, globals } = self.scratch;
        words.clear();
        seen.clear();
        if !self.update {
            globals.clear();
        }
        let lenient = self.codec.compat() == Compat::Istio13 && !self.update;
        collect_words(words, Reader::new(self.message, range.clone(), "CompressedAttributes"))?;
        words.look_at_all(self.message);
        let own_words = !words.is_empty();
        if own_words && lenient {
            words.hide_globals(self.message);
        }
        let mut attributes = Attributes {
            codec: self.codec,
            message: self.message,
            bag: self.bag,
            words: if own_words { words } else { self.shared },
            seen,
            seen_unknown: HashSet::default(),
            pairs,
            spans,
            globals,
            lenient,
        };
        attributes.read(Reader::new(self.message, range, "CompressedAttributes"))
    }
}

/// The first pass: where the words lie. What is malformed in other fields shows here already, unless it is
/// inside of them.
fn collect_words(words: &mut Words<'_>, mut reader: Reader<'_>) -> Result<(), Malformed> {
    while !reader.is_empty() {
        let tag = reader.tag()?;
        if tag.number == 1 {
            reader.require(tag, WireType::Length)?;
            words.push(short(reader.chunk()?));
        } else {
            reader.skip(tag)?;
        }
    }
    Ok(())
}

/// The second pass.
struct Attributes<'a, 'm> {
    codec: &'a Codec,
    message: &'m [u8],
    bag: &'a mut Bag,
    words: &'a mut Words<'m>,
    seen: &'a mut SlotSet,
    /// Numbers of names that the vocabulary does not have, to find one given twice.
    seen_unknown: HashSet<u32, foldhash::fast::RandomState>,
    pairs: &'a mut Vec<(i32, i32)>,
    spans: &'a mut Vec<(Span, Span)>,
    globals: &'a mut GlobalTexts,
    /// As the original reads a bag that is not an update: by name, so that what cannot be found is not there.
    lenient: bool,
}

impl<'m> Attributes<'_, 'm> {
    fn read(&mut self, mut reader: Reader<'m>) -> Result<(), BagError> {
        while !reader.is_empty() {
            let tag = reader.tag()?;
            let (2..=9) = tag.number else {
                reader.skip(tag)?;
                continue;
            };
            reader.require(tag, WireType::Length)?;
            let entry = reader.nested()?;
            match tag.number {
                2 => self.string(entry)?,
                3 => self.int64(entry)?,
                4 => self.double(entry)?,
                5 => self.bool(entry)?,
                6 => self.timestamp(entry)?,
                7 => self.duration(entry)?,
                8 => self.bytes(entry)?,
                _ => self.string_map(entry)?,
            }
        }
        Ok(())
    }

    fn string(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.strings";
        let (key, value) = read_pair(entry, FIELD)?;
        let slot = self.slot(key, FIELD)?;
        match slot {
            Some(slot) => match self.text(value)? {
                Some(span) => self.set(slot, Cell::Text(span)),
                None if self.lenient => {}
                None => return Err(self.undefined(key, IndexUse::Value, value)),
            },
            None if self.lenient || self.is_defined(value) => {}
            None => return Err(self.undefined(key, IndexUse::Value, value)),
        }
        Ok(())
    }

    fn int64(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.int64s";
        let (key, value) = read_entry(entry, FIELD, WireType::Varint, |reader, value: &mut i64| {
            *value = reader.varint()?.cast_signed();
            Ok(())
        })?;
        self.set_name(key, FIELD, Cell::Int64(value))
    }

    fn double(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.doubles";
        let (key, value) = read_entry(entry, FIELD, WireType::Fixed64, |reader, value: &mut f64| {
            *value = f64::from_bits(reader.fixed64()?);
            Ok(())
        })?;
        self.set_name(key, FIELD, Cell::Double(value))
    }

    fn bool(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.bools";
        let (key, value) = read_entry(entry, FIELD, WireType::Varint, |reader, value: &mut bool| {
            *value = reader.varint()? != 0;
            Ok(())
        })?;
        self.set_name(key, FIELD, Cell::Bool(value))
    }

    fn timestamp(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.timestamps";
        let (key, (seconds, nanos)) = read_entry(entry, FIELD, WireType::Length, read_time)?;
        // 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z
        let valid =
            (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
        match Timestamp::from_proto(seconds, nanos).filter(|_| valid) {
            Some(timestamp) => self.set_name(key, FIELD, Cell::Timestamp(timestamp)),
            None => {
                self.slot(key, FIELD)?;
                Err(BagError::Timestamp { attribute: self.name(key), seconds, nanos })
            }
        }
    }

    fn duration(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.durations";
        let (key, (seconds, nanos)) = read_entry(entry, FIELD, WireType::Length, read_time)?;
        let same_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
        let valid = same_sign && nanos.unsigned_abs() < 1_000_000_000;
        match Duration::from_proto(seconds, nanos).filter(|_| valid) {
            Some(duration) => self.set_name(key, FIELD, Cell::Duration(duration)),
            None => {
                self.slot(key, FIELD)?;
                Err(BagError::Duration { attribute: self.name(key), seconds, nanos })
            }
        }
    }

    fn bytes(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.bytes";
        let (key, value) = read_entry(entry, FIELD, WireType::Length, |reader, value: &mut Range<usize>| {
            *value = reader.chunk()?;
            Ok(())
        })?;
        let span = self.bag.message_span(value)?;
        self.set_name(key, FIELD, Cell::Bytes(span))
    }

    fn string_map(&mut self, entry: Reader<'m>) -> Result<(), BagError> {
        const FIELD: &str = "CompressedAttributes.string_maps";
        self.pairs.clear();
        let pairs = &mut *self.pairs;
        let (key, ()) =
            read_entry(entry, FIELD, WireType::Length, |reader, (): &mut ()| read_pairs(reader, pairs))?;
        let slot = self.slot(key, FIELD)?;
        let Some(slot) = slot else {
            let undefined = |index: &i32| !self.is_defined(*index);
            let bad = |(k, v): &(i32, i32)| {
                let bad_key = Some((IndexUse::MapKey, *k)).filter(|(_, index)| undefined(index));
                bad_key.or(Some((IndexUse::MapValue, *v)).filter(|(_, index)| undefined(index)))
            };
            return match self.pairs.iter().find_map(bad) {
                Some((usage, index)) if !self.lenient => Err(self.undefined(key, usage, index)),
                _ => Ok(()),
            };
        };
        self.spans.clear();
        for index in 0..self.pairs.len() {
            let (map_key, map_value) = self.pairs[index];
            match (self.text(map_key)?, self.text(map_value)?) {
                (Some(map_key), Some(map_value)) => self.spans.push((map_key, map_value)),
                _ if self.lenient => return Ok(()),
                (None, _) => return Err(self.undefined(key, IndexUse::MapKey, map_key)),
                (_, None) => return Err(self.undefined(key, IndexUse::MapValue, map_value)),
            }
        }
        self.bag.set_map(slot, self.spans.drain(..));
        Ok(())
    }

    fn set_name(&mut self, key: i32, field: &'static str, cell: Cell) -> Result<(), BagError> {
        if let Some(slot) = self.slot(key, field)? {
            self.set(slot, cell);
        }
        Ok(())
    }

    fn set(&mut self, slot: Slot, cell: Cell) {
        if let Cell::Map { .. } = self.bag.cell(slot) {
            // An update turns a map into something else: its keys go with it.
            self.bag.set_map(slot, std::iter::empty());
        }
        self.bag.set(slot, cell);
    }

    /// The slot of an attribute given by index, or none when its value is not wanted: the vocabulary does not
    /// have the name, or it is hidden.
    #[inline]
    fn slot(&mut self, index: i32, field: &'static str) -> Result<Option<Slot>, BagError> {
        let name = match usize::try_from(index) {
            Ok(global) if self.lenient && self.words.hides(global) => return Ok(None),
            Ok(global) => self.codec.global_name(global),
            Err(_) => self.words.name(word(index), self.message, self.codec.vocabulary()),
        };
        let (slot, new) = match name {
            Some(Name::Known(slot)) => (Some(slot), self.seen.insert(slot)),
            Some(Name::Unknown(number)) => (None, self.seen_unknown.insert(number)),
            None if self.lenient => return Ok(None),
            None => return Err(self.undefined_name(index)),
        };
        if new { Ok(slot) } else { Err(BagError::Duplicate { attribute: self.name(index), field }) }
    }

    /// The text of an index; `None` when no list has it.
    #[inline]
    fn text(&mut self, index: i32) -> Result<Option<Span>, BagError> {
        match usize::try_from(index) {
            Ok(global) => Ok(self.globals.span(global, self.bag).transpose()?),
            Err(_) => Ok(self.words.span(word(index), self.message, self.bag).transpose()?),
        }
    }

    fn is_defined(&self, index: i32) -> bool {
        match usize::try_from(index) {
            Ok(global) => global < GLOBAL_WORDS.len(),
            Err(_) => word(index) < self.words.len(),
        }
    }

    /// The name of an attribute for an error, at most so many bytes of it.
    #[cold]
    fn name(&self, index: i32) -> String {
        const MOST: usize = 128;
        let name = match usize::try_from(index) {
            Ok(global) => GLOBAL_WORDS.get(global).map(|word| word.as_bytes()),
            Err(_) => self.words.bytes(word(index), self.message),
        };
        let name = name.unwrap_or_default();
        match name.get(..MOST) {
            Some(start) => format!("{}…", String::from_utf8_lossy(start)),
            None => String::from_utf8_lossy(name).into_owned(),
        }
    }

    #[cold]
    fn undefined_name(&self, index: i32) -> BagError {
        BagError::NameIndex { index, global: GLOBAL_WORDS.len(), words: self.words.len() }
    }

    #[cold]
    fn undefined(&self, attribute: i32, usage: IndexUse, index: i32) -> BagError {
        let attribute = self.name(attribute);
        BagError::TextIndex { attribute, usage, index, global: GLOBAL_WORDS.len(), words: self.words.len() }
    }
}

/// The place in a word list that a negative index stands for: -1 is the first word.
fn word(index: i32) -> usize {
    usize::try_from(!index).unwrap_or(usize::MAX)
}

/// One entry of a protobuf map with `sint32` keys. Key and value may be missing (then they are 0 or empty),
/// come in any order and, in odd encodings, several times.
#[inline]
fn read_entry<'m, V: Default>(
    mut entry: Reader<'m>,
    field: &'static str,
    wire: WireType,
    mut read_value: impl FnMut(&mut Reader<'m>, &mut V) -> Result<(), Malformed>,
) -> Result<(i32, V), Malformed> {
    entry.expect(field);
    let (mut key, mut value) = (0, V::default());
    while !entry.is_empty() {
        let tag = entry.tag()?;
        match tag.number {
            1 => {
                entry.require(tag, WireType::Varint)?;
                key = entry.sint32()?;
            }
            2 => {
                entry.require(tag, wire)?;
                read_value(&mut entry, &mut value)?;
            }
            _ => entry.skip(tag)?,
        }
    }
    Ok((key, value))
}

/// `google.protobuf.Timestamp` and `google.protobuf.Duration` have the same fields.
fn read_time(reader: &mut Reader<'_>, (seconds, nanos): &mut (i64, i32)) -> Result<(), Malformed> {
    let mut time = reader.nested()?;
    while !time.is_empty() {
        let tag = time.tag()?;
        match tag.number {
            1 => {
                time.require(tag, WireType::Varint)?;
                *seconds = time.varint()?.cast_signed();
            }
            2 => {
                time.require(tag, WireType::Varint)?;
                *nanos = time.varint()? as i32;
            }
            _ => time.skip(tag)?,
        }
    }
    Ok(())
}

/// `istio.mixer.v1.StringMap`.
fn read_pairs(reader: &mut Reader<'_>, pairs: &mut Vec<(i32, i32)>) -> Result<(), Malformed> {
    let mut map = reader.nested()?;
    while !map.is_empty() {
        let tag = map.tag()?;
        if tag.number != 1 {
            map.skip(tag)?;
            continue;
        }
        map.require(tag, WireType::Length)?;
        pairs.push(read_pair(map.nested()?, "CompressedAttributes.string_maps")?);
    }
    Ok(())
}

/// An entry of a map from index to index.
#[inline]
fn read_pair(entry: Reader<'_>, field: &'static str) -> Result<(i32, i32), Malformed> {
    // The form that every encoder chooses, with indices below 64: most entries of most bags.
    if let [0x08, key @ ..0x80, 0x10, value @ ..0x80] = entry.rest() {
        return Ok((zigzag(u32::from(*key)), zigzag(u32::from(*value))));
    }
    read_entry(entry, field, WireType::Varint, |reader, value: &mut i32| {
        *value = reader.sint32()?;
        Ok(())
    })
}
