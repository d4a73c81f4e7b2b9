//! A bag: the attribute values of one request, by slot.
//!
//! Text and bytes are ranges into the received message (which is reference counted, so a bag can outlive the
//! call) or into the bag's own arena. A bag can be updated in place, which is how a delta-encoded batch of
//! reports is read without copying one bag into the next.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Duration, MapView, Slot, SlotKind, SlotSet, Timestamp, Value, Vocabulary};

/// Where text or bytes lie: in the received message or in the bag's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    // The top bit says "arena".
    len: u32,
}

const ARENA: u32 = 1 << 31;

/// Room in the arena for what most requests need, in bytes, taken at once.
const USUAL_ARENA: usize = 512;

impl Span {
    /// No bytes.
    pub const EMPTY: Self = Self { start: 0, len: 0 };

    /// How many bytes.
    pub fn len(self) -> usize {
        (self.len & !ARENA) as usize
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len()
    }
}

/// A range beyond what a span can address (2 GiB of text).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text lies beyond the two gibibytes that a bag can address")]
pub struct SpanOutOfRange;

/// One value as a bag stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cell {
    /// Not there.
    #[default]
    Absent,
    /// Text of any of the four text types.
    Text(Span),
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
    /// `IP_ADDRESS` and other bytes.
    Bytes(Span),
    /// `STRING_MAP`: a range of the bag's entries. Made by [`Bag::set_map`].
    Map {
        /// First entry.
        start: u32,
        /// Number of entries.
        len: u32,
    },
}

/// The attributes of one request.
#[derive(Clone, Debug)]
pub struct Bag {
    vocabulary: Arc<Vocabulary>,
    cells: Vec<Cell>,
    entries: Vec<(Span, Span)>,
    message: Bytes,
    arena: Vec<u8>,
    derived: SlotSet,
    /// Sizes of `arena` and `entries` before the first value that is not the request's.
    own: Option<(usize, usize)>,
}

impl Bag {
    /// An empty bag that owns all its values.
    pub fn new(vocabulary: Arc<Vocabulary>) -> Self {
        Self::over(vocabulary, Bytes::new())
    }

    /// An empty bag whose text may lie in a received message.
    pub fn over(vocabulary: Arc<Vocabulary>, message: Bytes) -> Self {
        Self {
            cells: vec![Cell::Absent; vocabulary.len()],
            derived: SlotSet::default(),
            entries: Vec::new(),
            arena: Vec::new(),
            own: None,
            vocabulary,
            message,
        }
    }

    /// The vocabulary that gives the slots their meaning.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// Forgets every value and keeps the message and the room.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::Absent);
        self.entries.clear();
        self.arena.clear();
        self.derived.clear();
        self.own = None;
    }

    /// The span of a range of the received message.
    ///
    /// # Errors
    /// The range does not lie in the message, or beyond what a span can address.
    pub fn message_span(&self, range: Range<usize>) -> Result<Span, SpanOutOfRange> {
        if range.start > range.end || range.end > self.message.len() {
            return Err(SpanOutOfRange);
        }
        span(range.start, range.end - range.start, 0)
    }

    /// Copies bytes into the bag's arena.
    ///
    /// # Errors
    /// The arena holds as much as a span can address.
    pub fn intern(&mut self, bytes: &[u8]) -> Result<Span, SpanOutOfRange> {
        let span = span(self.arena.len(), bytes.len(), ARENA)?;
        if self.arena.capacity() == 0 {
            self.arena.reserve(USUAL_ARENA);
        }
        self.arena.extend_from_slice(bytes);
        Ok(span)
    }

    /// The bytes of a span of this bag.
    #[inline]
    pub fn bytes(&self, span: Span) -> &[u8] {
        let buffer: &[u8] = if span.len & ARENA == 0 { &self.message } else { &self.arena };
        buffer.get(span.range()).unwrap_or_default()
    }

    /// Sets a slot to anything but a map.
    pub fn set(&mut self, slot: Slot, cell: Cell) {
        if let Some(place) = self.cells.get_mut(slot.index()) {
            *place = cell;
        }
    }

    /// Sets a map attribute and the slots of those of its keys that configuration reads. Of a key given twice
    /// the last value counts, as in protobuf.
    pub fn set_map(&mut self, slot: Slot, entries: impl IntoIterator<Item = (Span, Span)>) {
        let start = self.entries.len();
        self.entries.extend(entries);
        let len = self.entries.len() - start;
        let vocabulary = self.vocabulary.clone();
        if let Some(find) = vocabulary.key_finder(slot) {
            for (_, key_slot) in vocabulary.key_slots(slot) {
                self.set(key_slot, Cell::Absent);
            }
            for index in start..start + len {
                let (key, value) = self.entries[index];
                if let Some(key_slot) = find(self.bytes(key)) {
                    self.set(key_slot, Cell::Text(value));
                }
            }
        }
        self.set(slot, Cell::Map { start: start as u32, len: len as u32 });
    }

    /// Sets text by copying it. Text beyond what a bag can address is cut to nothing.
    pub fn set_text(&mut self, slot: Slot, text: &str) {
        let span = self.intern(text.as_bytes()).unwrap_or(Span::EMPTY);
        self.set(slot, Cell::Text(span));
    }

    /// Sets bytes (an IP address) by copying them.
    pub fn set_bytes(&mut self, slot: Slot, bytes: &[u8]) {
        let span = self.intern(bytes).unwrap_or(Span::EMPTY);
        self.set(slot, Cell::Bytes(span));
    }

    /// Sets a map attribute by copying its entries.
    pub fn set_text_map<'k>(&mut self, slot: Slot, entries: impl IntoIterator<Item = (&'k str, &'k str)>) {
        let spans: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| {
                let key = self.intern(key.as_bytes()).unwrap_or(Span::EMPTY);
                (key, self.intern(value.as_bytes()).unwrap_or(Span::EMPTY))
            })
            .collect();
        self.set_map(slot, spans);
    }

    /// Sets any value by copying it. The value of an output slot lasts until [`Bag::clear_derived`].
    pub fn set_value(&mut self, slot: Slot, value: &Value<'_>) {
        if self.vocabulary.kind(slot) == SlotKind::Output {
            self.derives(slot);
        }
        match value {
            Value::Text(text) => {
                let span = self.intern(text).unwrap_or(Span::EMPTY);
                self.set(slot, Cell::Text(span));
            }
            Value::Bytes(bytes) => self.set_bytes(slot, bytes),
            Value::Int64(v) => self.set(slot, Cell::Int64(*v)),
            Value::Double(v) => self.set(slot, Cell::Double(*v)),
            Value::Bool(v) => self.set(slot, Cell::Bool(*v)),
            Value::Timestamp(v) => self.set(slot, Cell::Timestamp(*v)),
            Value::Duration(v) => self.set(slot, Cell::Duration(*v)),
            Value::StringMap(map) => {
                let spans: Vec<_> = map
                    .iter()
                    .map(|(key, value)| {
                        let key = self.intern(key).unwrap_or(Span::EMPTY);
                        (key, self.intern(value).unwrap_or(Span::EMPTY))
                    })
                    .collect();
                self.set_map(slot, spans);
            }
        }
    }

    /// Sets an attribute that an adapter generated, unless the request carries it: what the caller sent is
    /// never overridden. True when it was set.
    pub fn derive(&mut self, slot: Slot, value: &Value<'_>) -> bool {
        if !matches!(self.cell(slot), Cell::Absent) {
            return false;
        }
        self.derives(slot);
        self.set_value(slot, value);
        true
    }

    fn derives(&mut self, slot: Slot) {
        self.own.get_or_insert((self.arena.len(), self.entries.len()));
        self.derived.insert(slot);
    }

    /// Removes what [`Bag::derive`] set, and outputs of adapters: they belong to one bag of a batch only. All
    /// that was copied into the bag since the first of them goes too, so that a long batch does not grow.
    pub fn clear_derived(&mut self) {
        let derived = std::mem::take(&mut self.derived);
        for slot in derived.iter() {
            self.unset(slot);
        }
        if let Some((arena, entries)) = self.own.take() {
            self.arena.truncate(arena);
            self.entries.truncate(entries);
        }
    }

    /// Makes a slot absent, a map with its keys.
    pub fn unset(&mut self, slot: Slot) {
        if matches!(self.cell(slot), Cell::Map { .. }) {
            let vocabulary = self.vocabulary.clone();
            for (_, key_slot) in vocabulary.key_slots(slot) {
                self.set(key_slot, Cell::Absent);
            }
        }
        self.set(slot, Cell::Absent);
    }

    /// Whether the slot's value does not come from the request: it was generated, or is an adapter's output.
    /// Such values are not part of what a decision read from the request.
    pub fn is_derived(&self, slot: Slot) -> bool {
        match self.vocabulary.kind(slot) {
            SlotKind::Attribute => self.derived.contains(slot),
            SlotKind::MapKey(map) => self.is_derived(map),
            SlotKind::Output => true,
        }
    }

    /// Whether any value of an adapter was set since the last [`Bag::clear_derived`].
    pub fn has_derived(&self) -> bool {
        !self.derived.is_empty()
    }

    /// The stored form of a slot.
    #[inline]
    pub fn cell(&self, slot: Slot) -> Cell {
        self.cells.get(slot.index()).copied().unwrap_or_default()
    }

    /// The value of a slot.
    pub fn get(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match self.cell(slot) {
            Cell::Absent => return None,
            Cell::Text(span) => Value::Text(Cow::Borrowed(self.bytes(span))),
            Cell::Bytes(span) => Value::Bytes(Cow::Borrowed(self.bytes(span))),
            Cell::Int64(v) => Value::Int64(v),
            Cell::Double(v) => Value::Double(v),
            Cell::Bool(v) => Value::Bool(v),
            Cell::Timestamp(v) => Value::Timestamp(v),
            Cell::Duration(v) => Value::Duration(v),
            Cell::Map { start, len } => {
                let range = start as usize..start as usize + len as usize;
                Value::StringMap(MapView::of_bag(self, self.entries.get(range).unwrap_or_default()))
            }
        })
    }

    /// The text of a slot, if it holds text.
    #[inline]
    pub fn text(&self, slot: Slot) -> Option<&[u8]> {
        match self.cell(slot) {
            Cell::Text(span) => Some(self.bytes(span)),
            _ => None,
        }
    }
}

fn span(start: usize, len: usize, arena: u32) -> Result<Span, SpanOutOfRange> {
    match (u32::try_from(start), u32::try_from(len)) {
        (Ok(start), Ok(len)) if len & ARENA == 0 => Ok(Span { start, len: len | arena }),
        _ => Err(SpanOutOfRange),
    }
}
