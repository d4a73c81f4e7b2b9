//! The vocabulary: attribute names and statically used map keys as dense slots.
//!
//! It belongs to one configuration snapshot. Expressions read slots and never hash a name; decoders fill slots
//! and hash each name once.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::ValueType;

/// The position of an attribute, of one key of a map attribute, or of an adapter's output field in a bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index into the cells of a bag.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a slot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// An attribute of the manifests, sent by proxies or made by attribute generators.
    Attribute,
    /// One key of the string map in the other slot.
    MapKey(Slot),
    /// A field of an adapter's output; never sent by a proxy, never part of what was read from the request.
    Output,
}

#[derive(Clone, Debug)]
struct Entry {
    name: Arc<str>,
    value_type: ValueType,
    kind: SlotKind,
}

type Index = HashMap<Arc<str>, Slot, foldhash::fast::RandomState>;

/// The keys of one map that have slots.
#[derive(Debug, Default)]
struct Keys {
    slots: Index,
    /// Bytes of the longest key: a longer one need not be looked at.
    longest: usize,
}

/// All slots of a snapshot. Immutable; shared by every bag and program of the snapshot.
#[derive(Debug, Default)]
pub struct Vocabulary {
    entries: Vec<Entry>,
    attributes: Index,
    keys: HashMap<Slot, Keys, foldhash::fast::RandomState>,
}

impl Vocabulary {
    /// How many slots a bag of this vocabulary has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no slot.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The slot of an attribute.
    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.attributes.get(name).copied()
    }

    /// The slot of a key that configuration reads from a map attribute.
    pub fn key_slot(&self, map: Slot, key: &str) -> Option<Slot> {
        self.keys.get(&map)?.slots.get(key).copied()
    }

    /// The keys of a map attribute that have a slot.
    pub fn key_slots(&self, map: Slot) -> impl Iterator<Item = (&str, Slot)> {
        self.keys.get(&map).into_iter().flat_map(|keys| &keys.slots).map(|(key, slot)| (&**key, *slot))
    }

    /// Finds the slots of many keys of one map; `None` when no key of it has a slot. The time for one key does
    /// not depend on how long a sender made it.
    pub(crate) fn key_finder(&self, map: Slot) -> Option<impl Fn(&[u8]) -> Option<Slot>> {
        let keys = self.keys.get(&map)?;
        Some(move |key: &[u8]| {
            if key.len() > keys.longest {
                return None;
            }
            keys.slots.get(std::str::from_utf8(key).ok()?).copied()
        })
    }

    /// The name of an attribute or output field, or the key of a map key slot.
    pub fn name(&self, slot: Slot) -> &str {
        self.entries.get(slot.index()).map_or("", |entry| &entry.name)
    }

    /// The declared type; `STRING` for a map key.
    pub fn value_type(&self, slot: Slot) -> ValueType {
        self.entries.get(slot.index()).map_or(ValueType::Unspecified, |entry| entry.value_type)
    }

    /// What the slot stands for.
    pub fn kind(&self, slot: Slot) -> SlotKind {
        self.entries.get(slot.index()).map_or(SlotKind::Output, |entry| entry.kind)
    }

    /// The attributes (no map keys, no outputs) with their types, by name.
    pub fn attributes(&self) -> BTreeMap<&str, (Slot, ValueType)> {
        self.attributes.iter().map(|(name, slot)| (&**name, (*slot, self.value_type(*slot)))).collect()
    }
}

/// The same attribute declared with two types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {name} is declared as {first} and as {second}; the first declaration is used")]
pub struct Conflict {
    /// The attribute.
    pub name: String,
    /// The type that stays.
    pub first: ValueType,
    /// The type that was refused.
    pub second: ValueType,
}

/// Collects slots while configuration is compiled.
#[derive(Debug, Default)]
pub struct VocabularyBuilder(Vocabulary);

impl VocabularyBuilder {
    /// An empty vocabulary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an attribute, or finds the one declared before.
    ///
    /// # Errors
    /// It was declared with another type, which stays.
    pub fn attribute(&mut self, name: &str, value_type: ValueType) -> Result<Slot, Conflict> {
        if let Some(slot) = self.0.slot(name) {
            let first = self.0.value_type(slot);
            if first == value_type {
                return Ok(slot);
            }
            return Err(Conflict { name: name.to_owned(), first, second: value_type });
        }
        let name: Arc<str> = name.into();
        let slot = self.push(Entry { name: name.clone(), value_type, kind: SlotKind::Attribute });
        self.0.attributes.insert(name, slot);
        Ok(slot)
    }

    /// The slot of one key of a map attribute.
    pub fn map_key(&mut self, map: Slot, key: &str) -> Slot {
        if let Some(slot) = self.0.key_slot(map, key) {
            return slot;
        }
        let name: Arc<str> = key.into();
        let entry = Entry { name: name.clone(), value_type: ValueType::String, kind: SlotKind::MapKey(map) };
        let slot = self.push(entry);
        let keys = self.0.keys.entry(map).or_default();
        keys.longest = keys.longest.max(key.len());
        keys.slots.insert(name, slot);
        slot
    }

    /// A new slot for an adapter's output field. The name is for messages only: the caller keeps the slot in
    /// the scope in which expressions may use it.
    pub fn output(&mut self, name: &str, value_type: ValueType) -> Slot {
        self.push(Entry { name: name.into(), value_type, kind: SlotKind::Output })
    }

    /// What has been declared so far.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }

    /// No more slots: the vocabulary that bags are made of.
    pub fn finish(self) -> Arc<Vocabulary> {
        Arc::new(self.0)
    }

    fn push(&mut self, entry: Entry) -> Slot {
        let slot = Slot::new(u32::try_from(self.0.entries.len()).unwrap_or(u32::MAX));
        self.0.entries.push(entry);
        slot
    }
}
