//! What a program may refer to: attributes and the keys of map attributes.

use mixer_attribute::{Slot, ValueType, VocabularyBuilder};

/// The names that an expression may use.
pub trait Scope {
    /// The slot and type of an attribute; `None` when there is none of that name.
    fn attribute(&self, name: &str) -> Option<(Slot, ValueType)>;

    /// The slot of one key of a map attribute, made when it is new.
    fn map_key(&mut self, map: Slot, key: &str) -> Slot;

    /// The name that was probably meant by an unknown one, for the message.
    fn suggest(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

impl Scope for VocabularyBuilder {
    fn attribute(&self, name: &str) -> Option<(Slot, ValueType)> {
        let slot = self.vocabulary().slot(name)?;
        Some((slot, self.vocabulary().value_type(slot)))
    }

    fn map_key(&mut self, map: Slot, key: &str) -> Slot {
        Self::map_key(self, map, key)
    }

    fn suggest(&self, name: &str) -> Option<String> {
        nearest(name, self.vocabulary().attributes().into_keys())
    }
}

/// The candidate with the fewest edits, when they are few for the length of the name.
pub(crate) fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<String> {
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let most = (name.len() / 4).min(3);
    candidates
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= most)
        .map(|candidate| (edits(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(edits, _)| *edits <= most)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Levenshtein distance.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
