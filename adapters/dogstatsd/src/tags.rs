//! Names and tags in the letters that Datadog takes.

use std::borrow::Cow;
use std::fmt;

/// The longest tag, in characters.
const MAX_TAG: usize = 200;

/// Tags that are sent with everything of a kind, ready to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FixedTags(Vec<(String, String)>);

impl FixedTags {
    /// Of keys and values.
    pub(crate) fn of<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut fixed = Self::default();
        for (key, value) in tags {
            let mut tag = Vec::new();
            write(&mut tag, key, value);
            fixed.0.push((fit_key(key).into_owned(), String::from_utf8_lossy(&tag).into_owned()));
        }
        fixed
    }

    /// Adds a tag as it was written, `key:value` or a word.
    pub(crate) fn add(&mut self, tag: &str) {
        let tag = fit(tag).into_owned();
        let key = tag.split_once(':').map_or(tag.as_str(), |(key, _)| key).to_owned();
        self.0.push((key, tag));
    }

    /// Writes those whose keys are not taken, each with a comma in front unless it is the first.
    pub(crate) fn write(&self, out: &mut Vec<u8>, start: usize, taken: impl Fn(&str) -> bool) {
        for (key, tag) in &self.0 {
            if !taken(key) {
                if out.len() > start {
                    out.push(b',');
                }
                out.extend_from_slice(tag.as_bytes());
            }
        }
    }

    pub(crate) fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|(key, _)| key == wanted)
    }
}

impl fmt::Display for FixedTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags: Vec<&str> = self.0.iter().map(|(_, tag)| tag.as_str()).collect();
        f.write_str(&tags.join(","))
    }
}

/// Writes a tag, and says whether something had to be changed.
pub(crate) fn write(out: &mut Vec<u8>, key: &str, value: &str) -> bool {
    let (fit_key, fit_value) = (fit_key(key), fit(value));
    let mut changed = matches!(fit_key, Cow::Owned(_)) || matches!(fit_value, Cow::Owned(_));
    let start = out.len();
    out.extend_from_slice(fit_key.as_bytes());
    out.push(b':');
    out.extend_from_slice(fit_value.as_bytes());
    // Only what has more bytes can have more characters.
    if out.len() - start > MAX_TAG {
        let tag = String::from_utf8_lossy(out.get(start..).unwrap_or_default()).into_owned();
        if let Some((end, _)) = tag.char_indices().nth(MAX_TAG) {
            out.truncate(start + end);
            changed = true;
        }
    }
    changed
}

/// A key: a tag's text without the colon that ends it.
fn fit_key(key: &str) -> Cow<'_, str> {
    match fit(key) {
        fit if fit.contains(':') => Cow::Owned(fit.replace(':', "_")),
        fit => fit,
    }
}

/// Text with `_` in the place of everything that Datadog's own client replaces in tags.
pub(crate) fn fit(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'/' | b'.');
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let fits = |letter: char| match u8::try_from(letter) {
        Ok(byte) if byte.is_ascii() => plain(byte),
        _ => letter.is_alphanumeric(),
    };
    if text.chars().all(fits) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect())
}

/// A name of a metric: ASCII letters, digits, `_` and `.`.
pub(crate) fn fit_name(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    name.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

/// Text of a field that ends at the next `|` or line end.
pub(crate) fn fit_field(text: &str) -> Cow<'_, str> {
    let fits = |letter: char| letter != '|' && !letter.is_control();
    match text.chars().all(fits) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()),
    }
}
