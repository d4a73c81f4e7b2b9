//! The known name that a misspelt one most likely meant.

/// The candidate that differs least, when the difference is small enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean NAME?`, or nothing.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Letter case, `_` and `-` are no difference.
fn plain(word: &str) -> String {
    word.chars().take(128).filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}
