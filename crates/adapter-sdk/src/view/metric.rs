//! Template `metric`.

use super::map::{MapSpan, ValueMap};
use crate::value::ValueView;
use crate::wire::{Fields, Malformed};

/// An instance of template `metric`.
#[derive(Clone, Copy, Debug)]
pub struct MetricView<'a> {
    value: &'a [u8],
    dimensions: ValueMap<'a>,
    monitored_resource_type: &'a str,
    monitored_resource_dimensions: ValueMap<'a>,
}

impl<'a> MetricView<'a> {
    /// Finds the fields of an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not a `metric.InstanceMsg`.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut value, mut resource_type): (&[u8], _) = (&[], "");
        let (mut dimensions, mut resource_dimensions) = (MapSpan::new(2), MapSpan::new(4));
        let mut fields = Fields::new(bytes);
        while let Some((start, field)) = fields.next_from() {
            let field = field?;
            match field.number {
                1 => value = field.bytes()?,
                2 => dimensions.extend(start, fields.position()),
                3 => resource_type = field.text()?,
                4 => resource_dimensions.extend(start, fields.position()),
                _ => {}
            }
        }
        Ok(Self {
            value,
            dimensions: dimensions.of(bytes),
            monitored_resource_type: resource_type,
            monitored_resource_dimensions: resource_dimensions.of(bytes),
        })
    }

    /// What was measured; none when the instance has no value.
    ///
    /// # Errors
    ///
    /// The field is malformed.
    #[inline]
    pub fn value(&self) -> Result<Option<ValueView<'a>>, Malformed> {
        ValueView::parse(self.value)
    }

    /// The labels.
    #[inline]
    pub fn dimensions(&self) -> ValueMap<'a> {
        self.dimensions
    }

    /// Type of the monitored resource; usually empty.
    pub fn monitored_resource_type(&self) -> &'a str {
        self.monitored_resource_type
    }

    /// Labels of the monitored resource.
    pub fn monitored_resource_dimensions(&self) -> ValueMap<'a> {
        self.monitored_resource_dimensions
    }
}
