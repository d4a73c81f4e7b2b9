//! Words being collected for a message: a global index where the reader knows one, a place in the message's
//! own list otherwise.

use hashbrown::HashMap;

use crate::words::global_index;

/// The word list of a message that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dictionary {
    global_word_count: u32,
    words: Vec<String>,
    indices: HashMap<Vec<u8>, i32, foldhash::fast::RandomState>,
}

impl Dictionary {
    /// An empty list for a reader that knows so many global words.
    pub(crate) fn new(global_word_count: u32) -> Self {
        Self { global_word_count, ..Self::default() }
    }

    /// The index of a word.
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
        let index = global_index(word).filter(|index| *index < self.global_word_count)?;
        i32::try_from(index).ok()
    }

    fn message_index(&mut self, word: &[u8]) -> i32 {
        if let Some(index) = self.indices.get(word) {
            return *index;
        }
        let index = i32::try_from(self.words.len()).map_or(i32::MIN, |place| !place);
        self.words.push(String::from_utf8_lossy(word).into_owned());
        self.indices.insert(word.to_vec(), index);
        index
    }
}
