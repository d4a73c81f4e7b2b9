//! The bags of a report, one after the other in one [`Bag`]: a delta-encoded batch needs no copies.

use mixer_attribute::Bag;

use crate::codec::{Codec, Compat};
use crate::decode::{Element, Scratch};
use crate::error::BagError;
use crate::request::{ReportRequest, Semantics};
use crate::words::Words;

/// Reads the bags of a report. Made by [`Codec::report_bags`].
///
/// Not an iterator, because each bag lives in the same place: use `while let Some(bag) = bags.next_bag()`.
#[derive(Debug)]
pub struct ReportBags<'a> {
    codec: &'a Codec,
    request: &'a ReportRequest,
    default_words: Words<'a>,
    scratch: Scratch<'a>,
    bag: Bag,
    next: usize,
}

impl<'a> ReportBags<'a> {
    pub(crate) fn new(codec: &'a Codec, request: &'a ReportRequest) -> Self {
        let mut default_words = Words::shared(&request.default_words);
        if codec.compat() == Compat::Istio13 {
            default_words.hide_globals(&request.message);
        }
        let bag = Bag::over(codec.vocabulary().clone(), request.message.clone());
        Self { codec, request, default_words, scratch: Scratch::default(), bag, next: 0 }
    }

    /// The next bag, in the order of the report. A bag that cannot be read is an error and the next call goes
    /// on behind it; in a delta-encoded report what was read of it before the error stays.
    ///
    /// What [`Bag::derive`] added to the bag before is gone: generated attributes belong to one bag only.
    pub fn next_bag(&mut self) -> Option<Result<&mut Bag, BagError>> {
        let range = self.request.bags.get(self.next)?;
        let range = range.start as usize..range.end as usize;
        let update = match self.request.semantics {
            Semantics::Delta => {
                self.bag.clear_derived();
                self.next > 0
            }
            Semantics::Independent => {
                self.bag.clear();
                false
            }
            Semantics::Unknown(number) => {
                self.next += 1;
                return Some(Err(BagError::Semantics(number)));
            }
        };
        self.next += 1;
        let mut element = Element {
            codec: self.codec,
            message: &self.request.message,
            bag: &mut self.bag,
            shared: &mut self.default_words,
            scratch: &mut self.scratch,
            update,
        };
        Some(element.decode(range).map(|()| &mut self.bag))
    }
}
