//! Word lists: the global one, and that of a message with what is already known about its words.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use hashbrown::HashMap;
use mixer_attribute::{Bag, Slot, Span, SpanOutOfRange, Vocabulary};
use mixer_proto::GLOBAL_WORDS;

/// Room for the words of most requests, taken at once.
const USUAL_WORDS: usize = 64;

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
    /// Not UTF-8; the bag holds a repaired copy.
    Broken,
}

/// The word as the name of an attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// The vocabulary has it.
    Known(Slot),
    /// It does not; equal names have equal numbers.
    Unknown(u32),
}

#[derive(Clone, Debug)]
struct Word {
    start: u32,
    end: u32,
    text: Text,
    name: Option<Name>,
}

/// A set of places in the global list.
type GlobalSet = [u64; GLOBAL_WORDS.len().div_ceil(64)];

/// The words of a message or of one bag. What a word means is found out when it is first used and kept: a
/// list shared by many bags is looked up once, and a long word costs its length once, however often it is
/// used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words<'m> {
    words: Vec<Word>,
    unknown: FastMap<&'m [u8], u32>,
    repaired: FastMap<usize, Span>,
    hidden: GlobalSet,
    /// Every word is known to be ASCII.
    ascii: bool,
}

impl<'m> Words<'m> {
    /// The default words of a report; [`crate::parse_report`] has seen to it that they are UTF-8.
    pub(crate) fn shared(ranges: &[Range<u32>]) -> Self {
        let words = ranges.iter().map(|range| Word::new(range.clone(), Text::Valid));
        Self { words: words.collect(), ..Self::default() }
    }

    pub(crate) fn push(&mut self, range: Range<u32>) {
        if self.words.capacity() == 0 {
            self.words.reserve(USUAL_WORDS);
        }
        self.words.push(Word::new(range, Text::Unchecked));
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
        self.unknown.clear();
        self.repaired.clear();
        self.hidden = GlobalSet::default();
        self.ascii = false;
    }

    /// Finds out at once whether all words are ASCII: they usually lie side by side, with nothing but their
    /// tags and lengths between them.
    pub(crate) fn look_at_all(&mut self, message: &[u8]) {
        if let (Some(first), Some(last)) = (self.words.first(), self.words.last()) {
            let all = message.get(first.start as usize..last.end as usize);
            self.ascii = all.is_some_and(<[u8]>::is_ascii);
        }
    }

    /// Lets words of this list that are also global hide attributes given by global index.
    pub(crate) fn hide_globals(&mut self, message: &[u8]) {
        for word in &self.words {
            if let Some(index) = global_index(word.bytes(message)) {
                self.hidden[index as usize / 64] |= 1 << (index % 64);
            }
        }
    }

    /// Whether a word of this list hides the global word at `index`.
    pub(crate) fn hides(&self, index: usize) -> bool {
        self.hidden.get(index / 64).is_some_and(|set| set & (1 << (index % 64)) != 0)
    }

    /// The bytes of a word.
    pub(crate) fn bytes(&self, index: usize, message: &'m [u8]) -> Option<&'m [u8]> {
        self.words.get(index).map(|word| word.bytes(message))
    }

    /// The word as the name of an attribute; `None` for an index beyond the list.
    #[inline]
    pub(crate) fn name(&mut self, index: usize, message: &'m [u8], vocabulary: &Vocabulary) -> Option<Name> {
        let word = self.words.get_mut(index)?;
        if word.name.is_some() {
            return word.name;
        }
        let bytes = word.bytes(message);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => {
                word.text = Text::Valid;
                Cow::Borrowed(text)
            }
            Err(_) => String::from_utf8_lossy(bytes),
        };
        let name = match vocabulary.slot(&text) {
            Some(slot) => Name::Known(slot),
            None => Name::Unknown(global_index(bytes).unwrap_or_else(|| {
                let next = (GLOBAL_WORDS.len() + self.unknown.len()) as u32;
                *self.unknown.entry(bytes).or_insert(next)
            })),
        };
        word.name = Some(name);
        word.name
    }

    /// The word as a text of the bag: its place in the message, or that of a repaired copy. `None` for an index
    /// beyond the list.
    #[inline]
    pub(crate) fn span(
        &mut self,
        index: usize,
        message: &[u8],
        bag: &mut Bag,
    ) -> Option<Result<Span, SpanOutOfRange>> {
        let word = self.words.get_mut(index)?;
        if self.ascii {
            return Some(bag.message_span(word.range()));
        }
        if let Text::Unchecked = word.text {
            let valid = std::str::from_utf8(word.bytes(message)).is_ok();
            word.text = if valid { Text::Valid } else { Text::Broken };
        }
        if let Text::Valid = word.text {
            return Some(bag.message_span(word.range()));
        }
        Some(self.repair(index, message, bag))
    }

    /// A copy in which U+FFFD stands for what is not UTF-8; one for each word, so that text used many times is
    /// not held many times.
    #[cold]
    fn repair(&mut self, index: usize, message: &[u8], bag: &mut Bag) -> Result<Span, SpanOutOfRange> {
        if let Some(span) = self.repaired.get(&index) {
            return Ok(*span);
        }
        let bytes = self.words.get(index).map(|word| word.bytes(message)).unwrap_or_default();
        let span = bag.intern(String::from_utf8_lossy(bytes).as_bytes())?;
        self.repaired.insert(index, span);
        Ok(span)
    }
}

/// Copies of global words in the arena of a bag, each word once however often it is used.
#[derive(Debug)]
pub(crate) struct GlobalTexts {
    /// For each global word, one more than its place in `spans`; 0 for none.
    places: [u8; GLOBAL_WORDS.len()],
    spans: Vec<Span>,
}

impl Default for GlobalTexts {
    fn default() -> Self {
        Self { places: [0; GLOBAL_WORDS.len()], spans: Vec::new() }
    }
}

impl GlobalTexts {
    /// Forgets the copies: the bag is another one, or empty again.
    pub(crate) fn clear(&mut self) {
        if !self.spans.is_empty() {
            self.places.fill(0);
            self.spans.clear();
        }
    }

    /// The text of a global word; `None` beyond the list.
    #[inline]
    pub(crate) fn span(&mut self, index: usize, bag: &mut Bag) -> Option<Result<Span, SpanOutOfRange>> {
        let place = self.places.get_mut(index)?;
        if let Some(span) = usize::from(*place).checked_sub(1).and_then(|place| self.spans.get(place)) {
            return Some(Ok(*span));
        }
        let span = bag.intern(GLOBAL_WORDS.get(index)?.as_bytes());
        if let (Ok(span), Ok(next)) = (&span, u8::try_from(self.spans.len() + 1)) {
            self.spans.push(*span);
            *place = next;
        }
        Some(span)
    }
}

impl Word {
    fn new(range: Range<u32>, text: Text) -> Self {
        Self { start: range.start, end: range.end, text, name: None }
    }

    fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn bytes<'m>(&self, message: &'m [u8]) -> &'m [u8] {
        message.get(self.range()).unwrap_or_default()
    }
}
