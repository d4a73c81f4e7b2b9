//! The codec of one configuration snapshot: compressed attributes in, bags out.

use std::sync::Arc;

use mixer_attribute::{Bag, Vocabulary};
use mixer_proto::GLOBAL_WORDS;

use crate::decode::{Element, Scratch};
use crate::error::BagError;
use crate::report::ReportBags;
use crate::request::{CheckRequest, ReportRequest};
use crate::words::{Name, Words};

/// Which answer is given where the original's was a defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// A global index always means the global word; an undefined index makes a bag malformed; the use of a whole
    /// map is part of what was read.
    #[default]
    Fixed,
    /// As Istio 1.3: a word of the message that is also a global word hides the attribute that is given by
    /// global index, and an attribute with an undefined index (of its name or in its value) is absent, except
    /// for both in the second and later bags of a delta-encoded report; the use of a whole map is not reported.
    Istio13,
}

/// Reads bags for one vocabulary. Made once per configuration snapshot; cheap to share.
#[derive(Debug)]
pub struct Codec {
    vocabulary: Arc<Vocabulary>,
    compat: Compat,
    /// What each global word is as the name of an attribute.
    global_names: Vec<Name>,
}

impl Codec {
    /// A codec for bags of this vocabulary.
    pub fn new(vocabulary: Arc<Vocabulary>, compat: Compat) -> Self {
        let name = |(word, number)| vocabulary.slot(word).map_or(Name::Unknown(number), Name::Known);
        let global_names = GLOBAL_WORDS.into_iter().zip(0..).map(name).collect();
        Self { vocabulary, compat, global_names }
    }

    /// The vocabulary of the bags.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// Which answers it gives.
    pub fn compat(&self) -> Compat {
        self.compat
    }

    /// A global word as the name of an attribute; `None` beyond the list.
    #[inline]
    pub(crate) fn global_name(&self, index: usize) -> Option<Name> {
        self.global_names.get(index).copied()
    }

    /// Reads the attributes of a check request.
    ///
    /// # Errors
    /// The bytes are not `CompressedAttributes`, an index stands for nothing, an attribute comes twice, or a
    /// value is out of range.
    pub fn check_bag(&self, request: &CheckRequest) -> Result<Bag, BagError> {
        let message = &request.attributes;
        let mut bag = Bag::over(self.vocabulary.clone(), message.clone());
        let mut element = Element {
            codec: self,
            message,
            bag: &mut bag,
            shared: &mut Words::default(),
            scratch: &mut Scratch::default(),
            update: false,
        };
        element.decode(0..message.len())?;
        Ok(bag)
    }

    /// Reads the bags of a report one after the other.
    pub fn report_bags<'a>(&'a self, request: &'a ReportRequest) -> ReportBags<'a> {
        ReportBags::new(self, request)
    }
}
