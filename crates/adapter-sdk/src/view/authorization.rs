//! Template `authorization`.

use super::map::{MapSpan, ValueMap};
use crate::wire::{Fields, Malformed};

/// An instance of template `authorization`.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationView<'a> {
    /// Who does it; none when the instance has no subject.
    pub subject: Option<SubjectView<'a>>,
    /// What is done; none when the instance has no action.
    pub action: Option<ActionView<'a>>,
}

/// Who does something.
#[derive(Clone, Copy, Debug)]
pub struct SubjectView<'a> {
    /// Name of the user.
    pub user: &'a str,
    /// Groups of the user.
    pub groups: &'a str,
    /// Anything else.
    pub properties: ValueMap<'a>,
}

/// What is done, and to what.
#[derive(Clone, Copy, Debug)]
pub struct ActionView<'a> {
    /// Namespace of the service.
    pub namespace: &'a str,
    /// Name of the service.
    pub service: &'a str,
    /// Method.
    pub method: &'a str,
    /// Path of the HTTP request.
    pub path: &'a str,
    /// Anything else.
    pub properties: ValueMap<'a>,
}

impl<'a> AuthorizationView<'a> {
    /// Reads an instance.
    ///
    /// # Errors
    ///
    /// The bytes are not an `authorization.InstanceMsg`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut subject, mut action) = (None, None);
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => subject = Some(SubjectView::parse(field.bytes()?)?),
                2 => action = Some(ActionView::parse(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(Self { subject, action })
    }
}

impl<'a> SubjectView<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (texts, properties) = texts_and_properties::<2>(bytes)?;
        let [user, groups] = texts;
        Ok(Self { user, groups, properties })
    }
}

impl<'a> ActionView<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (texts, properties) = texts_and_properties::<4>(bytes)?;
        let [namespace, service, method, path] = texts;
        Ok(Self { namespace, service, method, path, properties })
    }
}

/// Both messages hold texts in fields 1 to N and a map in the field behind them.
fn texts_and_properties<const N: usize>(bytes: &[u8]) -> Result<([&str; N], ValueMap<'_>), Malformed> {
    let mut texts = [""; N];
    let map_field = N as u32 + 1;
    let mut properties = MapSpan::new(map_field);
    let mut fields = Fields::new(bytes);
    while let Some((start, field)) = fields.next_from() {
        let field = field?;
        if field.number == map_field {
            properties.extend(start, fields.position());
        } else if let Some(text) = texts.get_mut(field.number as usize - 1) {
            *text = field.text()?;
        }
    }
    Ok((texts, properties.of(bytes)))
}
