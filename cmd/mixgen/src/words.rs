//! Puts words into the texts of files.

/// Puts words where `{{name}}` stands.
pub(crate) fn fill(text: &str, words: &[(&str, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("{{{{{name}}}}}"), word))
}
