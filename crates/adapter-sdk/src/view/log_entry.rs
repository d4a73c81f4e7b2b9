//! Template `logentry`.

use mixer_attribute::Timestamp;

use super::map::{MapSpan, ValueMap};
use crate::value::parse_timestamp;
use crate::wire::{Fields, Malformed};

/// An instance of template `logentry`.
#[derive(Clone, Copy, Debug)]
pub struct LogEntryView<'a> {
    variables: ValueMap<'a>,
    timestamp: Option<Timestamp>,
    severity: &'a str,
    monitored_resource_type: &'a str,
    monitored_resource_dimensions: ValueMap<'a>,
}

impl<'a> LogEntryView<'a> {
    /// Finds the fields of an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not a `logentry.InstanceMsg`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut timestamp, mut severity, mut resource_type) = (None, "", "");
        let (mut variables, mut resource_dimensions) = (MapSpan::new(1), MapSpan::new(5));
        let mut fields = Fields::new(bytes);
        while let Some((start, field)) = fields.next_from() {
            let field = field?;
            match field.number {
                1 => variables.extend(start, fields.position()),
                2 => timestamp = parse_timestamp(field.bytes()?)?,
                3 => severity = field.text()?,
                4 => resource_type = field.text()?,
                5 => resource_dimensions.extend(start, fields.position()),
                _ => {}
            }
        }
        Ok(Self {
            variables: variables.of(bytes),
            timestamp,
            severity,
            monitored_resource_type: resource_type,
            monitored_resource_dimensions: resource_dimensions.of(bytes),
        })
    }

    /// The fields of the entry.
    pub fn variables(&self) -> ValueMap<'a> {
        self.variables
    }

    /// When the entry was made; none when the instance does not say.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// How severe the matter is, in the words of the operator.
    pub fn severity(&self) -> &'a str {
        self.severity
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
