//! The record of what a decision read: the caller's cache key.

use crate::{Bag, Slot, SlotKind, SlotSet};

/// Whether what was looked for was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Not there: the decision holds while it stays absent.
    Absent,
    /// There: the decision holds for the same value.
    Exact,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference<'a> {
    /// The attribute.
    pub attribute: &'a str,
    /// The map key, when one key was looked at and the map was there.
    pub key: Option<&'a [u8]>,
    /// Whether it was there.
    pub presence: Presence,
}

/// What was looked at: slots as bits, and keys computed at run time in an overflow list.
#[derive(Clone, Debug, Default)]
pub struct Referenced {
    slots: SlotSet,
    maps: SlotSet,
    whole_maps: SlotSet,
    dynamic: Vec<(Slot, Box<[u8]>)>,
}

impl Referenced {
    /// Nothing looked at yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing looked at yet, with room for slots below `slots`: recording a slot then never allocates.
    pub fn with_capacity(slots: usize) -> Self {
        Self { slots: SlotSet::with_capacity(slots), ..Self::default() }
    }

    /// Records a look at an attribute, or at a map key that has a slot of its own.
    #[inline]
    pub fn read(&mut self, slot: Slot) {
        self.slots.insert(slot);
    }

    /// Records that a map was looked for and that only single keys of it matter, which are recorded on their
    /// own: the caller compares the map itself only when it was absent.
    #[inline]
    pub fn read_map(&mut self, map: Slot) {
        self.maps.insert(map);
    }

    /// Records the use of a map as a whole.
    #[inline]
    pub fn read_whole_map(&mut self, map: Slot) {
        self.whole_maps.insert(map);
    }

    /// Records a look at a key without a slot.
    pub fn read_key(&mut self, map: Slot, key: &[u8]) {
        if !self.dynamic.iter().any(|(m, k)| *m == map && &**k == key) {
            self.dynamic.push((map, key.into()));
        }
    }

    /// Adds everything that the other record has.
    pub fn merge(&mut self, other: &Self) {
        self.slots.union_with(&other.slots);
        self.maps.union_with(&other.maps);
        self.whole_maps.union_with(&other.whole_maps);
        for (map, key) in &other.dynamic {
            self.read_key(*map, key);
        }
    }

    /// Forgets everything and keeps the room.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.maps.clear();
        self.whole_maps.clear();
        self.dynamic.clear();
    }

    /// What the caller must compare, each once, sorted: attributes by name, a map by the keys that were looked
    /// at while it was there, by its name alone when it was absent or used as a whole. Generated attributes and
    /// adapter outputs are left out: they are not the caller's.
    pub fn resolve<'a>(&'a self, bag: &'a Bag) -> Vec<Reference<'a>> {
        self.collect(bag, false)
    }

    /// Every look, each once, sorted: as [`Referenced::resolve`], and a map that was there is listed by its name
    /// too when only keys of it were looked at. The view of tools that explain an expression.
    pub fn lookups<'a>(&'a self, bag: &'a Bag) -> Vec<Reference<'a>> {
        self.collect(bag, true)
    }

    fn collect<'a>(&'a self, bag: &'a Bag, name_maps: bool) -> Vec<Reference<'a>> {
        let vocabulary = bag.vocabulary();
        let mut references = Vec::new();
        let mut add = |attribute: Slot, key: Option<&'a [u8]>, present: bool| {
            let presence = if present { Presence::Exact } else { Presence::Absent };
            let attribute = vocabulary.name(attribute);
            if key.is_some() && name_maps {
                references.push(Reference { attribute, key: None, presence: Presence::Exact });
            }
            references.push(Reference { attribute, key, presence });
        };
        let present = |slot: Slot| bag.get(slot).is_some();
        for slot in self.slots.iter().filter(|slot| !bag.is_derived(*slot)) {
            match vocabulary.kind(slot) {
                SlotKind::MapKey(map) if present(map) => {
                    add(map, Some(vocabulary.name(slot).as_bytes()), present(slot));
                }
                SlotKind::MapKey(map) => add(map, None, false),
                SlotKind::Attribute => add(slot, None, present(slot)),
                SlotKind::Output => {}
            }
        }
        for map in self.whole_maps.iter().filter(|slot| !bag.is_derived(*slot)) {
            add(map, None, present(map));
        }
        for map in self.maps.iter().filter(|slot| !bag.is_derived(*slot)) {
            if name_maps || !present(map) {
                add(map, None, present(map));
            }
        }
        for (map, key) in self.dynamic.iter().filter(|(slot, _)| !bag.is_derived(*slot)) {
            match bag.get(*map) {
                Some(crate::Value::StringMap(view)) => add(*map, Some(key), view.get(key).is_some()),
                _ => add(*map, None, false),
            }
        }
        references.sort();
        references.dedup();
        references
    }
}
