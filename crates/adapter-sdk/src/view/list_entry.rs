//! Template `listentry`.

use crate::value::ValueView;
use crate::wire::{Fields, Malformed};

/// An instance of template `listentry`.
#[derive(Clone, Copy, Debug)]
pub struct ListEntryView<'a> {
    value: Option<ValueView<'a>>,
}

impl<'a> ListEntryView<'a> {
    /// Reads an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not a `listentry.InstanceMsg`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut value = None;
        for field in Fields::new(bytes) {
            let field = field?;
            if field.number == 1 {
                value = ValueView::parse(field.bytes()?)?;
            }
        }
        Ok(Self { value })
    }

    /// What to look up; none when the instance has no value.
    pub fn value(&self) -> Option<ValueView<'a>> {
        self.value
    }
}
