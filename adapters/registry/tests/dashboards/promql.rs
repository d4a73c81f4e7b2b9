//! Names of metrics in PromQL: what is neither function, keyword, label, text, duration nor variable.

const KEYWORDS: &[&str] = &["and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end", "atan2"];
/// Keywords that labels in parentheses follow.
const LABELS_FOLLOW: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

pub(crate) fn names(query: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '{' => {
                let end = closing(rest, '}')?;
                if rest[..end].contains("__name__") {
                    return Err("a name in braces is not looked at; write it in front".to_owned());
                }
                &rest[end..]
            }
            '[' => &rest[closing(rest, ']')?..],
            '"' | '\'' => &rest[text_end(rest, first)?..],
            '$' => after_word(rest[1..].trim_start_matches('{')),
            '0'..='9' => after_word(rest),
            'a'..='z' | 'A'..='Z' | '_' | ':' => {
                let behind = after_word(rest);
                let word = &rest[..rest.len() - behind.len()];
                let next = behind.trim_start();
                if LABELS_FOLLOW.contains(&word) {
                    match next.starts_with('(') {
                        true => &next[closing(next, ')')?..],
                        false => behind,
                    }
                } else {
                    if !KEYWORDS.contains(&word.to_ascii_lowercase().as_str()) && !is_function(next) {
                        names.push(word.to_owned());
                    }
                    behind
                }
            }
            other => &rest[other.len_utf8()..],
        };
    }
    Ok(names)
}

/// Whether what follows a word makes it a function or an aggregation.
fn is_function(next: &str) -> bool {
    let by =
        |keyword: &str| next.strip_prefix(keyword).is_some_and(|behind| behind.trim_start().starts_with('('));
    next.starts_with('(') || by("by") || by("without")
}

fn after_word(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Behind the bracket that closes the first one; texts are passed over.
fn closing(text: &str, bracket: char) -> Result<usize, String> {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        if c == bracket {
            return Ok(at + 1);
        }
        at += if c == '"' { text_end(&text[at..], c)? } else { c.len_utf8() };
    }
    Err(format!("there is no {bracket}"))
}

fn text_end(text: &str, quote: char) -> Result<usize, String> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Ok(at + 1),
            _ => {}
        }
    }
    Err("a text does not end".to_owned())
}
