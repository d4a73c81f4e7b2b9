//! Template `quota`.

use super::map::{MapSpan, ValueMap};
use crate::wire::{Fields, Malformed};

/// An instance of template `quota`.
#[derive(Clone, Copy, Debug)]
pub struct QuotaView<'a> {
    dimensions: ValueMap<'a>,
}

impl<'a> QuotaView<'a> {
    /// Finds the fields of an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not a `quota.InstanceMsg`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut dimensions = MapSpan::new(1);
        let mut fields = Fields::new(bytes);
        while let Some((start, field)) = fields.next_from() {
            if field?.number == 1 {
                dimensions.extend(start, fields.position());
            }
        }
        Ok(Self { dimensions: dimensions.of(bytes) })
    }

    /// What tells one count from another.
    pub fn dimensions(&self) -> ValueMap<'a> {
        self.dimensions
    }
}
