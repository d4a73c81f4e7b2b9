//! The attributes of a series: sorted, so that the same ones are the same series whatever the order they came in.

use std::hash::{Hash, Hasher};

/// The value of an attribute.
#[derive(Clone, Debug)]
pub enum Attribute {
    /// A text.
    Text(Box<str>),
    /// An integer.
    Int(i64),
    /// A number. Two are the same when their bits are.
    Double(f64),
    /// Yes or no.
    Bool(bool),
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Attribute {}

impl Hash for Attribute {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Text(text) => text.hash(state),
            Self::Int(number) => number.hash(state),
            Self::Double(number) => number.to_bits().hash(state),
            Self::Bool(value) => value.hash(state),
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Attributes sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(Box<[(Box<str>, Attribute)]>);

impl Attributes {
    /// Sorts attributes. Of a name that comes twice the last value counts.
    pub fn new<'a>(attributes: impl IntoIterator<Item = (&'a str, Attribute)>) -> Self {
        let mut all: Vec<(Box<str>, Attribute)> =
            attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        if !all.is_sorted_by(|(a, _), (b, _)| a < b) {
            all.reverse();
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            all.dedup_by(|(a, _), (b, _)| a == b);
        }
        Self(all.into())
    }

    /// The attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
