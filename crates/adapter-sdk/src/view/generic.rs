//! Instances of any template.

use super::NAME_FIELD;
use super::map::{MapSpan, ValueMap};
use crate::wire::{Field, Fields, Malformed};

/// An instance of any template, for adapters that have templates of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InstanceView<'a> {
    bytes: &'a [u8],
}

impl<'a> InstanceView<'a> {
    /// An instance that is looked at later.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The instance as it was sent.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The fields in the order in which they were sent.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.bytes)
    }

    /// The field of a number; of several the last one, which is the one that counts.
    ///
    /// # Errors
    ///
    /// The instance is malformed.
    pub fn field(&self, number: u32) -> Result<Option<Field<'a>>, Malformed> {
        let mut found = None;
        for field in self.fields() {
            let field = field?;
            if field.number == number {
                found = Some(field);
            }
        }
        Ok(found)
    }

    /// The fully qualified name; empty when the instance has none.
    ///
    /// # Errors
    ///
    /// The instance is malformed.
    pub fn name(&self) -> Result<&'a str, Malformed> {
        self.field(NAME_FIELD)?.map_or(Ok(""), |field| field.text())
    }

    /// The entries of a `map<string, Value>`.
    ///
    /// # Errors
    ///
    /// The instance is malformed.
    pub fn map(&self, number: u32) -> Result<ValueMap<'a>, Malformed> {
        let mut map = MapSpan::new(number);
        let mut fields = self.fields();
        while let Some((start, field)) = fields.next_from() {
            if field?.number == number {
                map.extend(start, fields.position());
            }
        }
        Ok(map.of(self.bytes))
    }
}
