//! Words being collected for a message: a global index where the reader knows one, a place in the message's
//! own list otherwise.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;

use crate::words::global_index;

/// The word list of a message that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dictionary {
    global_word_count: u32,
    words: Vec<String>,
    /// Places in `words`, by the hash of the word.
    places: HashTable<usize>,
    hasher: foldhash::fast::RandomState,
}

impl Dictionary {
    /// An empty list for a reader that knows so many global words.
    pub(crate) fn new(global_word_count: u32) -> Self {
        Self { global_word_count, ..Self::default() }
    }

    /// The index of a word. Of a word that is not UTF-8 a repaired copy (U+FFFD) is sent.
    pub(crate) fn index(&mut self, word: &[u8]) -> i32 {
        match self.global(word) {
            Some(index) => index,
            None => self.message_index(word),
        }
    }

    /// The index of a map key in `AttributeMatch.map_key`, where 0 means "no key": the global word 0 is
    /// spelled out.
    pub(crate) fn key_index(&mut self, word: &[u8]) -> i32 {
        match self.global(word) {
            Some(0) | None => self.message_index(word),
            Some(index) => index,
        }
    }

    /// The words to send.
    pub(crate) fn into_words(self) -> Vec<String> {
        self.words
    }

    fn global(&self, word: &[u8]) -> Option<i32> {
        if self.global_word_count == 0 {
            return None;
        }
        let index = global_index(word).filter(|index| *index < self.global_word_count)?;
        i32::try_from(index).ok()
    }

    fn message_index(&mut self, word: &[u8]) -> i32 {
        let word = String::from_utf8_lossy(word);
        let Self { words, places, hasher, .. } = self;
        let is_word = |place: &usize| words.get(*place).is_some_and(|other| *other == word);
        let rehash = |place: &usize| hasher.hash_one(words.get(*place).map_or("", String::as_str));
        let hash = hasher.hash_one(&*word);
        let place = match places.find(hash, is_word) {
            Some(place) => *place,
            None => {
                let place = words.len();
                places.insert_unique(hash, place, rehash);
                words.push(word.into_owned());
                place
            }
        };
        i32::try_from(place).map_or(i32::MIN, |place| !place)
    }
}
