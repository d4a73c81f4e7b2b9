//! Word lists: the global one, and that of a message with what is already known about its words.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use hashbrown::HashMap;
use mixer_attribute::{Bag, Slot, Span, SpanOutOfRange, Vocabulary};
use mixer_proto::GLOBAL_WORDS;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

static GLOBAL_INDEX: LazyLock<FastMap<&'static [u8], u32>> = LazyLock::new(|| {
    let words = GLOBAL_WORDS.iter().zip(0..);
    words.map(|(word, index)| (word.as_bytes(), index)).collect()
});

/// The index of a word in the global list.
pub(crate) fn global_index(word: &[u8]) -> Option<u32> {
    GLOBAL_INDEX.get(word).copied()
}

/// The text of a word.
#[derive(Clone, Copy, Debug)]
enum Text {
    Unchecked,
    Valid,
    /// Not UTF-8; a bag that uses it holds a repaired copy.
    Broken,
}

/// The word as the name of an attribute.
#[derive(Clone, Copy, Debug)]
enum Name {
    Unresolved,
    Unknown,
    Known(Slot),
}

#[derive(Clone, Debug)]
struct Word {
    start: u32,
    end: u32,
    text: Text,
    name: Name,
}

/// The words of a message or of one bag. What a word means is found out when it is first used and kept, so
/// that a list shared by many bags is checked and looked up once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    words: Vec<Word>,
    repaired: FastMap<usize, Span>,
    hidden: GlobalSet,
}

/// A set of places in the global list.
type GlobalSet = [u64; GLOBAL_WORDS.len().div_ceil(64)];

impl Words {
    pub(crate) fn push(&mut self, range: Range<u32>) {
        let Range { start, end } = range;
        self.words.push(Word { start, end, text: Text::Unchecked, name: Name::Unresolved });
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Forgets the words and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.repaired.clear();
        self.hidden = GlobalSet::default();
    }

    /// Forgets repaired copies: the bag that holds them was cleared.
    pub(crate) fn forget_repaired(&mut self) {
        self.repaired.clear();
    }

    /// Lets words of this list that are also global hide attributes given by global index.
    pub(crate) fn hide_globals(&mut self, message: &[u8]) {
        for word in &self.words {
            let bytes = message.get(word.start as usize..word.end as usize).unwrap_or_default();
            if let Some(index) = global_index(bytes) {
                self.hidden[index as usize / 64] |= 1 << (index % 64);
            }
        }
    }

    /// Whether a word of this list hides the global word at `index`.
    pub(crate) fn hides(&self, index: usize) -> bool {
        self.hidden.get(index / 64).is_some_and(|set| set & (1 << (index % 64)) != 0)
    }

    /// The bytes of a word.
    pub(crate) fn bytes<'m>(&self, index: usize, message: &'m [u8]) -> Option<&'m [u8]> {
        let word = self.words.get(index)?;
        Some(message.get(word.start as usize..word.end as usize).unwrap_or_default())
    }

    /// The word as the name of an attribute: its slot, or none when the vocabulary does not have it. The outer
    /// `None` is an index beyond the list.
    #[inline]
    pub(crate) fn slot(
        &mut self,
        index: usize,
        message: &[u8],
        vocabulary: &Vocabulary,
    ) -> Option<Option<Slot>> {
        let word = self.words.get_mut(index)?;
        if let Name::Unresolved = word.name {
            let bytes = message.get(word.start as usize..word.end as usize).unwrap_or_default();
            let name = match std::str::from_utf8(bytes) {
                Ok(name) => {
                    word.text = Text::Valid;
                    Cow::Borrowed(name)
                }
                Err(_) => String::from_utf8_lossy(bytes),
            };
            word.name = vocabulary.slot(&name).map_or(Name::Unknown, Name::Known);
        }
        match word.name {
            Name::Known(slot) => Some(Some(slot)),
            Name::Unresolved | Name::Unknown => Some(None),
        }
    }

    /// The word as a text of the bag: its place in the message, or that of a repaired copy. `None` is an index
    /// beyond the list.
    #[inline]
    pub(crate) fn span(
        &mut self,
        index: usize,
        message: &[u8],
        bag: &mut Bag,
    ) -> Option<Result<Span, SpanOutOfRange>> {
        let word = self.words.get_mut(index)?;
        let range = word.start as usize..word.end as usize;
        if let Text::Unchecked = word.text {
            let bytes = message.get(range.clone()).unwrap_or_default();
            word.text = if std::str::from_utf8(bytes).is_ok() { Text::Valid } else { Text::Broken };
        }
        match word.text {
            Text::Valid | Text::Unchecked => Some(bag.message_span(range)),
            Text::Broken => Some(self.repair(index, range, message, bag)),
        }
    }

    /// A copy in which U+FFFD stands for what is not UTF-8; one for each word and bag, so that text used many
    /// times is not held many times.
    #[cold]
    fn repair(
        &mut self,
        index: usize,
        range: Range<usize>,
        message: &[u8],
        bag: &mut Bag,
    ) -> Result<Span, SpanOutOfRange> {
        if let Some(span) = self.repaired.get(&index) {
            return Ok(*span);
        }
        let text = String::from_utf8_lossy(message.get(range).unwrap_or_default());
        let span = bag.intern(text.as_bytes())?;
        self.repaired.insert(index, span);
        Ok(span)
    }
}
