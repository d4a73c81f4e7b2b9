//! Writes the attributes of an item, each name once and not more of them than its API takes.

use std::borrow::Cow;

use mixer_adapter_sdk::value::ValueView;

use crate::attributes::{Changes, Field, Rules};
use crate::json::Object;

/// Names that most items have room for without growing.
const USUAL_NAMES: usize = 32;

/// Attributes that are being written.
pub(crate) struct Attributes<'a, 'o> {
    rules: &'static Rules,
    object: &'o mut Object,
    room: usize,
    changes: &'o mut Changes,
    written: Names<'a>,
}

impl<'a, 'o> Attributes<'a, 'o> {
    /// At most so many.
    pub(crate) fn new(
        rules: &'static Rules,
        object: &'o mut Object,
        room: usize,
        changes: &'o mut Changes,
    ) -> Self {
        Self { rules, object, room, changes, written: Names::default() }
    }

    /// Whether the name is taken.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.written.has(name)
    }

    /// Whether there is room for one more.
    pub(crate) fn has_room(&self) -> bool {
        self.written.all.len() < self.room
    }

    /// What an instance says, in a form that the API takes.
    pub(crate) fn value(&mut self, name: &'a str, value: &ValueView<'a>) {
        // Nearly everything stays as it is.
        if let Some(text) = value.as_str()
            && self.rules.keeps(name, text)
        {
            if self.admits(name) {
                self.object.text(name, text);
                self.written.add(name.into());
            }
            return;
        }
        if let Some((name, field)) = self.rules.attribute(name, value, self.changes) {
            self.add(name, &field);
        }
    }

    /// The same, with a word before the name.
    pub(crate) fn value_of(&mut self, of: &str, name: &'a str, value: &ValueView<'a>) {
        if let Some((name, field)) = self.rules.attribute(name, value, self.changes) {
            let name = self.rules.name(&format!("{of}.{name}")).into_owned();
            self.add(name.into(), &field);
        }
    }

    /// A text under a name of ours, cut where it is too long.
    pub(crate) fn text(&mut self, name: &'static str, text: Cow<'_, str>) {
        let text = self.rules.cut(text, self.changes);
        self.always(name, &Field::Text(text));
    }

    /// The same when the name is not taken and there is room. Nothing is missing without it.
    pub(crate) fn text_unless_told(&mut self, name: &'static str, text: Cow<'_, str>) {
        if !self.has(name) && self.has_room() {
            self.text(name, text);
        }
    }

    /// A text, cut where it is too long for the API.
    pub(crate) fn cut<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        self.rules.cut(text.into(), self.changes)
    }

    /// A field under a name of ours that is not written yet. There is room for all of them.
    pub(crate) fn always(&mut self, name: &'static str, field: &Field<'_>) {
        field.write(name, self.object);
        self.written.add(name.into());
    }

    /// The first one of a name counts.
    pub(crate) fn add(&mut self, name: Cow<'a, str>, field: &Field<'_>) {
        if self.admits(&name) {
            field.write(&name, self.object);
            self.written.add(name);
        }
    }

    /// Whether the name is new and there is room.
    fn admits(&mut self, name: &str) -> bool {
        if self.has(name) {
            return false;
        }
        let admitted = self.has_room();
        self.changes.left_out += u64::from(!admitted);
        admitted
    }
}

/// Names, of which most can be told at a glance to be new.
struct Names<'a> {
    all: Vec<Cow<'a, str>>,
    /// A bit for each mark of a name that is there.
    marks: [u64; 4],
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self { all: Vec::with_capacity(USUAL_NAMES), marks: [0; 4] }
    }
}

impl<'a> Names<'a> {
    fn has(&self, name: &str) -> bool {
        let (word, bit) = mark(name);
        // Different names may have the same mark.
        self.marks[word] & bit != 0 && self.all.iter().any(|known| known == name)
    }

    fn add(&mut self, name: Cow<'a, str>) {
        let (word, bit) = mark(&name);
        self.marks[word] |= bit;
        self.all.push(name);
    }
}

/// One of 256 bits: the number of its word, and the bit there.
fn mark(name: &str) -> (usize, u64) {
    let bytes = name.as_bytes();
    let at = |place: usize| bytes.get(place).copied().unwrap_or_default();
    let mixed = at(0)
        .wrapping_mul(3)
        .wrapping_add(at(bytes.len() / 2).wrapping_mul(31))
        .wrapping_add(at(bytes.len().wrapping_sub(1)).wrapping_mul(127))
        .wrapping_add((bytes.len() as u8).wrapping_mul(7));
    (usize::from(mixed >> 6), 1 << (mixed & 63))
}

#[cfg(test)]
mod tests;
