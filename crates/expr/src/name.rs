//! An attribute name inside an error value. Names of usual length are stored inline: an absent attribute is an
//! everyday outcome of a match, and reporting it must neither allocate nor touch a shared counter.

use std::fmt;

const INLINE: usize = 30;

/// The name of an attribute.
#[derive(Clone)]
pub struct AttributeName(Repr);

#[derive(Clone)]
enum Repr {
    Inline(u8, [u8; INLINE]),
    Heap(Box<str>),
}

impl AttributeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(len, bytes) => bytes
                .get(..usize::from(*len))
                .and_then(|name| std::str::from_utf8(name).ok())
                .unwrap_or_default(),
            Repr::Heap(name) => name,
        }
    }
}

impl From<&str> for AttributeName {
    fn from(name: &str) -> Self {
        let mut bytes = [0; INLINE];
        match bytes.get_mut(..name.len()) {
            Some(place) => {
                place.copy_from_slice(name.as_bytes());
                Self(Repr::Inline(name.len() as u8, bytes))
            }
            None => Self(Repr::Heap(name.into())),
        }
    }
}

impl PartialEq for AttributeName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for AttributeName {}

impl fmt::Debug for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
