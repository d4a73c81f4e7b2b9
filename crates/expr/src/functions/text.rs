//! Text functions: lower case, and the patterns of `match`.

use std::borrow::Cow;

/// Lower case letter by letter, as Unicode's simple mapping has it; text that is lower already is not copied.
pub(crate) fn to_lower(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return if text.iter().any(u8::is_ascii_uppercase) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            text
        };
    }
    let lower: String =
        String::from_utf8_lossy(&text).chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    Cow::Owned(lower.into_bytes())
}

/// A pattern of `match`: a star at the end, else one at the beginning, stands for anything; every other
/// character stands for itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Glob<T> {
    Prefix(T),
    Suffix(T),
    Exact(T),
}

impl<'p> Glob<&'p [u8]> {
    pub(crate) fn parse(pattern: &'p [u8]) -> Self {
        match pattern {
            [prefix @ .., b'*'] => Self::Prefix(prefix),
            [b'*', suffix @ ..] => Self::Suffix(suffix),
            exact => Self::Exact(exact),
        }
    }

    /// The same pattern, kept.
    pub(crate) fn to_owned(&self) -> Glob<Box<[u8]>> {
        match *self {
            Self::Prefix(text) => Glob::Prefix(text.into()),
            Self::Suffix(text) => Glob::Suffix(text.into()),
            Self::Exact(text) => Glob::Exact(text.into()),
        }
    }
}

impl<T: AsRef<[u8]>> Glob<T> {
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_ref()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_ref()),
            Self::Exact(exact) => text == exact.as_ref(),
        }
    }
}
