//! Referenced attributes: what a decision read, for the caller's cache, in words that the caller knows.

use std::borrow::Cow;

use mixer_attribute::{Bag, Presence, Reference, Referenced, Value};
use mixer_proto::GLOBAL_WORDS;
use mixer_proto::mixer::v1::ReferencedAttributes;
use mixer_proto::mixer::v1::referenced_attributes::{AttributeMatch, Condition};

use crate::codec::{Codec, Compat};
use crate::dictionary::Dictionary;

impl Codec {
    /// What a decision on this bag read, as `istio.mixer.v1.ReferencedAttributes`. Words are global only
    /// below `global_word_count`, the number that the caller sent.
    pub fn referenced(
        &self,
        referenced: &Referenced,
        bag: &Bag,
        global_word_count: u32,
    ) -> ReferencedAttributes {
        let mut dictionary = Dictionary::new(global_word_count);
        let references = referenced.resolve(bag);
        let wanted = references.iter().filter(|reference| self.is_reported(reference, bag));
        let attribute_matches = wanted
            .map(|reference| AttributeMatch {
                name: dictionary.index(reference.attribute.as_bytes()),
                condition: match reference.presence {
                    Presence::Absent => Condition::Absence,
                    Presence::Exact => Condition::Exact,
                }
                .into(),
                regex: String::new(),
                map_key: reference.key.map_or(0, |key| dictionary.key_index(key)),
            })
            .collect();
        ReferencedAttributes { words: dictionary.into_words(), attribute_matches }
    }

    /// The original does not report the use of a whole map that is there.
    fn is_reported(&self, reference: &Reference<'_>, bag: &Bag) -> bool {
        if self.compat() == Compat::Fixed || reference.key.is_some() || reference.presence == Presence::Absent
        {
            return true;
        }
        let slot = self.vocabulary().slot(reference.attribute);
        !matches!(slot.and_then(|slot| bag.get(slot)), Some(Value::StringMap(_)))
    }
}

/// One match of a reply, with its words looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match<'a> {
    /// The attribute.
    pub attribute: Cow<'a, str>,
    /// The key of a map attribute.
    pub key: Option<Cow<'a, str>>,
    /// Whether it was there.
    pub condition: Condition,
}

/// Looks up the words of referenced attributes, as their receiver does, in any order of encoding. An index
/// that no list has reads as `word(INDEX)`, an unknown condition as unspecified.
pub fn resolve_matches(referenced: &ReferencedAttributes) -> Vec<Match<'_>> {
    let word = |index: i32| {
        let word = match usize::try_from(index) {
            Ok(global) => GLOBAL_WORDS.get(global).copied(),
            Err(_) => {
                usize::try_from(!index).ok().and_then(|place| referenced.words.get(place)).map(String::as_str)
            }
        };
        word.map_or_else(|| format!("word({index})").into(), Cow::Borrowed)
    };
    let matches = referenced.attribute_matches.iter().map(|m| Match {
        attribute: word(m.name),
        key: Some(m.map_key).filter(|key| *key != 0).map(word),
        condition: m.condition(),
    });
    matches.collect()
}
